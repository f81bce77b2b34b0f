//! Why a builder can't run, or runs badly, and what removes that.
//!
//! Each has a row, in the file of its subject: title, level, remedy, and a text for people. The id is stable: it stands in reports, in
//! labels and in the names of the texts.

mod admission;
mod build;
mod confinement;
#[cfg(test)]
mod example;
mod idmap;
mod image;
mod kind;
mod own_pod;
mod pod;
mod remedy;
mod row;
mod software;
mod storage;
mod table;
mod userns;

pub use kind::Cause;
pub(crate) use remedy::tunable;
pub use remedy::{ADVISED_LIMIT, Remedy, set_at_boot};
pub use row::{Ask, Level, Mark, Row};
pub use table::remedy;
