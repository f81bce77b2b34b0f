//! The names on the Node. The admission policy lists the same ones; both come from here.

use crate::profile::Profile;
use std::fmt;

/// The prefix of our labels, unless `render agent --label-prefix` chose another.
pub const DEFAULT_PREFIX: &str = "buildkit-preflight.dev";

/// How the admission policy refuses a label that is not ours: by this the agent knows that it was the policy.
pub const REFUSAL: &str = "the agent may write only its own labels";

/// The longest message of a condition, in bytes.
pub const MESSAGE_BYTES: usize = 1024;

/// A label of ours, without its prefix. These and no others are ever written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A profile's verdict: `ready`, `not-ready` or `unknown`.
    Verdict(Profile),
    /// `true` where a canary of the profile `procmount` would start.
    ProcmountCandidate,
    /// The same for the profile `userns`.
    UsernsCandidate,
    /// Whether the runtime honours `procMount`: `supported`, `unsupported` or `unknown`.
    ProcmountRuntime,
    /// The length of a canary's uid_map.
    PodIds,
    /// How a builder would keep its layers.
    Snapshotter,
    /// The decisive cause of the default profile.
    Cause,
    /// `ID` of os-release.
    Distro,
    /// `VERSION_ID` of os-release.
    DistroVersion,
    /// Major and minor number of the kernel.
    Kernel,
    /// `0`, `1` or `absent`.
    UnprivilegedUsernsClone,
    /// `true` where sysctls were set by `tune`.
    Tuned,
}

impl Key {
    /// All keys.
    pub const ALL: [Key; 16] = [
        Key::Verdict(Profile::NoProcessSandbox),
        Key::Verdict(Profile::ProcMount),
        Key::Verdict(Profile::Userns),
        Key::Verdict(Profile::Privileged),
        Key::Verdict(Profile::Rootful),
        Key::ProcmountCandidate,
        Key::UsernsCandidate,
        Key::ProcmountRuntime,
        Key::PodIds,
        Key::Snapshotter,
        Key::Cause,
        Key::Distro,
        Key::DistroVersion,
        Key::Kernel,
        Key::UnprivilegedUsernsClone,
        Key::Tuned,
    ];

    /// Where a canary of the profile is sent, if it has one.
    pub fn candidate(profile: Profile) -> Option<Key> {
        match profile {
            Profile::ProcMount => Some(Key::ProcmountCandidate),
            Profile::Userns => Some(Key::UsernsCandidate),
            _ => None,
        }
    }

    /// The name below the prefix.
    pub fn name(self) -> &'static str {
        match self {
            Key::Verdict(profile) => profile.id(),
            Key::ProcmountCandidate => "procmount-candidate",
            Key::UsernsCandidate => "userns-candidate",
            Key::ProcmountRuntime => "procmount-runtime",
            Key::PodIds => "pod-ids",
            Key::Snapshotter => "snapshotter",
            Key::Cause => "cause",
            Key::Distro => "distro",
            Key::DistroVersion => "distro-version",
            Key::Kernel => "kernel",
            Key::UnprivilegedUsernsClone => "unprivileged-userns-clone",
            Key::Tuned => "tuned",
        }
    }

    /// The whole key: `buildkit-preflight.dev/kernel`.
    pub fn with(self, prefix: &str) -> String {
        format!("{prefix}/{}", self.name())
    }
}

/// A condition of ours. They have no effect on scheduling: Kubernetes taints only by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// Of the default profile.
    RootlessBuildKit,
    /// Of the profile `procmount`.
    ProcMount,
    /// Of the profile `userns`.
    Userns,
}

impl ConditionType {
    /// All types.
    pub const ALL: [ConditionType; 3] = [ConditionType::RootlessBuildKit, ConditionType::ProcMount, ConditionType::Userns];

    /// That of the profile, if some pod proves it.
    pub fn of(profile: Profile) -> Option<Self> {
        match profile {
            Profile::NoProcessSandbox => Some(ConditionType::RootlessBuildKit),
            Profile::ProcMount => Some(ConditionType::ProcMount),
            Profile::Userns => Some(ConditionType::Userns),
            Profile::Privileged | Profile::Rootful => None,
        }
    }

    /// What it speaks of.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            ConditionType::RootlessBuildKit => "rootless BuildKit",
            ConditionType::ProcMount => "rootless BuildKit with a process sandbox",
            ConditionType::Userns => "BuildKit in a pod's user namespace",
        }
    }

    /// `type` on the Node.
    pub fn name(self) -> &'static str {
        match self {
            ConditionType::RootlessBuildKit => "RootlessBuildKit",
            ConditionType::ProcMount => "RootlessBuildKitProcMount",
            ConditionType::Userns => "RootlessBuildKitUserns",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The label `app.kubernetes.io/component` of the pods that prove a profile.
pub fn component(profile: Profile) -> String {
    if profile == Profile::NoProcessSandbox { "agent".into() } else { format!("canary-{profile}") }
}

/// The field manager of the agent that proves a profile (server-side apply).
pub fn manager(profile: Profile) -> String {
    format!("buildkit-preflight/{}", profile.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_kubernetes_would_take_them() {
        let mut names: Vec<_> = Key::ALL.iter().map(|key| key.name()).collect();
        for name in &names {
            assert!(name.len() <= 63 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Key::ALL.len());
        assert!(Profile::ALL.iter().all(|profile| Key::ALL.contains(&Key::Verdict(*profile))));
    }
}
