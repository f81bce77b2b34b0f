use super::{Case, Cause, confinement, idmap, storage, userns};
use crate::fact::{Step, StepResult};

/// One row of the table: one thing that decides whether a builder works.
#[derive(Debug)]
pub struct Check {
    /// A stable id.
    pub id: &'static str,
    /// What is checked, in a few words.
    pub title: &'static str,
    /// Why a builder needs it, with the source of the rule.
    pub why: &'static str,
    /// The causes it can name.
    pub causes: &'static [Cause],
    /// The steps of the probe that show whether it holds.
    pub steps: &'static [Step],
    pub(super) kind: Kind,
}

/// How a check comes to its answer.
#[derive(Debug)]
pub(super) enum Kind {
    /// By what was read. If a step failed that `explains` accepts, a failing fact is its cause.
    Fact { judge: fn(&Case) -> Judgement, explains: fn(&StepResult) -> bool },
    /// By what was tried alone.
    Attempt,
}

/// What a check finds in the facts alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// As it should be.
    Pass,
    /// It works, but worse than it could.
    Warn(Cause, String),
    /// A builder can't work with this.
    Fail(Cause, String),
    /// The facts can't tell, and this is why.
    Unknown(String),
    /// Of no importance for this profile or in this place.
    NotApplicable,
}

/// All checks, in the order in which the kernel comes to what they look at.
pub static CHECKS: &[Check] = &[
    userns::KERNEL_CONFIG,
    userns::POD_USER_NAMESPACE,
    confinement::SECCOMP,
    userns::UNPRIVILEGED_USERNS_CLONE,
    userns::MAX_USER_NAMESPACES,
    userns::APPARMOR_RESTRICTION,
    confinement::LSM_PROFILE,
    userns::USER_NAMESPACE,
    userns::MOUNT_NAMESPACE,
    idmap::SUBORDINATE_IDS,
    idmap::SETID_CAPABILITIES,
    idmap::NO_NEW_PRIVILEGES,
    idmap::HELPERS,
    idmap::NESTED_RANGE,
    idmap::ID_MAPS,
    confinement::PRIVATE_ROOT,
    storage::STATE_DIR,
    storage::STATE_DIR_WRITE,
    storage::SNAPSHOTTER,
    storage::NOEXEC,
    storage::BIND_MOUNTS,
    confinement::STEP_NAMESPACES,
    confinement::PROC,
    confinement::STEP_MOUNTS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_causes_and_steps_are_covered() {
        let mut ids: Vec<_> = CHECKS.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
        for cause in Cause::ALL {
            assert!(CHECKS.iter().any(|check| check.causes.contains(&cause)), "no check names {cause}");
        }
        for step in Step::ALL {
            let attempts = CHECKS.iter().filter(|check| matches!(check.kind, Kind::Attempt) && check.steps.contains(&step));
            assert_eq!(attempts.count(), 1, "{step:?} is told by one check");
        }
        for check in CHECKS {
            assert!(check.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id);
            assert!(!check.title.is_empty() && check.why.ends_with('.') && !check.causes.is_empty(), "{}", check.id);
        }
    }
}
