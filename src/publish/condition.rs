use super::text;
use crate::node::{ConditionType, Status};

/// A condition that should stand on the Node. When it came to be so, the writer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub kind: ConditionType,
    /// Whether a builder runs.
    pub status: Status,
    /// The cause in CamelCase.
    pub reason: String,
    /// What is wrong, on what evidence, what to do.
    pub message: String,
    /// The same in short, for an event.
    pub short: String,
}

impl Condition {
    /// A condition whose texts are as long as Kubernetes takes them.
    pub(super) fn new(kind: ConditionType, status: Status, reason: String, message: String, short: String) -> Self {
        Condition { kind, status, reason, message: text::message(message), short: text::message(short) }
    }
}
