//! A Node as the API server sends it.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A Node, as far as it concerns us. What is made of it is a [`super::View`].
#[derive(Debug, Deserialize)]
pub struct Node {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: NodeSpec,
    #[serde(default)]
    pub(super) status: NodeStatus,
}

/// What a Node says of its machine, as it says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine<'a> {
    /// The operating system.
    pub os: &'a str,
    /// The kernel.
    pub kernel: &'a str,
    /// The kubelet's version.
    pub kubelet: &'a str,
    /// The container runtime, with its version.
    pub runtime: &'a str,
    /// The status of the condition `Ready`, which is the kubelet's.
    pub ready: Option<&'a str>,
    /// What of Cluster API made the machine: its kind, and its name.
    pub owner: Option<(&'a str, &'a str)>,
}

impl Node {
    /// What it says of its machine.
    pub fn machine(&self) -> Machine<'_> {
        let (info, notes) = (&self.status.node_info, &self.metadata.annotations);
        Machine {
            os: &info.os_image,
            kernel: &info.kernel_version,
            kubelet: &info.kubelet_version,
            runtime: &info.container_runtime_version,
            ready: self.status.conditions.iter().find(|condition| condition.kind == "Ready").map(|condition| condition.status.as_str()),
            owner: notes.owner_kind.as_deref().zip(notes.owner_name.as_deref()),
        }
    }

    /// Its labels.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.metadata.labels
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeSpec {
    pub(super) unschedulable: bool,
    pub(super) taints: Vec<Taint>,
}

/// What keeps pods off a node that do not tolerate it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// `dedicated=builds:NoSchedule`.
impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.value.is_empty() { String::new() } else { format!("={}", self.value) };
        write!(f, "{}{value}:{}", self.key, self.effect)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) uid: String,
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default)]
    pub(super) creation_timestamp: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: Annotations,
    #[serde(default)]
    pub(super) managed_fields: Vec<Managed>,
}

/// Those that Cluster API puts on a Node: its labels of a machine come to Nodes only where somebody asks for it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    #[serde(rename = "cluster.x-k8s.io/owner-kind")]
    pub(super) owner_kind: Option<String>,
    #[serde(rename = "cluster.x-k8s.io/owner-name")]
    pub(super) owner_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Managed {
    pub(super) manager: String,
    pub(super) fields_v1: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeStatus {
    pub(super) conditions: Vec<NodeCondition>,
    pub(super) node_info: NodeInfo,
    pub(super) runtime_handlers: Vec<RuntimeHandler>,
    pub(super) declared_features: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeCondition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) last_transition_time: Option<String>,
    pub(super) last_heartbeat_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeInfo {
    pub(super) kubelet_version: String,
    pub(super) container_runtime_version: String,
    pub(super) kernel_version: String,
    pub(super) os_image: String,
    pub(super) running_in_user_namespace: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RuntimeHandler {
    /// Empty for the default handler.
    pub(super) name: String,
    pub(super) features: Option<Features>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Features {
    pub(super) user_namespaces: Option<bool>,
    pub(super) recursive_read_only_mounts: Option<bool>,
}
