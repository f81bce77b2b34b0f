//! What stands on a Node: the names of our labels and conditions, and what is read of the object.

mod names;
mod view;

pub use names::{ConditionType, DEFAULT_PREFIX, Key, MESSAGE_BYTES, REFUSAL, component, manager};
pub use view::{Node, NodeCondition};
