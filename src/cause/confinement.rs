//! Causes that lie in what confines the builder: seccomp, security modules, masks over /proc, keyrings, the platform.

#[cfg(test)]
use super::example::{Example, pod_user_namespace};
use super::kind::Cause;
use super::remedy::{Remedy, sysctl};
use super::row::{Level, Mark, Row};
#[cfg(test)]
use crate::fact::{Errno, Fact, ProcFs, Seccomp, Step, SubId};

/// What is forced on pods by a security module, whichever it is.
const CONFINES: &str = "confines pods whose appArmorProfile is Unconfined";

pub(super) const ROWS: &[Row] = &[SECCOMP, APPARMOR_PROFILE, SELINUX, APPARMOR_OR_SELINUX, PLATFORM_SANDBOX, KEY_QUOTA, MASKED_PROC];

const SECCOMP: Row = Row {
    cause: Cause::Seccomp,
    title: "a seccomp filter refuses what a builder needs",
    level: Level::Pod,
    marks: &[],
    forced: Some("adds a seccomp filter to pods whose seccompProfile is Unconfined"),
    about: include_str!("about/seccomp.md"),
    remedy: |_| Remedy::new("set securityContext.seccompProfile to {type: Unconfined}"),
    #[cfg(test)]
    example: Example::facts(|facts| facts.process.seccomp = Fact::Known(Seccomp::Strict)),
};

const APPARMOR_PROFILE: Row = Row {
    cause: Cause::ApparmorProfile,
    title: "an AppArmor profile refuses what a builder needs",
    level: Level::Pod,
    marks: &[],
    forced: Some(CONFINES),
    about: include_str!("about/apparmor-profile.md"),
    remedy: |_| {
        Remedy::new("set securityContext.appArmorProfile to {type: Unconfined}")
            .note("if the type is Unconfined already: a profile on the node that attaches to /usr/bin/rootlesskit needs the rule `userns,`")
    },
    #[cfg(test)]
    example: Example::facts(|facts| facts.process.lsm_label = Fact::Known("cri-containerd.apparmor.d (enforce)".into())),
};

const SELINUX: Row = Row {
    cause: Cause::Selinux,
    title: "SELinux refuses what a builder needs",
    level: Level::Pod,
    marks: &[],
    forced: Some(CONFINES),
    about: include_str!("about/selinux.md"),
    remedy: |_| Remedy::new("set securityContext.seLinuxOptions to {type: spc_t, level: s0}"),
    #[cfg(test)]
    example: Example::step(Step::Devpts, Errno::EACCES)
        .with(|facts| facts.process.lsm_label = Fact::Known("system_u:system_r:container_t:s0".into())),
};

const APPARMOR_OR_SELINUX: Row = Row {
    cause: Cause::ApparmorOrSelinux,
    title: "a security module refuses what a builder needs",
    level: Level::Pod,
    marks: &[],
    forced: Some(CONFINES),
    about: include_str!("about/apparmor-or-selinux.md"),
    remedy: |_| Remedy::new("look for the denial in the node's audit log: journalctl -k | grep -E 'apparmor=|avc:'"),
    #[cfg(test)]
    example: Example::step(Step::PrivateRoot, Errno::EACCES),
};

const PLATFORM_SANDBOX: Row = Row {
    cause: Cause::PlatformSandbox,
    title: "the platform forbids user namespaces",
    level: Level::Node,
    marks: &[Mark::MaybeTheShells],
    forced: None,
    about: include_str!("about/platform-sandbox.md"),
    remedy: |_| Remedy::new("use nodes of another platform: neither the pod nor a kernel setting can allow user namespaces here"),
    #[cfg(test)]
    example: Example::step(Step::PrivateRoot, Errno::EPERM),
};

const KEY_QUOTA: Row = Row {
    cause: Cause::KeyQuota,
    title: "the user's quota of keyrings is used up",
    level: Level::Node,
    marks: &[Mark::Passes],
    forced: None,
    about: include_str!("about/key-quota.md"),
    remedy: |ask| sysctl(ask.facts, "kernel.keys.maxkeys", 2000).by_hand(),
    #[cfg(test)]
    example: Example::step(Step::SessionKeyring, Errno::EDQUOT),
};

const MASKED_PROC: Row = Row {
    cause: Cause::MaskedProc,
    title: "/proc is masked, but each build step needs a fresh /proc",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/masked-proc.md"),
    remedy: |_| {
        Remedy::new("run buildkitd with --oci-worker-no-process-sandbox")
            .note("or set procMount: Unmasked with hostUsers: false (profile procmount)")
    },
    #[cfg(test)]
    example: Example::procmount(|facts| {
        pod_user_namespace(facts);
        let fitting = || Fact::Known(vec![SubId { start: 1001, length: 64_535 }]);
        (facts.sub_ids.uids, facts.sub_ids.gids) = (fitting(), fitting());
        facts.proc_fs = Fact::Known(ProcFs { masks: vec!["/proc/kcore".into()], complete_elsewhere: false });
    }),
};
