//! What an agent wants to stand on its Node: labels, conditions and events as values.
//!
//! The contract with those who schedule and query by them. Pure: [`crate::api`] writes it, and
//! [`crate::node::Node`] is what stands there already.

mod canary;
mod candidacy;
mod condition;
mod desired;
mod event;
mod labels;
mod tuned;

pub use canary::{Canaries, Canary, Start};
pub use candidacy::{Candidacy, candidacy};
pub use condition::{Condition, Status};
pub use desired::{Desired, desired, proof};
pub use event::{Event, Severity, event};
pub use labels::Accept;
