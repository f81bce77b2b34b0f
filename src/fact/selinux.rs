use super::Fact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// SELinux, as its own file system tells, which a pod seldom sees. Absent where SELinux is not active.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selinux {
    /// Whether it refuses what its policy forbids.
    #[serde(default)]
    pub mode: Fact<SelinuxMode>,
    /// Whether the policy decides over new user namespaces (its class `user_namespace`, Linux 6.1).
    #[serde(default)]
    pub decides_user_namespaces: Fact<bool>,
    /// The policy's boolean `container_use_devices`: whether containers may use devices such as /dev/fuse. Absent also where the
    /// policy has no such boolean.
    #[serde(default)]
    pub container_use_devices: Fact<bool>,
}

impl Selinux {
    /// Whether it is known to refuse nothing, whatever label a process has.
    pub fn is_permissive(&self) -> bool {
        self.mode.known() == Some(&SelinuxMode::Permissive)
    }
}

/// Types that nested containers, or all that is privileged, run as: policies allow them what a builder does. `container_init_t` is none,
/// though a system may start in it: it mounts neither proc nor devpts.
const BUILDERS_TYPES: [&str; 3] = ["spc_t", "unconfined_t", "container_engine_t"];

/// Whether policies allow a process of this type what a builder does.
pub fn is_builders_type(kind: &str) -> bool {
    BUILDERS_TYPES.contains(&kind)
}

/// What SELinux does where its policy forbids something. Switched off it has no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SelinuxMode {
    /// It refuses.
    Enforcing,
    /// It writes that down, and lets it pass.
    Permissive,
}
