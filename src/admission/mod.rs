//! Whether a cluster would let a builder's pod be made as it is: what the API server answered to a dry run, explained. Pure.
//!
//! A server-side dry run goes all the way of a real one: a field whose feature gate is off is dropped without a word, defaults
//! are filled in, webhooks and policies change it, it is validated, Pod Security, quotas and others may refuse it. It says
//! nothing of nodes. Whether builds fail by a change, the judge of pods says ([`crate::pod`]): it looks at what was sent, at what
//! came back, and at what was sent with that one change.

mod changer;
mod compare;
mod finding;
mod judge;
mod kept;
mod refusal;
mod remedy;
#[cfg(test)]
mod tests;

pub use compare::Change;
pub use finding::{Finding, Obstacle, Outcome, title};
pub use judge::{Admission, Answer, judge, judge_builder};
