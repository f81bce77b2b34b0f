//! Why a builder can't run, or runs badly, and what removes that.

mod remedy;

pub use remedy::{ADVISED_LIMIT, Remedy, remedy, set_at_boot};
pub(crate) use remedy::{IMMUTABLE, tunable};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A stable id of a reason why a builder can't run, or runs badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// `user.max_user_namespaces` is 0.
    #[serde(rename = "userns-max0")]
    UsernsMax0,
    /// A limit on namespaces is not 0 but reached.
    UsernsExhausted,
    /// `kernel.unprivileged_userns_clone` is 0.
    #[serde(rename = "userns-clone0")]
    UsernsClone0,
    /// Ubuntu's `kernel.apparmor_restrict_unprivileged_userns` is 1.
    UsernsApparmorRestrict,
    /// The kernel was built without CONFIG_USER_NS.
    UsernsKconfig,
    /// The platform forbids user namespaces, in no way that a fact shows.
    PlatformSandbox,
    /// A system call filter refuses what a builder needs.
    Seccomp,
    /// An AppArmor profile refuses it.
    ApparmorProfile,
    /// SELinux refuses it.
    Selinux,
    /// A security module refuses it, and nothing shows which.
    ApparmorOrSelinux,
    /// exec can't gain privileges, so newuidmap gains none.
    NoNewPrivs,
    /// SETUID and SETGID are missing from the bounding set, so newuidmap can't have them.
    CapsDropped,
    /// newuidmap or newgidmap is missing or has no privilege.
    IdmapHelper,
    /// The user has no range of subordinate IDs, or an unfit one.
    SubidConfig,
    /// The range does not exist in the user namespace around the builder.
    NestedUsernsRange,
    /// The runtime does not give a pod a user namespace.
    UsernsPodRuntime,
    /// The runtime masks /proc in a pod that asks for `procMount: Unmasked`.
    ProcmountRuntime,
    /// `kernel.yama.ptrace_scope` is 3, which takes pods with a user namespace their volumes.
    Yama,
    /// /proc is masked, and the profile needs a fresh one for each build step.
    MaskedProc,
    /// The state dir's mount has flags that a build can't live with.
    LockedMountFlags,
    /// The kernel has no overlayfs in user namespaces.
    OverlayUsernsKernel,
    /// The state dir lies on an overlay.
    OverlayBackingFs,
    /// /dev/fuse can't be used.
    DevFuse,
    /// The user has as many keyrings as it may have.
    KeyQuota,
    /// No space is left.
    DiskSpace,
    /// The state dir can't be written by the builder's user.
    StateDir,
    /// A build fails, and nothing names why.
    BuildFailed,
}

