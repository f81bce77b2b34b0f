//! What the agent needs of the Node object, and the facts in it.

use super::names::{ConditionType, Key};
use crate::fact::{Fact, Kubelet, OsRelease};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A Node, as far as it concerns us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// Name, uid and labels.
    pub metadata: Metadata,
    /// What the kubelet and others say of it.
    #[serde(default)]
    pub status: NodeStatus,
}

/// `metadata` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// The node's name.
    pub name: String,
    /// Its uid, without which `kubectl describe node` does not show an event.
    pub uid: String,
    /// All labels, ours and others'.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// `status` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// All conditions, ours and others'.
    pub conditions: Vec<NodeCondition>,
    node_info: NodeInfo,
    runtime_handlers: Vec<RuntimeHandler>,
}

/// One condition as it stands on a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeCondition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Since when it has been that.
    pub last_transition_time: Option<String>,
    /// When it was last written.
    pub last_heartbeat_time: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: String,
    container_runtime_version: String,
    os_image: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct RuntimeHandler {
    /// Empty for the default handler.
    name: String,
    features: Option<Features>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Features {
    user_namespaces: Option<bool>,
}

impl Node {
    /// One of our labels, as it stands there.
    pub fn label(&self, prefix: &str, key: Key) -> Option<&str> {
        self.metadata.labels.get(&key.with(prefix)).map(String::as_str)
    }

    /// One of our conditions, as it stands there.
    pub fn condition(&self, kind: ConditionType) -> Option<&NodeCondition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind.name())
    }

    /// What the kubelet says of the node.
    pub fn kubelet(&self) -> Kubelet {
        let info = &self.status.node_info;
        let handler = self.status.runtime_handlers.iter().find(|handler| handler.name.is_empty());
        let claimed = handler.and_then(|handler| handler.features.as_ref()?.user_namespaces);
        Kubelet {
            version: Fact::Known(info.kubelet_version.clone()),
            runtime: match info.container_runtime_version.as_str() {
                // What the kubelet writes where the runtime did not answer.
                version if version.is_empty() || version.ends_with("Unknown") => Fact::Absent,
                version => Fact::Known(version.to_owned()).and_then(TryInto::try_into),
            },
            pod_user_namespaces: claimed.map_or(Fact::Absent, Fact::Known),
        }
    }

    /// The operating system, as the kubelet gives it for people.
    pub fn os(&self) -> Fact<OsRelease> {
        Fact::Known(self.status.node_info.os_image.clone())
            .and_then(|image| OsRelease::from_image(&image).ok_or_else(|| format!("the Node's osImage {image:?} is of no known system")))
    }
}
