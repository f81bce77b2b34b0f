//! Whether a user namespace can be made.

use super::message::is_helpers_own;
use super::row::{Blame, Check, Judgement, Kind, LIMIT_REACHED, REFUSED, REFUSED_CAUSES};
use super::seen::userns::Seen;
use crate::cause::Cause;
use crate::fact::{Builder, Errno, Fact, Plan, Step, Sysctl, Tunable};
use crate::profile::Profile;

/// Below this rootlesskit warns that the limit may be low (pkg/parent/warn.go).
const COMFORTABLE_LIMIT: u64 = 1024;

pub(super) const KERNEL_CONFIG: Check = Check {
    id: "kernel-config",
    title: "kernel with user namespaces",
    why: "A rootless builder is root in a user namespace of its own. A kernel without CONFIG_USER_NS has no user namespaces.",
    causes: &[Cause::UsernsKconfig],
    steps: &[Step::UserNamespace],
    kind: Kind::Fact {
        judge: |case| {
            if !case.place.is_rootless() && !case.profile.has_pod_user_namespace() {
                return Judgement::NotApplicable;
            }
            match &case.facts.user_namespaces {
                Fact::Known(true) => Judgement::Pass,
                Fact::Known(false) | Fact::Absent => Judgement::fail(Cause::UsernsKconfig, Seen::NoUserNamespaces),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| matches!(failed.errno, Some(Errno::EINVAL | Errno::ENOSYS)) && failed.filtered != Some(true),
    },
};

pub(super) const UNPRIVILEGED_USERNS_CLONE: Check = Check {
    id: "unprivileged-userns-clone",
    title: "kernel.unprivileged_userns_clone",
    why: "A kernel patch of Debian, Ubuntu, Arch and others: at 0 only a process with CAP_SYS_ADMIN can create user namespaces, all others get EPERM. A kernel without the file has no such switch.",
    causes: &[Cause::UsernsClone0],
    steps: &[Step::UserNamespace],
    kind: Kind::Fact {
        judge: |case| {
            if !case.place.is_rootless() {
                // Root makes the pod's namespace, and a rootful builder none.
                return Judgement::NotApplicable;
            }
            match case.facts.sysctls.get(Sysctl::UnprivilegedUsernsClone) {
                Fact::Known(0) => Judgement::fail(Cause::UsernsClone0, Seen::SwitchedOff(Sysctl::UnprivilegedUsernsClone)),
                Fact::Known(_) | Fact::Absent => Judgement::Pass,
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| failed.errno == Some(Errno::EPERM) && failed.filtered != Some(true),
    },
};

pub(super) const MAX_USER_NAMESPACES: Check = Check {
    id: "max-user-namespaces",
    title: "user.max_user_namespaces",
    why: "How many user namespaces one user may have (namespaces(7), Linux 4.9); one more fails with ENOSPC. A pod's user namespace and each of its idmapped volumes count against root's limit.",
    causes: &[Cause::UsernsMax0, Cause::UsernsExhausted],
    steps: &[Step::UserNamespace],
    kind: Kind::Fact {
        judge: |case| {
            if !case.place.is_rootless() && !case.profile.has_pod_user_namespace() {
                return Judgement::NotApplicable;
            }
            if !case.place.is_rootless() && case.place.may_have_pods_user_namespace() {
                // The pod has its namespace, and this builder makes no other.
                return Judgement::Pass;
            }
            let limit = match case.facts.sysctls.get(Sysctl::MaxUserNamespaces) {
                Fact::Known(limit) => *limit,
                Fact::Absent => return Judgement::Pass,
                Fact::Denied(why) | Fact::Failed(why) => return Judgement::unknown(why),
            };
            // Measured: one such pod needs 2 on Linux 6.12 and 7.2, up to 4 on 6.1, where each idmapped mount holds one.
            let (least, enough) = if case.profile.has_pod_user_namespace() { (2, 4) } else { (1, 1) };
            match limit {
                0 => Judgement::fail(Cause::UsernsMax0, Seen::SwitchedOff(Sysctl::MaxUserNamespaces)),
                _ if limit < least => Judgement::fail(Cause::UsernsExhausted, Seen::TooFewForPod { limit, least }),
                _ if limit < enough => Judgement::unknown(Seen::PerhapsTooFewForPod { limit, least, enough }),
                _ if limit < COMFORTABLE_LIMIT => Judgement::warn(Cause::UsernsExhausted, Seen::Low { limit, usual: COMFORTABLE_LIMIT }),
                _ => Judgement::Pass,
            }
        },
        // EINVAL is what EL7's kernel gives.
        explains: |failed| matches!(failed.errno, Some(Errno::ENOSPC | Errno::EINVAL)) && failed.filtered != Some(true),
    },
};

pub(super) const MAX_LEVEL: Check = Check {
    id: "userns-max-level",
    title: "kernel.userns_max_level",
    why: "A kernel patch of Alibaba Cloud Linux: how deep user namespaces may be nested, 33 by default; 0 switches them off. A pod's user namespace is one level, and rootlesskit's another.",
    causes: &[Cause::UsernsMaxLevel],
    steps: &[Step::UserNamespace],
    kind: Kind::Fact {
        judge: |case| {
            let needed = u64::from(case.place.is_rootless()) + u64::from(case.profile.has_pod_user_namespace());
            if needed == 0 {
                return Judgement::NotApplicable;
            }
            match case.facts.sysctls.get(Sysctl::UsernsMaxLevel) {
                Fact::Known(level) if *level < needed => {
                    Judgement::fail(Cause::UsernsMaxLevel, Seen::TooFewLevels { level: *level, needed })
                }
                Fact::Known(_) => Judgement::Pass,
                Fact::Failed(why) => Judgement::unknown(why),
                Fact::Denied(why) if case.facts.os.known().is_some_and(|os| os.id == ALIBABA) => Judgement::unknown(why),
                // No other system has it.
                Fact::Absent | Fact::Denied(_) => Judgement::NotApplicable,
            }
        },
        explains: |failed| matches!(failed.errno, Some(Errno::ENOSPC | Errno::EUSERS | Errno::EPERM)) && failed.filtered != Some(true),
    },
};

/// Whose kernels have that sysctl.
const ALIBABA: &str = "alinux";

/// How many namespaces of a kind one builder and its steps hold at once, against the user whom they count for: of a
/// pod with a user namespace that is root, and the container's own count too; else the builder's user.
fn needed(profile: Profile, plan: Plan) -> [(Tunable, u64); 5] {
    let container = u64::from(profile.has_pod_user_namespace());
    // Measured: with rootlesskit 2 mount namespaces fail at the first RUN, 3 where two stages run at the same time, 4 now and then.
    let rootlesskit = if plan.builder == Builder::Rootless { 2 } else { 0 };
    let steps = Plan::STEPS_AT_ONCE as u64;
    let sandboxes = if plan.process_sandbox { steps } else { 0 };
    [
        (Tunable::MAX_MNT_NAMESPACES, container + rootlesskit + steps + Plan::MOUNT_NAMESPACES_LATE as u64),
        // At 0 no container starts at all.
        (Tunable::MAX_PID_NAMESPACES, (container + sandboxes).max(1)),
        (Tunable::MAX_UTS_NAMESPACES, container + steps),
        (Tunable::MAX_IPC_NAMESPACES, container + steps),
        (Tunable::MAX_CGROUP_NAMESPACES, steps),
    ]
}

/// The least values with which one builder of a profile runs; of user namespaces, with which nobody has to count.
pub fn least_values(profile: Profile) -> Vec<(Tunable, u64)> {
    let switch = [(Tunable::UNPRIVILEGED_USERNS_CLONE, 1), (Tunable::MAX_USER_NAMESPACES, COMFORTABLE_LIMIT)];
    switch.into_iter().chain(needed(profile, profile.plan())).collect()
}

pub(super) const NAMESPACE_LIMITS: Check = Check {
    id: "namespace-limits",
    title: "user.max_{mnt,pid,uts,ipc,cgroup}_namespaces",
    why: "How many namespaces of a kind one user may have (namespaces(7), Linux 4.9); one more fails with ENOSPC. rootlesskit holds a mount namespace, and each build step creates a namespace of each kind; two stages of a build run at the same time. At the limit a step fails while the daemon looks healthy.",
    causes: &[Cause::UsernsExhausted],
    steps: &[
        Step::MountNamespace,
        Step::StepMountNamespace,
        Step::UtsNamespace,
        Step::IpcNamespace,
        Step::CgroupNamespace,
        Step::PidNamespace,
    ],
    kind: Kind::Fact {
        judge: |case| {
            let mut unknown = None;
            for (sysctl, needed) in needed(case.profile, case.plan) {
                match case.facts.sysctls.get(sysctl) {
                    Fact::Known(limit) if *limit < needed => {
                        let seen = Seen::TooFewForBuild { sysctl: sysctl.into(), limit: *limit, needed };
                        return Judgement::fail(Cause::UsernsExhausted, seen);
                    }
                    Fact::Known(_) | Fact::Absent => {}
                    Fact::Denied(why) | Fact::Failed(why) => unknown = unknown.or(Some(why)),
                }
            }
            unknown.map_or(Judgement::Pass, Judgement::unknown)
        },
        explains: |failed| failed.errno == Some(Errno::ENOSPC),
    },
};

pub(super) const APPARMOR_RESTRICTION: Check = Check {
    id: "apparmor-restriction",
    title: "kernel.apparmor_restrict_unprivileged_userns",
    why: "Ubuntu's kernel patch, on by default from 24.04: an unconfined process may create a user namespace but has no capabilities in it, so the builder's first mount fails.",
    causes: &[Cause::UsernsApparmorRestrict],
    steps: &[Step::UserNamespace, Step::MountNamespace, Step::UidMap, Step::GidMap, Step::PrivateRoot],
    kind: Kind::Fact {
        judge: |case| {
            if !case.place.is_rootless() {
                return Judgement::NotApplicable;
            }
            let refused = case.failed().is_some_and(|failed| failed.errno == Some(Errno::EACCES));
            match case.facts.sysctls.get(Sysctl::ApparmorRestrictUnprivilegedUserns) {
                Fact::Known(0) | Fact::Absent => Judgement::Pass,
                Fact::Known(value) if case.facts.process.is_unconfined() => {
                    Judgement::fail(Cause::UsernsApparmorRestrict, Seen::Restricted(*value))
                }
                // The restriction binds unconfined processes. A profile may grant user namespaces, or refuse more than these.
                Fact::Known(_) => Judgement::unknown(Seen::RestrictedUnlessGranted),
                // The file exists, for root to read: with a refusal that is what such a kernel does.
                Fact::Denied(why) if refused && case.facts.process.is_unconfined() && why.is_forbidden() => {
                    Judgement::fail(Cause::UsernsApparmorRestrict, Seen::LikelyRestricted(why.clone()))
                }
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| {
            matches!(failed.errno, Some(Errno::EACCES | Errno::EPERM)) && failed.filtered != Some(true) && !is_helpers_own(failed)
        },
    },
};

pub(super) const USER_NAMESPACE: Check = Check {
    id: "user-namespace",
    title: "new user namespace",
    why: "rootlesskit starts its child in a new user namespace. Where this is refused, its error is `fork/exec /proc/self/exe: operation not permitted`.",
    causes: &[
        Cause::UsernsKconfig,
        Cause::UsernsExhausted,
        Cause::ApparmorProfile,
        Cause::Selinux,
        Cause::ApparmorOrSelinux,
        Cause::PlatformSandbox,
        Cause::BuildFailed,
    ],
    steps: &[Step::UserNamespace],
    kind: Kind::Attempt {
        blames: &[
            Blame::SECURITY_MODULE,
            Blame::errors(&[Errno::EINVAL, Errno::ENOSYS], Cause::UsernsKconfig),
            Blame::errors(LIMIT_REACHED, Cause::UsernsExhausted),
            Blame::SELINUX,
            Blame::other(Cause::PlatformSandbox),
            Blame::any(Cause::BuildFailed),
        ],
    },
};

pub(super) const MOUNT_NAMESPACE: Check = Check {
    id: "mount-namespace",
    title: "new mount namespace",
    why: "rootlesskit and runc mount what a build needs in new mount namespaces.",
    causes: REFUSED_CAUSES,
    steps: &[Step::MountNamespace],
    kind: Kind::Attempt { blames: REFUSED },
};

#[cfg(test)]
mod tests {
    use crate::cause::Cause;
    use crate::check::Outcome;
    use crate::check::testing::{failed_at, finding, table};
    use crate::fact::{Errno, Fact, Step, Sysctl};
    use crate::profile::Profile;

    #[test]
    fn kernel_config() {
        table(
            "kernel-config",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::UsernsKconfig), &|f| f.user_namespaces = Fact::Known(false)),
                (Outcome::Unknown, None, &|f| f.user_namespaces = Fact::Denied("no /proc".into())),
            ],
        );
        failed_at(Step::UserNamespace, Errno::EINVAL, Cause::UsernsKconfig, |_| {});
    }

    #[test]
    fn unprivileged_userns_clone() {
        table(
            "unprivileged-userns-clone",
            &[
                (Outcome::Pass, None, &|f| f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(1))),
                (Outcome::Pass, None, &|f| f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Absent)),
                (Outcome::Fail, Some(Cause::UsernsClone0), &|f| f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0))),
                (Outcome::Unknown, None, &|f| f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Failed("garbage".into()))),
            ],
        );
        failed_at(Step::UserNamespace, Errno::EPERM, Cause::UsernsClone0, |f| {
            f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0))
        });
    }

    #[test]
    fn max_user_namespaces() {
        table(
            "max-user-namespaces",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Warn, Some(Cause::UsernsExhausted), &|f| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(7))),
                (Outcome::Fail, Some(Cause::UsernsMax0), &|f| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0))),
                (Outcome::Unknown, None, &|f| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Denied("a pod's own".into()))),
            ],
        );
        failed_at(Step::UserNamespace, Errno::ENOSPC, Cause::UsernsMax0, |f| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0)));
        failed_at(Step::UserNamespace, Errno::ENOSPC, Cause::UsernsExhausted, |_| {});
    }

    #[test]
    fn userns_max_level() {
        let at = |level| move |f: &mut crate::fact::Facts| f.sysctls.set(Sysctl::UsernsMaxLevel, Fact::Known(level));
        let alibabas = |f: &mut crate::fact::Facts| {
            f.os = Fact::Known(crate::fact::OsRelease { id: "alinux".into(), ..crate::fact::OsRelease::default() });
        };
        table(
            "userns-max-level",
            &[
                (Outcome::Pass, None, &at(1)),
                (Outcome::Fail, Some(Cause::UsernsMaxLevel), &at(0)),
                (Outcome::Unknown, None, &alibabas),
                (Outcome::Unknown, None, &|f| f.sysctls.set(Sysctl::UsernsMaxLevel, Fact::Failed("garbage".into()))),
                (Outcome::NotApplicable, None, &|_| {}),
            ],
        );
        failed_at(Step::UserNamespace, Errno::ENOSPC, Cause::UsernsMaxLevel, at(0));
        for (profile, level, outcome) in [
            (Profile::ProcMount, 1, Outcome::Fail),
            (Profile::ProcMount, 2, Outcome::Pass),
            (Profile::Userns, 1, Outcome::Pass),
            (Profile::Rootful, 0, Outcome::NotApplicable),
        ] {
            assert_eq!(finding("userns-max-level", profile, &at(level)).outcome, outcome, "{profile} {level}");
        }
    }

    #[test]
    fn namespace_limits() {
        table(
            "namespace-limits",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Pass, None, &|f| f.sysctls.set(Sysctl::MaxMntNamespaces, Fact::Known(5))),
                (Outcome::Fail, Some(Cause::UsernsExhausted), &|f| f.sysctls.set(Sysctl::MaxMntNamespaces, Fact::Known(4))),
                (Outcome::Fail, Some(Cause::UsernsExhausted), &|f| f.sysctls.set(Sysctl::MaxUtsNamespaces, Fact::Known(1))),
                (Outcome::Pass, None, &|f| f.sysctls.set(Sysctl::MaxCgroupNamespaces, Fact::Known(2))),
                (Outcome::Fail, Some(Cause::UsernsExhausted), &|f| f.sysctls.set(Sysctl::MaxCgroupNamespaces, Fact::Known(1))),
                // Without a process sandbox a build step has the builder's PID namespace; the container itself has one.
                (Outcome::Pass, None, &|f| f.sysctls.set(Sysctl::MaxPidNamespaces, Fact::Known(1))),
                (Outcome::Fail, Some(Cause::UsernsExhausted), &|f| f.sysctls.set(Sysctl::MaxPidNamespaces, Fact::Known(0))),
                (Outcome::Unknown, None, &|f| f.sysctls.set(Sysctl::MaxIpcNamespaces, Fact::Denied("a pod's own".into()))),
            ],
        );
        failed_at(Step::StepMountNamespace, Errno::ENOSPC, Cause::UsernsExhausted, |f| {
            f.sysctls.set(Sysctl::MaxMntNamespaces, Fact::Known(1))
        });
        let pid1 = |f: &mut crate::fact::Facts| f.sysctls.set(Sysctl::MaxPidNamespaces, Fact::Known(1));
        for (profile, outcome) in
            [(Profile::Privileged, Outcome::Fail), (Profile::ProcMount, Outcome::Fail), (Profile::Userns, Outcome::Fail)]
        {
            assert_eq!(finding("namespace-limits", profile, &pid1).outcome, outcome, "{profile}");
        }
    }

    #[test]
    fn apparmor_restriction() {
        table(
            "apparmor-restriction",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::UsernsApparmorRestrict), &|f| {
                    f.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(1))
                }),
                (Outcome::Unknown, None, &|f| f.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Denied("EACCES".into()))),
            ],
        );
        let on = |f: &mut crate::fact::Facts| f.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(1));
        failed_at(Step::PrivateRoot, Errno::EACCES, Cause::UsernsApparmorRestrict, on);
    }

    #[test]
    fn attempts() {
        failed_at(Step::UserNamespace, Errno::EPERM, Cause::PlatformSandbox, |_| {});
        failed_at(Step::UserNamespace, Errno::EACCES, Cause::ApparmorProfile, |f| f.process.lsm_label = Fact::Known("unconfined".into()));
        failed_at(Step::MountNamespace, Errno::ENOSPC, Cause::UsernsExhausted, |_| {});
    }
}