/// Where a cause lies, and so who can remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// In the node: all pods of this shape meet it.
    Node,
    /// In the pod's (or this shell's) own confinement: another pod need not meet it.
    Pod,
    /// In the image.
    Image,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 27] = [
        Cause::UsernsKconfig,
        Cause::Seccomp,
        Cause::UsernsClone0,
        Cause::UsernsMax0,
        Cause::UsernsExhausted,
        Cause::UsernsApparmorRestrict,
        Cause::ApparmorProfile,
        Cause::Selinux,
        Cause::ApparmorOrSelinux,
        Cause::PlatformSandbox,
        Cause::SubidConfig,
        Cause::CapsDropped,
        Cause::NoNewPrivs,
        Cause::IdmapHelper,
        Cause::NestedUsernsRange,
        Cause::Yama,
        Cause::UsernsPodRuntime,
        Cause::ProcmountRuntime,
        Cause::StateDir,
        Cause::DiskSpace,
        Cause::OverlayUsernsKernel,
        Cause::OverlayBackingFs,
        Cause::DevFuse,
        Cause::LockedMountFlags,
        Cause::KeyQuota,
        Cause::MaskedProc,
        Cause::BuildFailed,
    ];

    /// The id: `userns-max0`.
    pub fn id(self) -> &'static str {
        match self {
            Cause::UsernsMax0 => "userns-max0",
            Cause::UsernsExhausted => "userns-exhausted",
            Cause::UsernsClone0 => "userns-clone0",
            Cause::UsernsApparmorRestrict => "userns-apparmor-restrict",
            Cause::UsernsKconfig => "userns-kconfig",
            Cause::PlatformSandbox => "platform-sandbox",
            Cause::Seccomp => "seccomp",
            Cause::ApparmorProfile => "apparmor-profile",
            Cause::Selinux => "selinux",
            Cause::ApparmorOrSelinux => "apparmor-or-selinux",
            Cause::NoNewPrivs => "no-new-privs",
            Cause::CapsDropped => "caps-dropped",
            Cause::IdmapHelper => "idmap-helper",
            Cause::SubidConfig => "subid-config",
            Cause::NestedUsernsRange => "nested-userns-range",
            Cause::UsernsPodRuntime => "userns-pod-runtime",
            Cause::ProcmountRuntime => "procmount-runtime",
            Cause::Yama => "yama",
            Cause::MaskedProc => "masked-proc",
            Cause::LockedMountFlags => "locked-mount-flags",
            Cause::OverlayUsernsKernel => "overlay-userns-kernel",
            Cause::OverlayBackingFs => "overlay-backing-fs",
            Cause::DevFuse => "dev-fuse",
            Cause::KeyQuota => "key-quota",
            Cause::DiskSpace => "disk-space",
            Cause::StateDir => "state-dir",
            Cause::BuildFailed => "build-failed",
        }
    }

    /// What a person reads first: half a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Cause::UsernsMax0 => "no user may make user namespaces",
            Cause::UsernsExhausted => "a limit on namespaces is reached",
            Cause::UsernsClone0 => "unprivileged user namespaces are switched off",
            Cause::UsernsApparmorRestrict => "AppArmor takes all rights from unprivileged user namespaces",
            Cause::UsernsKconfig => "the kernel was built without user namespaces",
            Cause::PlatformSandbox => "the platform forbids user namespaces",
            Cause::Seccomp => "a seccomp filter refuses what a builder needs",
            Cause::ApparmorProfile => "an AppArmor profile refuses what a builder needs",
            Cause::Selinux => "SELinux refuses what a builder needs",
            Cause::ApparmorOrSelinux => "a security module refuses what a builder needs",
            Cause::NoNewPrivs => "newuidmap can't gain privileges (no_new_privs)",
            Cause::CapsDropped => "capabilities SETUID and SETGID are dropped",
            Cause::IdmapHelper => "newuidmap or newgidmap is missing or unprivileged",
            Cause::SubidConfig => "the user has no usable range of subordinate IDs",
            Cause::NestedUsernsRange => "the sub-UID range lies outside the pod's IDs",
            Cause::UsernsPodRuntime => "pods get no user namespace here",
            Cause::ProcmountRuntime => "the container runtime ignores procMount: Unmasked",
            Cause::Yama => "Yama keeps the runtime from giving volumes to pods with a user namespace",
            Cause::MaskedProc => "/proc is masked, and each build step needs a fresh one",
            Cause::LockedMountFlags => "the state dir's mount flags stop the build",
            Cause::OverlayUsernsKernel => "the kernel has no overlayfs for rootless builders",
            Cause::OverlayBackingFs => "the state dir lies on the container's overlay",
            Cause::DevFuse => "/dev/fuse can't be used",
            Cause::KeyQuota => "the user has no keyring left",
            Cause::DiskSpace => "no disk space is left for builds",
            Cause::StateDir => "the state dir can't be written",
            Cause::BuildFailed => "a build fails here, and nothing that is known of names why",
        }
    }

    /// Where it lies.
    pub fn level(self) -> Level {
        match self {
            Cause::Seccomp
            | Cause::ApparmorProfile
            | Cause::Selinux
            | Cause::ApparmorOrSelinux
            | Cause::NoNewPrivs
            | Cause::CapsDropped
            | Cause::MaskedProc
            | Cause::OverlayBackingFs
            | Cause::StateDir => Level::Pod,
            Cause::IdmapHelper | Cause::SubidConfig | Cause::NestedUsernsRange => Level::Image,
            Cause::UsernsMax0
            | Cause::UsernsExhausted
            | Cause::UsernsClone0
            | Cause::UsernsApparmorRestrict
            | Cause::UsernsKconfig
            | Cause::PlatformSandbox
            | Cause::UsernsPodRuntime
            | Cause::ProcmountRuntime
            | Cause::Yama
            | Cause::LockedMountFlags
            | Cause::OverlayUsernsKernel
            | Cause::DevFuse
            | Cause::KeyQuota
            | Cause::DiskSpace
            | Cause::BuildFailed => Level::Node,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_what_serde_writes() {
        let mut ids: Vec<_> = Cause::ALL.iter().map(|cause| cause.id()).collect();
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).expect("a string"), cause.id());
            assert!(cause.id().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{cause}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Cause::ALL.len());
    }
}
