//! What stands on a Node: the names of our labels and conditions, what is read of the object, and by which rules the agent's account
//! may write it.

mod conditions;
mod labels;
mod names;
mod object;
mod observation;
mod pool;
mod rules;
mod view;

pub use conditions::{CONDITIONS, ConditionRow, ConditionType, Status};
pub use labels::{Key, LABELS, Label, Speaker, Values};
pub use names::{COMPONENT, DEFAULT_PREFIX, MESSAGE_BYTES, OBEYED, REASON_BYTES, component, is_obeyed, manager};
pub use object::{Machine, Node, Taint};
pub use observation::Observation;
pub use pool::{OWNER_KEY, POOL_KEY, POOL_KEYS, Pool, TAINT_KEY, TAINT_PREFIX, TAINT_VALUE};
pub use rules::Rule;
pub use view::{Scheduling, StandingCondition, View};
