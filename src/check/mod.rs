//! From facts to verdicts: a table of checks over plain values.
//!
//! [`judge`] looks at one [`Case`], a profile in the light of the facts, and says whether a builder
//! of that profile would work. What was tried outranks what was read: a step that worked overrules a
//! fact that looks bad, and a step that failed is decisive; the facts then name its cause.

mod candidate;
mod case;
mod cause;
mod confinement;
mod idmap;
mod pod;
mod profile;
mod row;
mod storage;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod userns;
mod verdict;

pub use candidate::{Candidacy, Support, candidacy, procmount_support};
pub use case::Case;
pub use cause::{Cause, Level};
pub use profile::Profile;
pub use row::Check;
pub use table::CHECKS;
pub use userns::least_values;
pub use verdict::{Evidence, Finding, Outcome, Ready, Snapshotter, Verdict, judge};
