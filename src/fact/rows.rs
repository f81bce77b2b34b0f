/// A place in which a fact can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the machine itself.
    Host,
    /// In a pod of the default profile's shape.
    Pod,
    /// In a canary, a pod with a user namespace of its own.
    Canary,
}

impl Place {
    /// What a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Place::Host => "host",
            Place::Pod => "pod",
            Place::Canary => "canary",
        }
    }
}

/// Where one fact comes from and where it can be read.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The fact's place in the facts' JSON.
    pub id: &'static str,
    /// What is read.
    pub source: &'static str,
    /// Where reading it tells of the node and not of something else.
    pub places: &'static [Place],
}

const EVERYWHERE: &[Place] = &[Place::Host, Place::Pod, Place::Canary];
const HOST_USER_NAMESPACE: &[Place] = &[Place::Host, Place::Pod];
const HOST_ONLY: &[Place] = &[Place::Host];

const fn row(id: &'static str, source: &'static str, places: &'static [Place]) -> Row {
    Row { id, source, places }
}

/// One row a fact, in the order of the JSON. A test holds it against [`super::Facts`].
pub const ROWS: &[Row] = &[
    row("gatheredAt", "the clock", EVERYWHERE),
    row("bootedAt", "/proc/stat", EVERYWHERE),
    row("node", "NODE_NAME, else /proc/sys/kernel/hostname", EVERYWHERE),
    // In a pod only where the node's file is mounted into it; the image's own file tells of the image.
    row("os", "/etc/os-release, else /usr/lib/os-release", HOST_ONLY),
    row("kernel", "/proc/sys/kernel/osrelease, else uname(2)", EVERYWHERE),
    row("userNamespaces", "/proc/self/ns/user", EVERYWHERE),
    row("sysctls.kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", EVERYWHERE),
    // A pod's user namespace has limits of its own, and this file shows those.
    row("sysctls.user.max_user_namespaces", "/proc/sys/user/max_user_namespaces", HOST_USER_NAMESPACE),
    row("sysctls.user.max_mnt_namespaces", "/proc/sys/user/max_mnt_namespaces", HOST_USER_NAMESPACE),
    row("sysctls.user.max_pid_namespaces", "/proc/sys/user/max_pid_namespaces", HOST_USER_NAMESPACE),
    row("sysctls.user.max_uts_namespaces", "/proc/sys/user/max_uts_namespaces", HOST_USER_NAMESPACE),
    row("sysctls.user.max_ipc_namespaces", "/proc/sys/user/max_ipc_namespaces", HOST_USER_NAMESPACE),
    row("sysctls.user.max_cgroup_namespaces", "/proc/sys/user/max_cgroup_namespaces", HOST_USER_NAMESPACE),
    row("sysctls.kernel.yama.ptrace_scope", "/proc/sys/kernel/yama/ptrace_scope", EVERYWHERE),
    row("sysctls.kernel.apparmor_restrict_unprivileged_userns", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", EVERYWHERE),
    // In a pod those of the image, except where the node's are mounted over them.
    row("sysctlFiles", "sysctl.d below /etc, /run, /usr/local/lib and /usr/lib, /etc/sysctl.conf", HOST_ONLY),
    row("process.uid", "/proc/self/status", EVERYWHERE),
    row("process.pidNamespace", "/proc/self/ns/pid", EVERYWHERE),
    row("process.ipcNamespace", "/proc/self/ns/ipc", EVERYWHERE),
    row("process.uidMap", "/proc/self/uid_map", EVERYWHERE),
    row("process.gidMap", "/proc/self/gid_map", EVERYWHERE),
    row("process.seccomp", "/proc/self/status", EVERYWHERE),
    row("process.noNewPrivs", "/proc/self/status", EVERYWHERE),
    row("process.boundingSet", "/proc/self/status", EVERYWHERE),
    row("process.lsmLabel", "/proc/self/attr/current", EVERYWHERE),
    // A runtime or a platform may confine what did not ask for it, and only this tells the two apart.
    row("process.askedUnconfined", "agent --shape", EVERYWHERE),
    row("process.askedUserNamespace", "agent --shape", EVERYWHERE),
    row("process.askedUnmaskedProc", "agent --shape", EVERYWHERE),
    row("procFs", "/proc/self/mountinfo", EVERYWHERE),
    row("stateDir.path", "--state-dir, else where the builder's image has it", EVERYWHERE),
    row("stateDir.fileSystem", "/proc/self/mountinfo", EVERYWHERE),
    row("stateDir.flags", "/proc/self/mountinfo", EVERYWHERE),
    row("stateDir.freeBytes", "statvfs(3)", EVERYWHERE),
    row("devFuse", "open(2) of /dev/fuse", EVERYWHERE),
    row("tools.rootlesskit", "the PATH", EVERYWHERE),
    row("tools.buildkitd", "the PATH", EVERYWHERE),
    row("tools.buildctl", "the PATH", EVERYWHERE),
    row("tools.fuse-overlayfs", "the PATH", EVERYWHERE),
    row("tools.mount.fuse3", "the PATH", EVERYWHERE),
    row("newuidmap", "the PATH, its mode, its security.capability attribute", EVERYWHERE),
    row("newgidmap", "the PATH, its mode, its security.capability attribute", EVERYWHERE),
    row("subIds.user", "/etc/passwd", EVERYWHERE),
    row("subIds.uid", "/proc/self/status", EVERYWHERE),
    row("subIds.gid", "/etc/passwd", EVERYWHERE),
    row("subIds.uids", "/etc/subuid", EVERYWHERE),
    row("subIds.gids", "/etc/subgid", EVERYWHERE),
    row("kubelet.version", "the Node object, by an agent", EVERYWHERE),
    row("kubelet.runtime", "the Node object, by an agent", EVERYWHERE),
    row("kubelet.podUserNamespaces", "the Node object, by an agent", EVERYWHERE),
    row("tuned", "the file of tune --watch --status, by an agent", HOST_USER_NAMESPACE),
    row("capacity.cpus", "/proc/stat", EVERYWHERE),
    row("capacity.memoryBytes", "/proc/meminfo", EVERYWHERE),
    row("capacity.memoryAvailableBytes", "/proc/meminfo", EVERYWHERE),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Facts;
    use serde_json::Value;

    /// The paths of all facts in the JSON: a fact that nobody could read is `{"denied": why}`.
    fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
        let Value::Object(fields) = value else { return };
        if fields.len() == 1 && fields.contains_key("denied") {
            out.push(path.to_owned());
            return;
        }
        for (key, value) in fields {
            leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, out);
        }
    }

    #[test]
    fn every_fact_has_a_row_and_every_row_a_fact() {
        let mut found = Vec::new();
        leaves(&serde_json::to_value(Facts::unknown()).expect("facts are JSON"), "", &mut found);
        let mut listed: Vec<_> = ROWS.iter().map(|row| row.id.to_owned()).collect();
        found.sort();
        listed.sort();
        assert_eq!(found, listed);
    }
}
