//! Why a builder can't run, or runs badly, and what removes that.
//!
//! [`CAUSES`] has a row for each: title, level, remedy, and a text for people. The id is stable: it stands in reports, in
//! labels and in the names of the texts.

mod build;
mod confinement;
#[cfg(test)]
mod example;
mod idmap;
mod pod;
mod remedy;
mod row;
mod storage;
mod userns;

pub(crate) use remedy::tunable;
pub use remedy::{ADVISED_LIMIT, Remedy, remedy, set_at_boot};
pub use row::{Ask, Level, Mark, Row};

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
    /// The state dir can't be written by the builder's user.
    StateDir,
    /// No space is left.
    DiskSpace,
    /// The kernel has no overlayfs in user namespaces.
    OverlayUsernsKernel,
    /// The state dir lies on an overlay.
    OverlayBackingFs,
    /// /dev/fuse can't be used.
    DevFuse,
    /// The state dir's mount has flags that a build can't live with.
    LockedMountFlags,
    /// The user has as many keyrings as it may have.
    KeyQuota,
    /// /proc is masked, and the profile needs a fresh one for each build step.
    MaskedProc,
    /// A build fails, and nothing names why.
    BuildFailed,
}

/// All causes, in the order of the enum.
pub const CAUSES: &[&Row] = &[
    &userns::KCONFIG,
    &confinement::SECCOMP,
    &userns::CLONE0,
    &userns::MAX0,
    &userns::EXHAUSTED,
    &userns::APPARMOR_RESTRICT,
    &confinement::APPARMOR_PROFILE,
    &confinement::SELINUX,
    &confinement::APPARMOR_OR_SELINUX,
    &confinement::PLATFORM_SANDBOX,
    &idmap::SUBID_CONFIG,
    &idmap::CAPS_DROPPED,
    &idmap::NO_NEW_PRIVS,
    &idmap::HELPER,
    &idmap::NESTED_RANGE,
    &pod::YAMA,
    &pod::USER_NAMESPACES,
    &pod::PROC_MOUNT,
    &storage::STATE_DIR,
    &storage::DISK_SPACE,
    &storage::OVERLAY_KERNEL,
    &storage::OVERLAY_BACKING_FS,
    &storage::DEV_FUSE,
    &storage::LOCKED_MOUNT_FLAGS,
    &confinement::KEY_QUOTA,
    &confinement::MASKED_PROC,
    &build::FAILED,
];

// A cause without a row, or out of its place, does not compile.
const _: () = {
    assert!(CAUSES.len() == Cause::ALL.len());
    let mut number = 0;
    while number < CAUSES.len() {
        assert!(CAUSES[number].cause as usize == number);
        number += 1;
    }
};

impl Cause {
    /// All causes.
    pub const ALL: &'static [Cause] = <Cause as strum::VariantArray>::VARIANTS;

    /// What is known of it.
    pub fn row(self) -> &'static Row {
        CAUSES[self as usize]
    }

    /// The id: `userns-max0`.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// What a person reads first: half a sentence.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Where it lies.
    pub fn level(self) -> Level {
        self.row().level
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

    #[test]
    fn rows_are_complete() {
        for (number, row) in CAUSES.iter().enumerate() {
            assert!(!row.title.is_empty() && !row.title.ends_with('.') && !row.title.contains('\n'), "{}", row.cause);
            assert!(CAUSES[..number].iter().all(|other| other.title != row.title), "{}", row.cause);
            assert!(row.forced.is_none() || row.level == Level::Pod, "{}: only a pod's confinement can be forced on it", row.cause);
        }
    }
    const PARTS: [&str; 5] = ["## What it means", "## How it shows", "## How it is detected", "## How to remove it", "## Source"];

    /// Headings outside of code.
    fn headings(text: &str) -> Vec<&str> {
        let outside = text.split("```").step_by(2);
        outside.flat_map(str::lines).filter(|line| line.starts_with('#')).collect()
    }

    #[test]
    #[ignore = "the texts are being written"]
    fn each_text_has_its_parts_and_names_its_source() {
        for row in CAUSES {
            assert_eq!(headings(row.about), PARTS, "{}", row.cause);
            let source = row.about.split(PARTS[4]).last().unwrap_or_default();
            let manual = (1..=8).any(|section| source.contains(&format!("({section})")));
            assert!(source.contains("https://") || manual, "{}: {source}", row.cause);
        }
    }
}
