//! What the pod around the builder refuses: seccomp, security modules, masks.

use super::Case;
use super::row::{Blame, Check, Judgement, Kind, LIMIT_REACHED, REFUSED, REFUSED_CAUSES};
use super::seen::confinement::{Label, Seen};
use crate::cause::Cause;
use crate::fact::{DENY_MOUNT, Distro, Errno, Fact, Seccomp, Step, is_builders_type};
use crate::profile::Profile;

const KERNEL_STEPS: &[Step] = &[
    Step::UserNamespace,
    Step::MountNamespace,
    Step::PrivateRoot,
    Step::BindMount,
    Step::ReadOnlyRemount,
    Step::StepMountNamespace,
    Step::UtsNamespace,
    Step::IpcNamespace,
    Step::CgroupNamespace,
    Step::PidNamespace,
    Step::SessionKeyring,
    Step::Proc,
    Step::Devpts,
    Step::Mqueue,
    Step::PivotRoot,
    Step::Hostname,
];

pub(super) const DEFAULT_CONFINEMENT: Check = Check {
    id: "default-confinement",
    title: "confinement of a pod that asks for none",
    why: "Kubelet and runtime decide what confines a container without seccompProfile and appArmorProfile. The kubelet gives it the runtime's seccomp filter where seccompDefault is on. containerd and CRI-O give it their AppArmor profile where AppArmor is on. Only such a container shows what it got.",
    causes: &[Cause::Seccomp, Cause::ApparmorProfile],
    steps: KERNEL_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            if case.profile.asked().unconfined || case.place.is_asked_as_the_profile_asks() || case.decides() {
                return Judgement::NotApplicable;
            }
            // Only where AppArmor is on has a process such a label, that of an unconfined one too.
            let has_label = case.facts.process.lsm_label.known().is_some() && case.facts.process.selinux_type().is_none();
            Judgement::unknown(if has_label { Seen::AppArmorIsOn } else { Seen::OthersChoose })
        },
        explains: |_| false,
    },
};

pub(super) const SECCOMP: Check = Check {
    id: "seccomp",
    title: "seccomp filter",
    why: "The pod needs seccompProfile Unconfined. Without SYS_ADMIN a runtime's default filter refuses clone, unshare and mount (containerd, Docker) or sethostname (CRI-O). It refuses keyctl and pivot_root even with SYS_ADMIN.",
    causes: &[Cause::Seccomp],
    steps: KERNEL_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            let ahead = case.probe.is_some_and(|probe| probe.steps.iter().any(|step| step.filtered == Some(true)));
            if ahead || case.failed().is_some_and(|failed| failed.filtered == Some(true)) {
                return Judgement::fail(Cause::Seccomp, Seen::FilterAnswers { on_bare_machine: case.place.on_bare_machine() });
            }
            if !case.place.is_builders_confinement() {
                return Judgement::NotApplicable;
            }
            match &case.facts.process.seccomp {
                Fact::Known(Seccomp::Disabled) | Fact::Absent => Judgement::Pass,
                Fact::Known(Seccomp::Strict) => Judgement::fail(Cause::Seccomp, Seen::Strict),
                Fact::Known(Seccomp::Filter) => Judgement::unknown(Seen::Filtered),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| failed.filtered == Some(true),
    },
};

