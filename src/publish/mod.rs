//! What an agent wants to stand on its Node: labels, conditions and events as values.
//!
//! The contract with those who schedule and query by them. Pure: [`crate::api`] writes it, and
//! [`Node`] is what stands there already.

mod canary;
mod condition;
mod desired;
mod event;
mod fleet;
mod labels;
mod names;
mod node;
mod tuned;

pub use canary::{Canaries, Canary, Start};
pub use condition::{Condition, Status};
pub use desired::{Desired, desired, proof};
pub use event::{Event, Severity, event};
pub use fleet::{Fleet, Operator, PREFERENCE, Requirement, Standing, best, requirements};
pub use labels::Accept;
pub use names::{ConditionType, DEFAULT_PREFIX, Key, MESSAGE_BYTES, REFUSAL, component, manager};
pub use node::{Node, NodeCondition};
