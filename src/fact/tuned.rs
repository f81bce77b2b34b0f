use super::{API_VERSION, Tunable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the two containers of the agent's pod find it.
pub const TUNED_FILE: &str = "/run/buildkit-preflight/tuned.json";

/// What `tune` did on a node since it started: what the container that sets sysctls tells the one that publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tuned {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `Tuned`.
    pub kind: String,
    /// The boot in which it was done: sysctls do not outlive one.
    pub boot_id: String,
    /// What was set, the latest last.
    pub changes: Vec<SysctlChange>,
    /// Whether a file sets it again at each boot.
    pub persisted: bool,
    /// Why something is not set that should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// One sysctl that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SysctlChange {
    /// Which.
    pub sysctl: Tunable,
    /// The value before.
    pub from: u64,
    /// The value since.
    pub to: u64,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

/// Why a sysctl is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// In one word.
    pub reason: Reason,
    /// What was seen and what to do.
    pub message: String,
    /// Since when, RFC 3339 in UTC.
    pub at: String,
}

/// What kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum Reason {
    /// A file says that it shall be 0.
    Policy,
    /// Another writer sets it back again and again.
    TugOfWar,
    /// It could not be written.
    Failed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 3] = [Reason::Policy, Reason::TugOfWar, Reason::Failed];
}

impl Tuned {
    /// Nothing yet.
    pub fn new(boot_id: String) -> Self {
        Tuned { api_version: API_VERSION.into(), kind: "Tuned".into(), boot_id, changes: Vec::new(), persisted: false, problem: None }
    }
}
