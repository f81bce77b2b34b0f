//! Causes that lie in what confines the builder: seccomp, security modules, masks over /proc, keyrings, the platform.

#[cfg(test)]
use super::example::{Example, pod_user_namespace};
use super::kind::Cause;
use super::remedy::{Remedy, sysctls};
use super::row::{Ask, Level, Mark, Row};
use crate::fact::Sysctl;
#[cfg(test)]
use crate::fact::{Errno, Fact, ProcFs, Seccomp, Step, SubId};

/// What is forced on pods by a security module, whichever it is.
const CONFINES: &str = "confines pods whose appArmorProfile is Unconfined";

pub(super) const ROWS: &[Row] = &[SECCOMP, APPARMOR_PROFILE, SELINUX, APPARMOR_OR_SELINUX, PLATFORM_SANDBOX, KEY_QUOTA, MASKED_PROC];

const SECCOMP: Row = Row {
    cause: Cause::Seccomp,
    title: "a seccomp filter refuses what a builder needs",
    level: Level::Pod,
    marks: &[Mark::OfConfinement],
    forced: Some("adds a seccomp filter to pods whose seccompProfile is Unconfined"),
    about: include_str!("about/seccomp.md"),
    remedy: |ask| {
        match ask.is_of_baseline() {
        true => Remedy::new(
            "put the profile of `buildkit-preflight render confinement seccomp` on the node, and name it to render agent and render builder",
        )
        .note("or switch the kubelet's seccompDefault off, or use a namespace where Pod Security allows Unconfined"),
        false => Remedy::new("set securityContext.seccompProfile to {type: Unconfined}"),
    }
    },
    #[cfg(test)]
    example: Example::facts(|facts| facts.process.seccomp = Fact::Known(Seccomp::Strict)),
};

const APPARMOR_PROFILE: Row = Row {
    cause: Cause::ApparmorProfile,
    title: "an AppArmor profile refuses what a builder needs",
    level: Level::Pod,
    marks: &[Mark::OfConfinement],
    forced: Some(CONFINES),
    about: include_str!("about/apparmor-profile.md"),
    remedy: |ask| {
        if ask.is_of_baseline() {
            return Remedy::new(
                "load the profile of `buildkit-preflight render confinement apparmor` on the node, and name it to render agent and render builder",
            )
            .note("or use a namespace where Pod Security allows Unconfined");
        }
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
    marks: &[Mark::OfConfinement],
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
    remedy: more_keys,
    #[cfg(test)]
    example: Example::step(Step::SessionKeyring, Errno::EDQUOT),
};

/// What a keyring takes that runc makes for a pod's container: `_ses.`, the container's ID of 64 digits, and an end.
const KEYRING_BYTES: u64 = 70;
/// Ten times the kernel's own limit.
const KEYRINGS: u64 = 2000;

/// Raises both limits, since nothing tells which one is reached. What stands there is never lowered.
fn more_keys(ask: &Ask) -> Remedy {
    let now = |sysctl: Sysctl| ask.facts.sysctls.get(sysctl).known().copied();
    let (keys, bytes) = (now(Sysctl::KeysMaxkeys), now(Sysctl::KeysMaxbytes));
    let most = u64::from(i32::MAX.unsigned_abs());
    let more = keys.unwrap_or_default().saturating_mul(2).clamp(KEYRINGS, most);
    let enough = bytes.unwrap_or_default().max(more.saturating_mul(KEYRING_BYTES)).min(most);
    let remedy = sysctls(ask.facts, &[(Sysctl::KeysMaxkeys.name(), more), (Sysctl::KeysMaxbytes.name(), enough)]).by_hand();
    match (keys, bytes) {
        (Some(_), Some(_)) => remedy,
        _ => remedy.note("look first what they are, and set neither to less: sysctl kernel.keys.maxkeys kernel.keys.maxbytes"),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::remedy;
    use crate::fact::{Facts, OsRelease};

    /// The remedy where the limits are these.
    fn raised(keys: u64, bytes: u64, id: &str) -> Remedy {
        let mut facts = Facts { os: Fact::Known(OsRelease { id: id.into(), ..OsRelease::default() }), ..Facts::unknown() };
        facts.sysctls.set(Sysctl::KeysMaxkeys, Fact::Known(keys));
        facts.sysctls.set(Sysctl::KeysMaxbytes, Fact::Known(bytes));
        remedy(Cause::KeyQuota, &facts, Some(Step::SessionKeyring))
    }

    #[test]
    fn both_limits_of_keys_are_raised_and_neither_is_lowered() {
        for ((keys, bytes), (more, enough)) in [
            ((200, 20_000), (2000, 140_000)),
            ((2000, 20_000), (4000, 280_000)),
            ((200, 1_000_000), (2000, 1_000_000)),
            ((1_000_000, 25_000_000), (2_000_000, 140_000_000)),
            ((2_147_483_647, 2_147_483_647), (2_147_483_647, 2_147_483_647)),
        ] {
            let remedy = raised(keys, bytes, "debian");
            assert_eq!(remedy.fix, format!("sysctl -w kernel.keys.maxkeys={more} kernel.keys.maxbytes={enough}"));
            let lines = format!(r"kernel.keys.maxkeys = {more}\nkernel.keys.maxbytes = {enough}\n");
            assert_eq!(remedy.keep, Some(format!("printf '{lines}' >> /etc/sysctl.d/60-userns.conf")));
            assert!(!remedy.tunable && remedy.note.is_none());
        }
        let unread = remedy(Cause::KeyQuota, &Facts::unknown(), None);
        assert!(unread.note.is_some_and(|note| note.contains("set neither to less")));
        let nixos = r#"boot.kernel.sysctl."kernel.keys.maxkeys" = lib.mkForce 2000; boot.kernel.sysctl."kernel.keys.maxbytes" = lib.mkForce 140000;"#;
        assert!(raised(200, 20_000, "nixos").fix.starts_with(nixos));
    }
}
