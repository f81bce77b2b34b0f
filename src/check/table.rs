use super::row::Check;
use super::{confinement, idmap, pod, storage, userns};

/// All checks, in the order in which the kernel comes to what they look at.
pub static CHECKS: &[Check] = &[
    userns::KERNEL_CONFIG,
    pod::POD_USER_NAMESPACE,
    pod::RUNTIME_USER_NAMESPACES,
    confinement::SECCOMP,
    userns::UNPRIVILEGED_USERNS_CLONE,
    userns::MAX_USER_NAMESPACES,
    userns::NAMESPACE_LIMITS,
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
    pod::PROCMOUNT_RUNTIME,
    confinement::PROC,
    confinement::STEP_MOUNTS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::check::row::Kind;
    use crate::fact::Step;

    #[test]
    fn ids_are_unique_and_causes_and_steps_are_covered() {
        let mut ids: Vec<_> = CHECKS.iter().map(|check| check.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
        for cause in Cause::ALL {
            assert!(CHECKS.iter().any(|check| check.causes.contains(&cause)), "no check names {cause}");
        }
        for &step in Step::ALL {
            let attempts = CHECKS.iter().filter(|check| matches!(check.kind, Kind::Attempt) && check.steps.contains(&step));
            assert_eq!(attempts.count(), 1, "{step:?} is told by one check");
        }
        for check in CHECKS {
            assert!(check.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id);
            assert!(!check.title.is_empty() && check.why.ends_with('.') && !check.causes.is_empty(), "{}", check.id);
        }
    }
}
