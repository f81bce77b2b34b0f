//! What an agent wants to stand on its Node: labels, conditions and events as values.
//!
//! The contract with those who schedule and query by them. Pure: [`crate::api`] writes it, and
//! [`crate::node::View`] is what stands there already.
//!
//! Each speaker says what is its own: `own`, `canary`, `system` and `tuned` (see [`crate::node::Speaker`]). What they say is made
//! of conditions, events and label values, which keep the limits of Kubernetes themselves. [`desired`] alone knows all speakers.

mod accept;
mod canary;
mod candidacy;
mod condition;
mod desired;
mod event;
mod nfd;
mod own;
mod reason;
mod said;
mod start;
mod system;
mod text;
mod tuned;
mod verdict;

pub use accept::Accept;
pub use candidacy::{Candidacy, candidacy};
pub use condition::Condition;
pub use desired::{Desired, desired, proof};
pub use event::{Event, Severity, Topic, event};
pub use nfd::{FEATURES_FILE, features, labels_of};
pub use reason::{EVENTS, EventRow, REASONS, Reason, ReasonRow, reason_of};
pub use start::{Canaries, Canary, Start};
pub use verdict::{Verdicts, fix_in, next_in};