pub(super) const LSM_PROFILE: Check = Check {
    id: "security-module",
    title: "AppArmor profile or SELinux type",
    why: "Default AppArmor profiles deny every mount, and some deny user namespaces; SELinux's container_t may not mount devpts or proc.",
    causes: &[Cause::ApparmorProfile, Cause::Selinux],
    steps: KERNEL_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            let is_permissive = case.facts.selinux.is_permissive();
            if !case.place.is_builders_confinement() {
                // A shell is hardly ever confined; a pod is where the runtime labels containers.
                return match case.facts.process.selinux_type().filter(|_| !is_permissive) {
                    Some(_) if !case.place.on_bare_machine() || case.profile.is_privileged() => Judgement::NotApplicable,
                    Some(_) if labels_pods(case) && !case.decides() => Judgement::unknown(Seen::PodsAreLabelled),
                    Some(_) => Judgement::warn(Cause::Selinux, Seen::SelinuxAroundShell),
                    None => Judgement::NotApplicable,
                };
            }
            let process = &case.facts.process;
            let denied = case.failed().is_some_and(|failed| failed.errno == Some(Errno::EACCES));
            let (apparmor, selinux) = (|name: &str| Label::AppArmor(name.to_owned()), |kind: &str| Label::Selinux(kind.to_owned()));
            match (&process.lsm_label, process.apparmor_profile(), process.selinux_type()) {
                (Fact::Denied(why) | Fact::Failed(why), ..) => Judgement::unknown(why),
                (_, Some(name), _) if denied || name.split("//").next().is_some_and(|name| DENY_MOUNT.contains(&name)) => {
                    Judgement::fail(Cause::ApparmorProfile, Seen::Confined(apparmor(name)))
                }
                (_, Some(name), _) => Judgement::unknown(Seen::Labelled(apparmor(name))),
                (_, _, Some(_)) if is_permissive => Judgement::Pass,
                (_, _, Some(kind)) if is_builders_type(kind) => Judgement::Pass,
                (_, _, Some(kind)) if denied || !case.decides() && case.place.refuses_container_t() => {
                    Judgement::fail(Cause::Selinux, Seen::Confined(selinux(kind)))
                }
                (_, _, Some(kind)) => Judgement::unknown(Seen::Labelled(selinux(kind))),
                _ => Judgement::Pass,
            }
        },
        explains: |failed| failed.errno == Some(Errno::EACCES),
    },
};

/// Whether the system's runtime is one that gives each pod a label.
fn labels_pods(case: &Case) -> bool {
    case.facts.os.known().and_then(Distro::of).is_some_and(|distro| distro.labels_pods)
}

pub(super) const PRIVATE_ROOT: Check = Check {
    id: "private-root",
    title: "mount propagation of /",
    why: "rootlesskit makes / private before it mounts anything. Where this fails, its error is `failed to share mount point: /`.",
    causes: REFUSED_CAUSES,
    steps: &[Step::PrivateRoot],
    kind: Kind::Attempt { blames: REFUSED },
};

pub(super) const STEP_NAMESPACES: Check = Check {
    id: "step-namespaces",
    title: "namespaces of a build step",
    why: "runc creates namespaces for each RUN instruction while rootlesskit holds the first ones: a limit of 1 is not enough.",
    causes: REFUSED_CAUSES,
    steps: &[Step::StepMountNamespace, Step::UtsNamespace, Step::IpcNamespace, Step::CgroupNamespace, Step::PidNamespace],
    kind: Kind::Attempt { blames: REFUSED },
};

