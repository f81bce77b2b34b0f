//! From facts to verdicts: a table of checks over plain values.
//!
//! [`judge`] looks at one [`Case`], a profile in the light of the facts, and says whether a builder
//! of that profile would work. What was tried outranks what was read: a step that worked overrules a
//! fact that looks bad, and a step that failed is decisive; the facts then name its cause.

mod case;
mod confinement;
mod idmap;
mod judge;
pub(crate) mod kubernetes;
mod message;
mod pod;
#[cfg(test)]
mod reaches;
mod row;
mod storage;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod userns;

pub use case::Case;
pub use judge::{Evidence, Finding, Outcome, Ready, Snapshotter, Verdict, judge};
pub use kubernetes::{Support, procmount_support};
pub(crate) use message::step_of;
pub use row::Check;
pub use table::CHECKS;
pub use userns::least_values;
