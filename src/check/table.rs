use super::row::Check;
use super::{boot, confinement, idmap, layers, own_pod, pod, storage, tried, userns};

/// All checks, in the order in which the kernel comes to what they look at.
pub static CHECKS: &[Check] = &[
    userns::KERNEL_CONFIG,
    pod::POD_USER_NAMESPACE,
    pod::RUNTIME_USER_NAMESPACES,
    own_pod::IMAGE_USER,
    own_pod::UNPRIVILEGED_ROOT,
    own_pod::TEMP_DIR,
    confinement::DEFAULT_CONFINEMENT,
    confinement::SECCOMP,
    userns::UNPRIVILEGED_USERNS_CLONE,
    userns::MAX_USER_NAMESPACES,
    userns::MAX_LEVEL,
    boot::EL7_CMDLINE,
    userns::NAMESPACE_LIMITS,
    userns::APPARMOR_RESTRICTION,
    confinement::LSM_PROFILE,
    userns::USER_NAMESPACE,
    userns::MOUNT_NAMESPACE,
    idmap::SUBORDINATE_IDS,
    idmap::PROMISED_IDS,
    idmap::SETID_CAPABILITIES,
    idmap::NO_NEW_PRIVILEGES,
    idmap::HELPERS,
    idmap::NESTED_RANGE,
    idmap::ID_MAPS,
    confinement::PRIVATE_ROOT,
    storage::STATE_DIR,
    storage::STATE_DIR_WRITE,
    own_pod::RUNTIME_DIR,
    own_pod::WRITES,
    storage::OWNERS,
    layers::CHANGES,
    layers::TMPFS,
    layers::SELINUX,
    layers::SNAPSHOTTER,
    layers::NOEXEC,
    storage::BIND_MOUNTS,
    confinement::STEP_NAMESPACES,
    pod::PROCMOUNT_RUNTIME,
    confinement::PROC,
    confinement::STEP_MOUNTS,
    tried::TRIAL,
    tried::PROBE,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{Cause, Mark};
    use crate::check::row::Kind;
    use crate::check::testing::{bare, facts_of, pod_map, with_failure};
    use crate::check::{Outcome, judge};
    use crate::fact::{Errno, Fact, Facts, Step, StepOutcome};
    use crate::profile::Profile;

    #[test]
    fn ids_are_unique_and_causes_and_steps_are_covered() {
        let mut ids: Vec<_> = CHECKS.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
        for cause in Cause::ALL {
            let is_named = CHECKS.iter().any(|check| check.causes.contains(cause));
            assert_eq!(is_named, !cause.row().is(Mark::OfTexts), "{cause}");
        }
        for &step in Step::ALL {
            let attempts = CHECKS.iter().filter(|check| matches!(check.kind, Kind::Attempt { .. }) && check.steps.contains(&step));
            assert_eq!(attempts.count(), 1, "{step:?} is told by one check");
        }
        for check in CHECKS {
            assert!(check.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id);
            assert!(!check.title.is_empty() && check.why.ends_with('.'), "{}", check.id);
            assert_eq!(check.causes.is_empty(), matches!(check.kind, Kind::Probe), "{}", check.id);
        }
    }

    /// The places that make a difference to what is blamed.
    fn places() -> Vec<Facts> {
        let label = |text: &'static str| move |facts: &mut Facts| facts.process.lsm_label = Fact::Known(text.into());
        let (apparmor, selinux) = (label("mine (enforce)"), label("system_u:system_r:container_t:s0"));
        vec![
            facts_of(&|_| {}),
            facts_of(&apparmor),
            facts_of(&selinux),
            facts_of(&|facts| facts.process.uid_map = pod_map(65_536)),
            facts_of(&|facts| facts.process.uid = Fact::Known(0)),
            facts_of(&|facts| facts.process.no_new_privs = Fact::Known(true)),
            facts_of(&|facts| {
                bare(facts);
                facts.process.no_new_privs = Fact::Known(true);
            }),
            Facts::unknown(),
        ]
    }

    #[test]
    fn what_a_row_names_stands_in_its_causes() {
        let mut looked_at = 0;
        for facts in places() {
            for profile in Profile::ALL {
                for step in profile.plan().steps() {
                    for errno in (0..134).map(|number| (number > 0).then_some(Errno(number))) {
                        for outcome in [StepOutcome::Failed, StepOutcome::FellBack] {
                            let verdict = judge(&with_failure(facts.clone(), profile, step, outcome, errno), profile, None);
                            for finding in verdict.findings {
                                let Some(cause) = finding.cause else { continue };
                                let row = CHECKS.iter().find(|row| row.id == finding.check).expect("a row");
                                // What was tried is explained by a row of facts about the same step, if one fails.
                                let explained = CHECKS.iter().any(|other| {
                                    matches!(row.kind, Kind::Attempt { .. })
                                        && matches!(other.kind, Kind::Fact { .. })
                                        && other.steps.contains(&step)
                                        && other.causes.contains(&cause)
                                });
                                assert!(row.causes.contains(&cause) || explained, "{}: {cause} for {step:?} {errno:?}", row.id);
                                looked_at += usize::from(finding.outcome == Outcome::Fail);
                            }
                        }
                    }
                }
            }
        }
        assert!(looked_at > 40_000, "{looked_at}");
    }

    #[test]
    fn a_failure_without_an_error_is_not_taken_for_a_refusal() {
        for (step, cause) in [
            (Step::UserNamespace, Cause::BuildFailed),
            (Step::Hostname, Cause::BuildFailed),
            (Step::ReadOnlyRemount, Cause::BuildFailed),
            (Step::StateDir, Cause::StateDir),
            (Step::SubIdRange, Cause::SubidConfig),
        ] {
            let facts = with_failure(facts_of(&|_| {}), Profile::NoProcessSandbox, step, StepOutcome::Failed, None);
            assert_eq!(judge(&facts, Profile::NoProcessSandbox, None).decisive(), Some(cause), "{step:?}");
        }
    }
}
