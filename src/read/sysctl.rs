//! The sysctls that decide over namespaces.

use super::host::Host;
use crate::fact::{Fact, Sysctls};
use crate::text::shorten;

/// A limit on namespaces that no builder comes near.
const LARGE: u64 = 1024;

pub(crate) fn sysctls(host: &Host, nested: bool) -> Sysctls {
    let read = |name: &str| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        host.read_below(&path, "/proc/sys/kernel")
            .and_then(|text| text.trim().parse().map_err(|_| format!("{path} holds {:?}, which is no number", shorten(text.trim()))))
    };
    // A nested namespace has limits of its own, beside which its parents' count too: a small one decides, a large one does not.
    let limit = |name: &str| match read(name) {
        Fact::Known(value) if nested && value >= LARGE => {
            Fact::Denied("inside a pod's user namespace /proc/sys/user shows that namespace's own limits".into())
        }
        read => read,
    };
    Sysctls {
        unprivileged_userns_clone: read("kernel.unprivileged_userns_clone"),
        max_user_namespaces: limit("user.max_user_namespaces"),
        max_mnt_namespaces: limit("user.max_mnt_namespaces"),
        max_pid_namespaces: limit("user.max_pid_namespaces"),
        max_uts_namespaces: limit("user.max_uts_namespaces"),
        max_ipc_namespaces: limit("user.max_ipc_namespaces"),
        max_cgroup_namespaces: limit("user.max_cgroup_namespaces"),
        apparmor_restrict_unprivileged_userns: read("kernel.apparmor_restrict_unprivileged_userns"),
        yama_ptrace_scope: read("kernel.yama.ptrace_scope"),
    }
}
