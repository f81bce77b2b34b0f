//! What builds do: one table of behaviours, and what each profile promises of them.
//!
//! A node or a pod is ready where all promised behaviours work. `docs/behaviours.md`, the trial build and the builds of the
//! tests are made of these rows.

mod daemon;
mod export;
mod files;
mod layers;
mod mounts;
mod network;
mod owners;
mod people;
mod processes;
mod row;
mod sources;
mod table;

pub use people::{Extent, again, beside, dockerfile};
pub use row::{Behaviour, Group, Lines, Need, Offer, Offers, Tried};
pub use table::{BEHAVIOURS, find, of_trial, promised};
