use super::host::Host;
use crate::fact::Fact;

/// What evidence hangs on beside the node's own kernel: when one of these changes, a verdict has to be proven again.
const FILES: [&str; 11] = [
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_unconfined",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/user/max_pid_namespaces",
    "/proc/sys/user/max_uts_namespaces",
    "/proc/sys/user/max_ipc_namespaces",
    "/proc/sys/user/max_cgroup_namespaces",
];

/// The boot, the kernel and the sysctls that evidence was got under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint([Fact<String>; FILES.len()]);

impl Fingerprint {
    /// Reads it: eleven small files that no mount can make hang.
    pub fn take() -> Self {
        let host = Host::new(None);
        Fingerprint(FILES.map(|path| host.read_below(path, "/proc/sys/kernel")))
    }

    /// What is different: `/proc/sys/user/max_user_namespaces was 63359, is 0`.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let text = |fact: &Fact<String>| match fact {
            Fact::Known(value) => value.trim().to_owned(),
            Fact::Absent => "absent".into(),
            Fact::Denied(_) | Fact::Failed(_) => "unreadable".into(),
        };
        let pairs = FILES.iter().zip(before.0.iter().zip(&self.0));
        pairs.filter(|(_, (was, is))| was != is).map(|(path, (was, is))| format!("{path} was {}, is {}", text(was), text(is))).collect()
    }
}
