//! Ways to run buildkitd.

use crate::fact::{Asked, Builder, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The user ID of `moby/buildkit:rootless`.
pub const BUILDER_UID: u32 = 1000;

/// A way to run buildkitd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The rootless image as user 1000, unconfined, with `--oci-worker-no-process-sandbox`: upstream's way.
    NoProcessSandbox,
    /// The same without that flag, with `procMount: Unmasked` and `hostUsers: false`: each build step has its own PID namespace.
    #[serde(rename = "procmount")]
    ProcMount,
    /// The rootful image, privileged, in a pod with `hostUsers: false`.
    Userns,
    /// The rootless image as user 1000 in a privileged container: what Kubernetes before 1.12 needed.
    Privileged,
    /// Root in a privileged container without a user namespace: the last resort.
    Rootful,
}

impl Profile {
    /// All profiles, the default one first.
    pub const ALL: [Profile; 5] = [Profile::NoProcessSandbox, Profile::ProcMount, Profile::Userns, Profile::Privileged, Profile::Rootful];

    /// The id: `no-process-sandbox`.
    pub fn id(self) -> &'static str {
        match self {
            Profile::NoProcessSandbox => "no-process-sandbox",
            Profile::ProcMount => "procmount",
            Profile::Userns => "userns",
            Profile::Privileged => "privileged",
            Profile::Rootful => "rootful",
        }
    }

    /// What a builder of this profile does.
    pub fn plan(self) -> Plan {
        let builder = if self.uid() == 0 { Builder::Rootful } else { Builder::Rootless };
        Plan { builder, process_sandbox: self != Profile::NoProcessSandbox }
    }

    /// What the manifest of its pod asks for.
    pub fn asked(self) -> Asked {
        Asked {
            unconfined: true,
            user_namespace: self.has_pod_user_namespace(),
            unmasked_proc: self == Profile::ProcMount || self.is_privileged(),
        }
    }

    /// The user that its container runs as.
    pub fn uid(self) -> u32 {
        match self {
            Profile::NoProcessSandbox | Profile::ProcMount | Profile::Privileged => 1000,
            Profile::Userns | Profile::Rootful => 0,
        }
    }

    /// Whether its pod has a user namespace (`hostUsers: false`).
    pub fn has_pod_user_namespace(self) -> bool {
        matches!(self, Profile::ProcMount | Profile::Userns)
    }

    /// Those that only a pod of another kind than the default profile's can prove.
    pub const CANARIES: [Profile; 2] = [Profile::ProcMount, Profile::Userns];

    /// Whether a pod of the agent's has its shape and can prove it: `ready` is published of no other.
    pub fn is_proven_by_a_pod(self) -> bool {
        !matches!(self, Profile::Privileged | Profile::Rootful)
    }

    /// Whether its container is privileged: no seccomp, no AppArmor, no masks, all capabilities.
    pub fn is_privileged(self) -> bool {
        matches!(self, Profile::Userns | Profile::Privileged | Profile::Rootful)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let found = Profile::ALL.into_iter().find(|profile| profile.id() == id);
        found.ok_or_else(|| format!("unknown profile (one of {})", Profile::ALL.map(Profile::id).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_what_serde_writes() {
        for profile in Profile::ALL {
            assert_eq!(profile.id().parse(), Ok(profile));
            assert_eq!(serde_json::to_value(profile).expect("a string"), profile.id());
        }
        assert!("sandbox".parse::<Profile>().is_err());
    }
}
