//! What stands on a Node: the names of our labels and conditions, and what is read of the object.

mod conditions;
mod labels;
mod names;
mod object;
mod observation;
mod view;

pub use conditions::{CONDITIONS, ConditionRow, ConditionType, Status};
pub use labels::{Key, LABELS, Label, Speaker, Values};
pub use names::{DEFAULT_PREFIX, MESSAGE_BYTES, REFUSAL, component, manager};
pub use object::Node;
pub use observation::Observation;
pub use view::{StandingCondition, View};
