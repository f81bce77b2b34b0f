//! What removes a cause: for this operating system, as a sysctl, a setting or a change of the pod.
//! Plans only: nothing here changes anything.

use super::{Cause, Level};
use crate::fact::{Facts, OsRelease, Step, SysctlSetting, Tunable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limit that BuildKit's documentation advises for user.max_user_namespaces.
pub const ADVISED_LIMIT: u32 = 63_359;

/// What removes a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remedy {
    /// One line: a command to paste where there is one, else what to change.
    pub fix: String,
    /// How to keep it over a reboot, where the fix alone does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// What else to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it is a sysctl that can be raised at run time, without privilege beyond CAP_SYS_RESOURCE.
    pub tunable: bool,
}

impl Remedy {
    fn new(fix: impl Into<String>) -> Self {
        Remedy { fix: fix.into(), ..Remedy::default() }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Remedy { note: Some(note.into()), ..self }
    }
}

/// What removes a cause on the node that the facts are of. `failed` is the step at which a build ended.
pub fn remedy(cause: Cause, facts: &Facts, failed: Option<Step>) -> Remedy {
    let os = facts.os.known();
    if cause.level() == Level::Pod
        && facts.process.asked_unconfined.known() == Some(&true)
        && !matches!(cause, Cause::StateDir | Cause::OverlayBackingFs | Cause::MaskedProc)
    {
        return forced(cause);
    }
    match cause {
        Cause::UsernsMax0 => tunable(facts, Tunable::MaxUserNamespaces, ADVISED_LIMIT.into()),
        Cause::UsernsExhausted => match limit_of(failed, facts) {
            Tunable::MaxUserNamespaces => {
                // Never less than there is: a limit that is reached at that height is reached by somebody's leak.
                let now = facts.sysctls.max_user_namespaces.known().copied().unwrap_or_default();
                tunable(facts, Tunable::MaxUserNamespaces, now.saturating_mul(2).clamp(ADVISED_LIMIT.into(), u32::MAX.into()))
            }
            other => tunable(facts, other, ADVISED_LIMIT.into()),
        }
        .note("or end what holds so many namespaces: lsns lists them"),
        Cause::UsernsClone0 => tunable(facts, Tunable::UnprivilegedUsernsClone, 1),
        Cause::UsernsApparmorRestrict => {
            let narrow = "narrower: load an AppArmor profile `flags=(unconfined) { userns, }` on the node and name it in the pod's appArmorProfile (type Localhost)";
            Remedy { tunable: false, ..sysctl(os, "kernel.apparmor_restrict_unprivileged_userns", 0) }.note(narrow)
        }
        Cause::UsernsKconfig => Remedy::new("boot a kernel built with CONFIG_USER_NS=y, or use another node"),
        Cause::PlatformSandbox => {
            Remedy::new("use nodes of another platform: what forbids it here lies outside this pod and this kernel's settings")
        }
        Cause::Seccomp => Remedy::new("set securityContext.seccompProfile to {type: Unconfined}"),
        Cause::ApparmorProfile => Remedy::new("set securityContext.appArmorProfile to {type: Unconfined}")
            .note("if it is that already: a profile on the node that attaches to /usr/bin/rootlesskit needs the rule `userns,`"),
        Cause::Selinux => Remedy::new("set securityContext.seLinuxOptions to {type: spc_t, level: s0}"),
        Cause::ApparmorOrSelinux => Remedy::new("look for the denial in the node's audit log: journalctl -k | grep -E 'apparmor=|avc:'"),
        Cause::NoNewPrivs => Remedy::new("remove allowPrivilegeEscalation: false from the container's securityContext"),
        Cause::CapsDropped => Remedy::new("set securityContext.capabilities to {drop: [ALL], add: [SETUID, SETGID]}"),
        Cause::IdmapHelper => {
            Remedy::new("in the image: setcap cap_setuid=ep /usr/bin/newuidmap && setcap cap_setgid=ep /usr/bin/newgidmap")
                .note("COPY from a local context loses file capabilities: set them by RUN in the final stage")
        }
        Cause::SubidConfig => Remedy::new(
            "in the image: echo 'user:100000:65536' | tee /etc/subuid > /etc/subgid, with the name that /etc/passwd gives user 1000",
        ),
        Cause::NestedUsernsRange => Remedy::new("mount a file with 'user:1001:64535' over /etc/subuid and /etc/subgid")
            .note("or give pods 196608 IDs (userNamespaces.idsPerPod of the kubelet, and for the user kubelet a range in the node's /etc/subuid and /etc/subgid that is a multiple of it) and keep the stock range"),
        Cause::UsernsPodRuntime => {
            Remedy::new("use nodes with Linux 6.3, containerd 2.0 or CRI-O 1.25, and runc 1.2 or crun 1.9, or newer ones of these")
        }
        Cause::ProcmountRuntime => {
            Remedy::new("use nodes whose runtime honours procMount: containerd 2.0 or newer, CRI-O 1.33.2 or newer (1.25 to 1.32 too)")
                .note("and where it should: look for disable_proc_mount in containerd's configuration, and at the OCI runtime")
        }
        Cause::Yama => {
            Remedy::new("set kernel.yama.ptrace_scope to 2 or less where it is set at boot, and boot: a running kernel keeps the 3")
        }
        Cause::MaskedProc => Remedy::new("run buildkitd with --oci-worker-no-process-sandbox")
            .note("or set procMount: Unmasked with hostUsers: false (profile procmount)"),
        Cause::LockedMountFlags => {
            Remedy::new("mount the state dir's volume without noexec, or use BuildKit 0.12 or newer for nosuid and nodev")
        }
        Cause::OverlayUsernsKernel => {
            Remedy::new("use nodes with Linux 5.11 or newer for overlayfs, or make /dev/fuse usable for fuse-overlayfs")
        }
        Cause::OverlayBackingFs => Remedy::new("mount an emptyDir on the state dir (/home/user/.local/share/buildkit)"),
        Cause::DevFuse => {
            Remedy::new("use nodes with Linux 5.11 or newer, or give the pod /dev/fuse by a device plugin, with the fuse module loaded")
        }
        Cause::KeyQuota => Remedy { tunable: false, ..sysctl(os, "kernel.keys.maxkeys", 2000) },
        Cause::DiskSpace => Remedy::new("free disk space on the node, or give the state dir a larger volume"),
        Cause::BuildFailed => Remedy::new("read the error that the build ended with, and report it with the output of `buildkit-preflight facts`"),
        Cause::StateDir => Remedy::new("mount an emptyDir on the state dir, or a volume that user 1000 may write (fsGroup: 1000)"),
    }
}

