use super::Fact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the node has to offer to builds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// The node's CPUs that are on line, whatever share of them this pod may use.
    #[serde(default)]
    pub cpus: Fact<u64>,
    /// The node's memory in bytes.
    #[serde(default)]
    pub memory_bytes: Fact<u64>,
    /// Memory that is free or can be freed, in bytes.
    #[serde(default)]
    pub memory_available_bytes: Fact<u64>,
}