pub(super) const PROC: Check = Check {
    id: "masked-proc",
    title: "masks over /proc",
    why: "With a process sandbox each build step mounts a fresh /proc. In a user namespace the kernel allows this only where a complete /proc is visible (mount_too_revealing in fs/namespace.c). The daemon looks healthy until the first RUN.",
    causes: &[Cause::MaskedProc],
    steps: &[Step::Proc],
    kind: Kind::Fact {
        judge: |case| {
            if !case.plan.process_sandbox || !(case.place.is_builders_confinement() || case.decides()) {
                return Judgement::NotApplicable;
            }
            // Of one that asked for none procmount-runtime tells: the masks are the runtime's doing.
            if case.profile == Profile::ProcMount && case.facts.process.asked_unmasked_proc.known() == Some(&true) {
                return Judgement::NotApplicable;
            }
            match &case.facts.proc_fs {
                Fact::Known(proc) if proc.masks.is_empty() || proc.complete_elsewhere => Judgement::Pass,
                // Root of the machine's own user namespace is not asked what is visible.
                Fact::Known(_) if !case.place.is_rootless() && case.facts.in_user_namespace() == Some(false) => Judgement::Pass,
                Fact::Known(proc) => Judgement::fail(Cause::MaskedProc, Seen::Masked(proc.clone())),
                Fact::Absent => Judgement::unknown(Seen::NoMountTable),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| failed.errno == Some(Errno::EPERM) && failed.filtered != Some(true),
    },
};

pub(super) const STEP_MOUNTS: Check = Check {
    id: "step-mounts",
    title: "root, devices and host name of a build step",
    why: "runc joins a session keyring, mounts /proc, /dev/pts and /dev/mqueue for each RUN instruction, pivots into its root and sets its host name.",
    causes: &[
        Cause::KeyQuota,
        Cause::SubidConfig,
        Cause::MaskedProc,
        Cause::Seccomp,
        Cause::UsernsExhausted,
        Cause::ApparmorProfile,
        Cause::Selinux,
        Cause::ApparmorOrSelinux,
        Cause::PlatformSandbox,
        Cause::BuildFailed,
    ],
    steps: &[Step::SessionKeyring, Step::Proc, Step::Devpts, Step::Mqueue, Step::Sysfs, Step::PivotRoot, Step::Hostname],
    kind: Kind::Attempt {
        blames: &[
            Blame::SECURITY_MODULE,
            Blame::other(Cause::MaskedProc).at(&[Step::Proc]).when(|case, _| case.plan.process_sandbox),
            Blame::errors(&[Errno::EDQUOT], Cause::KeyQuota).at(&[Step::SessionKeyring]),
            // A group that the map does not have.
            Blame::errors(&[Errno::EINVAL], Cause::SubidConfig).at(&[Step::Devpts]),
            // Only a filter or a security module can refuse the owner of a UTS namespace its name.
            Blame::other(Cause::Seccomp).at(&[Step::Hostname]),
            Blame::errors(LIMIT_REACHED, Cause::UsernsExhausted),
            Blame::SELINUX,
            Blame::other(Cause::PlatformSandbox),
            Blame::any(Cause::BuildFailed),
        ],
    },
};

#[cfg(test)]
mod tests {
    use crate::cause::Cause;
    use crate::check::testing::{bare, facts_of, failed_at, finding, table, with_probe};
    use crate::check::{Outcome, judge};
    use crate::fact::{Errno, Fact, ProcFs, Seccomp, Step};
    use crate::profile::Profile;

    #[test]
    fn seccomp() {
        table(
            "seccomp",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::Seccomp), &|f| f.process.seccomp = Fact::Known(Seccomp::Strict)),
                (Outcome::Unknown, None, &|f| f.process.seccomp = Fact::Known(Seccomp::Filter)),
            ],
        );
        failed_at(Step::Hostname, Errno::EPERM, Cause::Seccomp, |f| f.process.seccomp = Fact::Known(Seccomp::Filter));
    }

    #[test]
    fn security_module() {
        let label = |label: &str| Fact::Known(label.to_owned());
        let enforcing = |f: &mut crate::fact::Facts, kind: &str, os: &str| {
            f.process.lsm_label = label(&format!("system_u:system_r:{kind}:s0"));
            f.selinux.mode = Fact::Known(crate::fact::SelinuxMode::Enforcing);
            f.os = Fact::Known(crate::fact::OsRelease { id: os.to_owned(), ..crate::fact::OsRelease::default() });
        };
        let permissive = |f: &mut crate::fact::Facts| {
            f.process.lsm_label = label("system_u:system_r:container_t:s0");
            f.selinux.mode = Fact::Known(crate::fact::SelinuxMode::Permissive);
        };
        table(
            "security-module",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Pass, None, &|f| f.process.lsm_label = label("unconfined")),
                (Outcome::Fail, Some(Cause::ApparmorProfile), &|f| f.process.lsm_label = label("cri-containerd.apparmor.d (enforce)")),
                (Outcome::Unknown, None, &|f| f.process.lsm_label = label("mine (enforce)")),
                (Outcome::Unknown, None, &|f| f.process.lsm_label = label("system_u:system_r:container_t:s0")),
                (Outcome::Pass, None, &permissive),
                (Outcome::Pass, None, &|f| enforcing(f, "spc_t", "fedora")),
                (Outcome::Fail, Some(Cause::Selinux), &|f| enforcing(f, "container_t", "fedora")),
                // Its own policy, with a type of the same name.
                (Outcome::Unknown, None, &|f| enforcing(f, "container_t", "bottlerocket")),
                (Outcome::Unknown, None, &|f| enforcing(f, "container_init_t", "fedora")),
                (Outcome::Unknown, None, &|f| {
                    enforcing(f, "container_t", "fedora");
                    f.os = Fact::Absent;
                }),
            ],
        );
        table(
            "security-module",
            &[(Outcome::Warn, Some(Cause::Selinux), &|f| {
                bare(f);
                f.process.lsm_label = label("unconfined_u:unconfined_r:unconfined_t:s0");
            })],
        );
        let openshift = |f: &mut crate::fact::Facts| {
            bare(f);
            f.process.lsm_label = label("unconfined_u:unconfined_r:unconfined_t:s0");
            f.os = crate::fact::OsRelease::from_image("Red Hat Enterprise Linux CoreOS 418.94.202509100653-0")
                .map_or(Fact::Absent, Fact::Known);
        };
        let outcome = |facts: &crate::fact::Facts| {
            let verdict = judge(facts, Profile::NoProcessSandbox, None);
            verdict.findings.iter().find(|finding| finding.check == "security-module").map(|finding| finding.outcome)
        };
        assert_eq!(outcome(&facts_of(&openshift)), Some(Outcome::Unknown));
        assert_eq!(outcome(&with_probe(facts_of(&openshift), None)), Some(Outcome::Warn), "what was tried says more");
        assert_eq!(finding("security-module", Profile::Privileged, &openshift).outcome, Outcome::NotApplicable, "its label is spc_t");
        failed_at(Step::PrivateRoot, Errno::EACCES, Cause::ApparmorProfile, |f| f.process.lsm_label = label("mine (enforce)"));
        failed_at(Step::Devpts, Errno::EACCES, Cause::Selinux, |f| f.process.lsm_label = label("system_u:system_r:container_t:s0"));
        failed_at(Step::PrivateRoot, Errno::EACCES, Cause::ApparmorOrSelinux, |_| {});
        failed_at(Step::Devpts, Errno::EACCES, Cause::ApparmorOrSelinux, permissive);
        // A capability that is refused. Measured with Debian's policy on Linux 5.10.
        let confined = |f: &mut crate::fact::Facts| f.process.lsm_label = label("system_u:system_r:container_t:s0");
        failed_at(Step::MountNamespace, Errno::EPERM, Cause::Selinux, confined);
        failed_at(Step::Devpts, Errno::EPERM, Cause::Selinux, confined);
        failed_at(Step::UidMap, Errno::EPERM, Cause::Selinux, confined);
        failed_at(Step::MountNamespace, Errno::EPERM, Cause::PlatformSandbox, permissive);
        failed_at(Step::MountNamespace, Errno::EPERM, Cause::PlatformSandbox, |f| {
            f.process.lsm_label = label("system_u:system_r:spc_t:s0");
        });
        let around_shell = |f: &mut crate::fact::Facts| {
            permissive(f);
            bare(f);
        };
        table("security-module", &[(Outcome::NotApplicable, None, &around_shell)]);
    }

    #[test]
    fn masked_proc() {
        let masked = Fact::Known(ProcFs { masks: vec!["/proc/kcore".into()], complete_elsewhere: false });
        let judged = |proc_fs: Fact<ProcFs>| {
            finding("masked-proc", Profile::ProcMount, &|f| {
                f.process.uid_map = crate::check::testing::pod_map(65_536);
                f.proc_fs = proc_fs.clone();
            })
        };
        assert_eq!(judged(Fact::Known(ProcFs::default())).outcome, Outcome::Pass);
        assert_eq!(judged(masked).cause, Some(Cause::MaskedProc));
        assert_eq!(judged(Fact::Denied("no /proc".into())).outcome, Outcome::Unknown);
        table("masked-proc", &[(Outcome::NotApplicable, None, &|_| {})]);
    }

    #[test]
    fn attempts() {
        failed_at(Step::UtsNamespace, Errno::ENOSPC, Cause::UsernsExhausted, |_| {});
        failed_at(Step::PrivateRoot, Errno::EPERM, Cause::PlatformSandbox, |_| {});
        failed_at(Step::Mqueue, Errno::EPERM, Cause::PlatformSandbox, |_| {});
    }
}