/// What removes a confinement that the pod did not ask for: it is the runtime's, the node's or the cluster's.
fn forced(cause: Cause) -> Remedy {
    let what = match cause {
        Cause::Seccomp => "adds a seccomp filter to pods whose seccompProfile is Unconfined",
        Cause::NoNewPrivs => "forbids pods to gain privileges that set no allowPrivilegeEscalation: false",
        Cause::CapsDropped => "takes capabilities from pods that drop none",
        _ => "confines pods whose appArmorProfile is Unconfined",
    };
    Remedy::new(format!("use other nodes, or find what on this one {what}: the OCI runtime, the platform, or an admission webhook"))
}

/// The sysctl whose limit a step runs into (namespaces(7)).
fn limit_of(failed: Option<Step>, facts: &Facts) -> Tunable {
    let low = |limit: &Tunable| limit.of(&facts.sysctls).known().is_some_and(|value| *value < 4);
    match failed {
        None => Tunable::ALL[2..].iter().find(|limit| low(limit)).copied().unwrap_or(Tunable::MaxUserNamespaces),
        Some(Step::MountNamespace | Step::StepMountNamespace) => Tunable::MaxMntNamespaces,
        Some(Step::UtsNamespace) => Tunable::MaxUtsNamespaces,
        Some(Step::IpcNamespace) => Tunable::MaxIpcNamespaces,
        Some(Step::CgroupNamespace) => Tunable::MaxCgroupNamespaces,
        Some(Step::PidNamespace) => Tunable::MaxPidNamespaces,
        _ => Tunable::MaxUserNamespaces,
    }
}

