//! From facts to verdicts: a table of checks over plain values.
//!
//! [`judge`] looks at one [`Case`], a profile in the light of the facts, and says whether a builder
//! of that profile would work. What was tried outranks what was read: a step that worked overrules a
//! fact that looks bad, and a step that failed is decisive; the facts then name its cause.

mod answer;
mod basis;
mod boot;
mod case;
mod confinement;
mod idmap;
mod judge;
pub(crate) mod kubernetes;
mod layers;
mod message;
mod note;
mod own_pod;
mod place;
mod pod;
#[cfg(test)]
mod reaches;
mod row;
pub mod seen;
mod storage;
mod suspicion;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod tried;
mod userns;

pub use answer::{Answer, Causes, Evidence, Finding, Outcome, Ready, Verdict};
pub use basis::Basis;
pub use case::Case;
pub use judge::{PRECEDENCE, Rule, judge};
pub use kubernetes::{Support, procmount_support};
pub use note::{Note, Unfinished};
pub use place::Place;
pub use row::Check;
pub use suspicion::{Standing, standing};
pub use table::CHECKS;
pub use userns::least_values;
