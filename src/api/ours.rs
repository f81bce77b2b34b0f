use crate::node::View;
use serde_json::{Map, Value, json};

/// What of us stands on a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    /// Keys of labels, with their prefix.
    pub labels: Vec<String>,
    /// Types of conditions.
    pub conditions: Vec<String>,
}

impl Ours {
    /// What of us stands on this Node.
    pub fn on(node: &View, prefix: &str) -> Self {
        let labels = node.ours.keys().map(|key| key.with(prefix)).collect();
        Ours { labels, conditions: node.conditions.keys().map(ToString::to_string).collect() }
    }

    /// What stands on this Node under our names though none of our agents has put it there.
    pub fn stray(node: &View, prefix: &str) -> Self {
        let labels = node.stray_labels.iter().map(|key| key.with(prefix)).collect();
        Ours { labels, conditions: node.stray_conditions().map(|kind| kind.to_string()).collect() }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.conditions.is_empty()
    }

    /// The strategic merge patch of a Node's status that takes it off.
    pub(super) fn removal(&self) -> Value {
        let labels: Map<String, Value> = self.labels.iter().map(|key| (key.clone(), Value::Null)).collect();
        let conditions: Vec<_> = self.conditions.iter().map(|kind| json!({"type": kind, "$patch": "delete"})).collect();
        let mut patch = json!({"metadata": {"labels": labels}});
        if !conditions.is_empty() {
            patch["status"] = json!({"conditions": conditions});
        }
        patch
    }
}