/// A sysctl that `tune` may set. A file that sets it at boot is the place to change.
pub(crate) fn tunable(facts: &Facts, name: Tunable, value: u64) -> Remedy {
    let remedy = sysctl(facts.os.known(), name.name(), value);
    let keep = match (&remedy.keep, set_at_boot(facts, name)) {
        (Some(_), Some(setting)) if setting.value.parse::<u64>().is_ok_and(|set| set < value) => {
            Some(format!("change it in {}, which sets it to {} at boot", setting.file, setting.value))
        }
        _ => remedy.keep,
    };
    Remedy { keep, ..remedy }
}

/// What stands last in the files that are applied at boot, and so counts.
pub fn set_at_boot(facts: &Facts, name: Tunable) -> Option<&SysctlSetting> {
    facts.sysctl_files.known()?.iter().rfind(|setting| setting.sysctl == name)
}

/// Systems whose own settings make the files of /etc.
pub(crate) const IMMUTABLE: [&str; 3] = ["bottlerocket", "talos", "nixos"];

/// A sysctl, in the way of the operating system.
fn sysctl(os: Option<&OsRelease>, name: &str, value: u64) -> Remedy {
    let id = os.map(|os| os.id.as_str());
    let fix = match id {
        Some("bottlerocket") => format!("apiclient set -j '{{\"settings\":{{\"kernel\":{{\"sysctl\":{{\"{name}\":\"{value}\"}}}}}}}}'"),
        Some("talos") => format!("talosctl patch machineconfig --patch '{{\"machine\":{{\"sysctls\":{{\"{name}\":\"{value}\"}}}}}}'"),
        Some("nixos") => format!("boot.kernel.sysctl.\"{name}\" = {value}; in configuration.nix, then nixos-rebuild switch"),
        _ => format!("sysctl -w {name}={value}"),
    };
    let by_hand = !id.is_some_and(|id| IMMUTABLE.contains(&id));
    let keep = match id {
        _ if !by_hand => None,
        Some("cos") => Some("in a start-up script or a DaemonSet: Container-Optimized OS forgets /etc at each boot".to_owned()),
        _ => Some(format!("echo '{name} = {value}' >> /etc/sysctl.d/60-userns.conf")),
    };
    let note = id.is_none().then(|| "on Bottlerocket, Talos and NixOS through the system's own settings".to_owned());
    Remedy { fix, keep, note, tunable: by_hand }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;

    fn on(id: &str, cause: Cause) -> Remedy {
        let os = OsRelease { id: id.into(), ..OsRelease::default() };
        remedy(cause, &Facts { os: Fact::Known(os), ..Facts::unknown() }, None)
    }

    #[test]
    fn a_sysctl_is_set_in_the_way_of_the_system() {
        assert_eq!(on("debian", Cause::UsernsClone0).fix, "sysctl -w kernel.unprivileged_userns_clone=1");
        assert!(on("debian", Cause::UsernsClone0).tunable);
        for (id, word) in [("bottlerocket", "apiclient"), ("talos", "talosctl"), ("nixos", "configuration.nix")] {
            let remedy = on(id, Cause::UsernsMax0);
            assert!(remedy.fix.contains(word) && remedy.fix.contains("63359") && remedy.keep.is_none(), "{remedy:?}");
            assert!(!remedy.tunable, "{id} keeps its settings itself");
        }
        assert!(on("cos", Cause::UsernsMax0).keep.is_some_and(|keep| keep.contains("start-up")));
    }

    #[test]
    fn a_limit_that_is_reached_is_raised_and_never_lowered() {
        let mut facts = Facts::unknown();
        facts.sysctls.max_user_namespaces = Fact::Known(96_365);
        assert!(remedy(Cause::UsernsExhausted, &facts, Some(Step::UserNamespace)).fix.ends_with("user.max_user_namespaces=192730"));
        assert!(remedy(Cause::UsernsExhausted, &facts, Some(Step::PidNamespace)).fix.contains("user.max_pid_namespaces"));
    }

    #[test]
    fn what_needs_mac_admin_is_never_tunable() {
        assert!(!on("ubuntu", Cause::UsernsApparmorRestrict).tunable);
    }

    #[test]
    fn every_cause_has_a_remedy_of_one_line() {
        for cause in Cause::ALL {
            let remedy = remedy(cause, &Facts::unknown(), None);
            assert!(!remedy.fix.is_empty() && !remedy.fix.contains('\n'), "{cause}");
        }
    }
}
