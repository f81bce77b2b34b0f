use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stable id of a reason why a builder can't run, or runs badly.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    /// The kernel was built without CONFIG_USER_NS.
    UsernsKconfig,
    /// A system call filter refuses what a builder needs.
    Seccomp,
    /// `kernel.unprivileged_userns_clone` is 0.
    #[serde(rename = "userns-clone0")]
    UsernsClone0,
    /// `user.max_user_namespaces` is 0.
    #[serde(rename = "userns-max0")]
    UsernsMax0,
    /// Alibaba Cloud Linux's `kernel.userns_max_level` is too low.
    UsernsMaxLevel,
    /// EL7's kernel was booted without the arguments that allow user namespaces to ordinary users.
    #[serde(rename = "userns-el7-cmdline")]
    #[strum(serialize = "userns-el7-cmdline")]
    UsernsEl7Cmdline,
    /// A limit on namespaces is not 0 but reached.
    UsernsExhausted,
    /// Ubuntu's `kernel.apparmor_restrict_unprivileged_userns` is 1.
    UsernsApparmorRestrict,
    /// An AppArmor profile refuses what a builder needs.
    ApparmorProfile,
    /// SELinux refuses it.
    Selinux,
    /// A security module refuses it, and nothing shows which.
    ApparmorOrSelinux,
    /// The platform forbids user namespaces, in no way that a fact shows.
    PlatformSandbox,
    /// The user has no range of subordinate IDs, or an unfit one.
    SubidConfig,
    /// SETUID and SETGID are missing from the bounding set, so newuidmap can't have them.
    CapsDropped,
    /// exec can't gain privileges, so newuidmap gains none.
    NoNewPrivs,
    /// newuidmap or newgidmap is missing or has no privilege.
    IdmapHelper,
    /// The range does not exist in the user namespace around the builder.
    NestedUsernsRange,
    /// `kernel.yama.ptrace_scope` is 3, which takes pods with a user namespace their volumes.
    Yama,
    /// The runtime does not give a pod a user namespace.
    UsernsPodRuntime,
    /// The runtime masks /proc in a pod that asks for `procMount: Unmasked`.
    ProcmountRuntime,
    /// The process's user or group is not the image's.
    ImageUser,
    /// The root file system is read-only, and has no volumes where a builder writes.
    ReadOnlyRoot,
    /// Temporary files can't be made.
    TempDir,
    /// The runtime directory can't hold buildkitd's sockets.
    RuntimeDir,
    /// The state dir can't be written by the builder's user.
    StateDir,
    /// The state dir's volume gives no files to other IDs.
    StateDirChown,
    /// The state dir's volume takes no file capabilities.
    StateDirXattr,
    /// No space is left.
    DiskSpace,
    /// The kernel has no overlayfs in user namespaces.
    OverlayUsernsKernel,
    /// The state dir lies on an overlay.
    OverlayBackingFs,
    /// overlayfs can be mounted on the state dir, but can't hide what lies below it.
    OverlayNoXattr,
    /// overlayfs can be mounted on the state dir, but takes no writes.
    OverlayReadOnly,
    /// /dev/fuse can't be used.
    DevFuse,
    /// The state dir's mount has flags that a build can't live with.
    LockedMountFlags,
    /// The user has as many keyrings as it may have.
    KeyQuota,
    /// /proc is masked, and the profile needs a fresh one for each build step.
    MaskedProc,
    /// The image or the user is not made for this pod: root without privileges, or buildkitd without rootlesskit.
    WrongImageOrUid,
    /// The image itself is broken.
    ImagePackaging,
    /// No emulator for the architecture that is built for.
    Emulation,
    /// An admission policy refuses the pod.
    AdmissionPolicy,
    /// The API server refuses `procMount: Unmasked` in a pod without a user namespace.
    ProcmountAdmission,
    /// A fault of one snapshotter.
    SnapshotterBug,
    /// What one runtime does by default stops a builder where another's default does not.
    RuntimeDefault,
    /// An update of the runtime or of the node's image broke what worked.
    RuntimeRegression,
    /// A build fails, and nothing names why.
    BuildFailed,
}

impl Cause {
    /// All causes.
    pub const ALL: &'static [Cause] = <Cause as strum::VariantArray>::VARIANTS;

    /// The id: `userns-max0`.
    pub fn id(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_serde_writes_and_can_be_read_back() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).expect("a string"), cause.id());
            assert_eq!(cause.id().parse(), Ok(*cause));
            assert!(cause.id().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{cause}");
        }
    }
}
