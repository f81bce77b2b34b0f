//! The answer to `status`, for programs. Fields are only ever added.

use super::state::{ByProfile, Counts, Silence, State};
use super::word::Text;
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How all nodes of a cluster stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetReport {
    /// Always `buildkit-preflight.dev/v1`.
    pub api_version: String,
    /// Always `FleetReport`.
    pub kind: String,
    /// What all of it rests on.
    #[serde(flatten)]
    pub head: Head,
    /// How many nodes there are.
    pub nodes: usize,
    /// One answer for each profile.
    pub profiles: Vec<FleetProfile>,
    /// The pools, in the order of their names.
    pub pools: Vec<FleetPool>,
    /// All nodes, in the order of their names.
    pub list: Vec<FleetNode>,
}

/// What a report rests on: which cluster, when, by which rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The API server's version.
    pub kubernetes: String,
    /// What the kubeconfig calls the cluster.
    pub cluster: Option<String>,
    /// When the nodes were listed, in RFC 3339, by the API server's clock.
    pub time: String,
    /// The labels by which pools are told apart: the first one that a node has counts.
    pub group_by: Vec<String>,
    /// The profile that a reader sees first.
    pub default_profile: String,
    /// From which age on a heartbeat is too old, in seconds.
    pub stale_after_seconds: u64,
    /// The namespace in which the agent's pods were looked for.
    pub namespace: Option<String>,
    /// Why the agent's pods are not known; null where they are.
    pub pods_unknown: Option<String>,
}

/// How the nodes stand to one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetProfile {
    /// The profile.
    pub profile: Profile,
    /// How many nodes stand how.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why nodes are not ready, the commonest reason first.
    pub causes: Vec<FleetCause>,
    /// What one change would make of nodes that are not ready, the one of most nodes first.
    pub unlocks: Vec<Unlock>,
}

/// Why some nodes are not ready for a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetCause {
    /// How these nodes stand: never ready.
    pub verdict: State,
    /// The id of a cause, of another reason of the agent's, or of why an agent is silent.
    pub cause: Text,
    /// Half a sentence.
    pub title: String,
    /// How many nodes.
    pub nodes: usize,
    /// In which pools.
    pub pools: Vec<Text>,
    /// What to do, as most of these nodes say it.
    pub fix: Option<Text>,
}

/// What one change would make of nodes: as far as their agents have seen, nothing else stops a builder there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unlock {
    /// The change.
    pub change: Text,
    /// The cause that it removes.
    pub cause: Text,
    /// The pool; null for all nodes with this cause, where they lie in several.
    pub pool: Option<Text>,
    /// How many nodes are not ready for this cause, and name no further problem.
    pub nodes: usize,
    /// How many more have this cause and a further problem, which would stop a builder next.
    #[serde(default)]
    pub then_stopped: usize,
}

/// The nodes of one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetPool {
    /// The label that names it, as KEY=VALUE, or `no pool`.
    pub name: Text,
    /// How many nodes it has.
    pub nodes: usize,
    /// How many of them stand how, for each profile.
    pub profiles: ByProfile<Counts>,
    /// The commonest reason why its nodes are not ready for the default profile.
    pub cause: Option<Text>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetNode {
    /// Its name.
    pub name: Text,
    /// Its pool, as in the list of pools.
    pub pool: Text,
    /// The operating system, as the kubelet gives it.
    pub os: Text,
    /// The kernel, as the kubelet gives it.
    pub kernel: Text,
    /// The kubelet's version.
    pub kubelet: Text,
    /// The container runtime, with its version.
    pub runtime: Text,
    /// When the Node was made, in RFC 3339.
    #[serde(default)]
    pub created: Option<Text>,
    /// Whether `kubectl cordon` was called.
    #[serde(default)]
    pub cordoned: bool,
    /// What its kubelet says of itself: `True`, `False` or `Unknown`.
    #[serde(default)]
    pub kubelet_ready: Option<Text>,
    /// How it stands to each profile.
    pub profiles: ByProfile<Standing>,
    /// Why nobody vouches for it, where that is so for the default profile.
    pub silent_because: Option<Silence>,
    /// The same in a sentence.
    pub silent_text: Option<Text>,
}

/// How one node stands to one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// What is known now.
    pub verdict: State,
    /// The id of the decisive cause, or of another reason of the agent's.
    pub cause: Option<Text>,
    /// What the condition says, where one of our agents wrote it.
    pub message: Option<Text>,
    /// What the message says is to be done.
    #[serde(default)]
    pub fix: Option<Text>,
    /// The cause that would stop a builder next, where the message names one.
    #[serde(default)]
    pub next: Option<Text>,
    /// Since when it has been so, in RFC 3339.
    pub since: Option<Text>,
    /// When it was last written, in RFC 3339.
    pub heartbeat: Option<Text>,
    /// What the label says, by which pods are scheduled; it may be out of date.
    #[serde(default)]
    pub label: Option<Text>,
    /// Why nobody vouches for it.
    #[serde(default)]
    pub silent_because: Option<Silence>,
}
