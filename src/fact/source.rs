use super::place::{EVERYWHERE, HOST_ONLY, HOST_USER_NAMESPACE, NOWHERE};
use super::{Place, SYSCTLS, Sysctl};
use std::fmt;

/// What a fact is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(&'static str),
    /// A sysctl, which is a file too.
    Sysctl(Sysctl),
    /// Where a symbolic link leads, or that it is there.
    Link(&'static str),
    /// The files of sysctl.d(5).
    SysctlFiles,
    /// A directory that is there.
    Directory(&'static str),
    /// The running kernel's configuration, in a file of the system.
    KernelConfig,
    /// A device that is opened.
    Device(&'static str),
    /// The first of these that tells.
    FirstOf(&'static [Source]),
    /// A program on the PATH.
    Program(&'static str),
    /// The same, and what gives it privileges.
    Helper(&'static str),
    /// A system call or a function of the C library.
    Call(&'static str),
    /// A variable of the environment.
    Environment(&'static str),
    /// An option of the command line.
    Option(&'static str),
    /// Where an image of moby/buildkit has the state dir.
    BuildersImage,
    /// The clock.
    Clock,
    /// What the manifest of the agent's own pod asks for.
    Shape,
    /// The Node object.
    NodeObject,
    /// What `tune --watch` writes.
    TuneStatus,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(name) | Source::Link(name) | Source::Directory(name) | Source::Call(name) => f.write_str(name),
            Source::Environment(name) | Source::Option(name) => f.write_str(name),
            Source::Sysctl(sysctl) => f.write_str(&sysctl.path()),
            Source::SysctlFiles => f.write_str("sysctl.d below /etc, /run, /usr/local/lib and /usr/lib, /etc/sysctl.conf"),
            Source::Device(name) => write!(f, "open(2) of {name}"),
            Source::FirstOf(sources) => {
                let sources: Vec<_> = sources.iter().map(Source::to_string).collect();
                f.write_str(&sources.join(", else "))
            }
            Source::KernelConfig => f.write_str("/boot/config-RELEASE, else /lib/modules/RELEASE/config"),
            Source::Program(_) => f.write_str("the PATH"),
            Source::Helper(_) => f.write_str("the PATH, its mode, its security.capability attribute"),
            Source::BuildersImage => f.write_str("where the builder's image has it"),
            Source::Clock => f.write_str("the clock"),
            Source::Shape => f.write_str("agent --shape"),
            Source::NodeObject => f.write_str("the Node object, by an agent"),
            Source::TuneStatus => f.write_str("the file of tune --watch --status, by an agent"),
        }
    }
}

/// Where one fact comes from and where it can be read.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    name: &'static str,
    /// What is read.
    pub source: Source,
    /// Where reading it tells of the node and not of something else.
    pub places: &'static [Place],
    /// Whether `facts --capture` takes it, for `check --root` to read again.
    pub captured: bool,
    /// Whether no verdict hangs on it, and reading it takes system calls: then the command `facts` alone does.
    pub informs: bool,
    /// Whether a change makes the agent prove again at once. All else is read anew at each heartbeat.
    pub watched: bool,
}

impl Row {
    /// The fact's place in the facts' JSON.
    pub fn id(&self) -> String {
        match self.source {
            Source::Sysctl(sysctl) => format!("sysctls.{sysctl}"),
            _ => self.name.to_owned(),
        }
    }
}

/// A fact whose source a captured tree has.
const fn captured(name: &'static str, source: Source, places: &'static [Place]) -> Row {
    Row { name, source, places, captured: true, informs: false, watched: false }
}

/// A fact that no captured tree tells.
const fn row(name: &'static str, source: Source, places: &'static [Place]) -> Row {
    Row { captured: false, ..captured(name, source, places) }
}

/// A fact that only informs.
const fn informing(row: Row) -> Row {
    Row { informs: true, ..row }
}

/// One row a fact, in the order of the JSON.
pub fn rows() -> impl Iterator<Item = Row> {
    let sysctls = SYSCTLS.iter().map(|row| Row { watched: row.watched, ..captured("", Source::Sysctl(row.sysctl), row.places) });
    BEFORE_SYSCTLS.iter().copied().chain(sysctls).chain(AFTER_SYSCTLS.iter().copied())
}

const BEFORE_SYSCTLS: &[Row] = &[
    row("gatheredAt", Source::Clock, EVERYWHERE),
    row("bootedAt", Source::File("/proc/stat"), EVERYWHERE),
    captured(
        "node",
        Source::FirstOf(&[Source::Environment("NODE_NAME"), Source::Call("uname(2)"), Source::File("/proc/sys/kernel/hostname")]),
        EVERYWHERE,
    ),
    // In a pod only where the node's file is mounted into it; the image's own file tells of the image.
    captured("os", Source::FirstOf(&[Source::File("/etc/os-release"), Source::File("/usr/lib/os-release")]), HOST_ONLY),
    captured("kernel", Source::FirstOf(&[Source::Call("uname(2)"), Source::File("/proc/sys/kernel/osrelease")]), EVERYWHERE),
    captured("bootArguments", Source::File("/proc/cmdline"), EVERYWHERE),
    informing(captured("kernelConfig", Source::KernelConfig, HOST_ONLY)),
    captured("userNamespaces", Source::Link("/proc/self/ns/user"), EVERYWHERE),
];

const AFTER_SYSCTLS: &[Row] = &[
    informing(row("userNamespacesInUse", Source::Link("/proc/PID/ns/user"), HOST_ONLY)),
    informing(row("keys", Source::File("/proc/key-users"), EVERYWHERE)),
    // In a pod those of the image, except where the node's are mounted over them.
    captured("sysctlFiles", Source::SysctlFiles, HOST_ONLY),
    captured("process.uid", Source::File("/proc/self/status"), EVERYWHERE),
    captured("process.pidNamespace", Source::Link("/proc/self/ns/pid"), EVERYWHERE),
    captured("process.ipcNamespace", Source::Link("/proc/self/ns/ipc"), EVERYWHERE),
    captured("process.uidMap", Source::File("/proc/self/uid_map"), EVERYWHERE),
    captured("process.gidMap", Source::File("/proc/self/gid_map"), EVERYWHERE),
    captured("process.seccomp", Source::File("/proc/self/status"), EVERYWHERE),
    captured("process.noNewPrivs", Source::File("/proc/self/status"), EVERYWHERE),
    captured("process.boundingSet", Source::File("/proc/self/status"), EVERYWHERE),
    captured("process.lsmLabel", Source::File("/proc/self/attr/current"), EVERYWHERE),
    informing(captured("process.maxProcesses", Source::File("/proc/self/limits"), EVERYWHERE)),
    captured("process.rootPropagation", Source::File("/proc/self/mountinfo"), EVERYWHERE),
    // A runtime or a platform may confine what did not ask for it, and only this tells the two apart.
    row("process.askedUnconfined", Source::Shape, EVERYWHERE),
    row("process.askedUserNamespace", Source::Shape, EVERYWHERE),
    row("process.askedUnmaskedProc", Source::Shape, EVERYWHERE),
    informing(captured("securityModules", Source::File("/sys/kernel/security/lsm"), EVERYWHERE)),
    captured("selinux.mode", Source::FirstOf(&[Source::File("/sys/fs/selinux/enforce"), Source::Directory("/sys/fs/selinux")]), EVERYWHERE),
    informing(captured("selinux.decidesUserNamespaces", Source::Directory("/sys/fs/selinux/class/user_namespace"), EVERYWHERE)),
    informing(captured("selinux.containerUseDevices", Source::File("/sys/fs/selinux/booleans/container_use_devices"), EVERYWHERE)),
    row("apparmor.loaded", Source::File("/sys/kernel/security/apparmor/profiles"), HOST_ONLY),
    row("apparmor.files", Source::File("/etc/apparmor.d"), HOST_ONLY),
    captured("procFs", Source::File("/proc/self/mountinfo"), EVERYWHERE),
    row("stateDir.path", Source::FirstOf(&[Source::Option("--state-dir"), Source::BuildersImage]), EVERYWHERE),
    captured("stateDir.fileSystem", Source::File("/proc/self/mountinfo"), EVERYWHERE),
    captured("stateDir.flags", Source::File("/proc/self/mountinfo"), EVERYWHERE),
    row("stateDir.freeBytes", Source::Call("statvfs(3)"), EVERYWHERE),
    row("stateDir.freeInodes", Source::Call("statvfs(3)"), EVERYWHERE),
    captured("devFuse", Source::Device("/dev/fuse"), EVERYWHERE),
    informing(captured("devNetTun", Source::Device("/dev/net/tun"), EVERYWHERE)),
    captured("cgroup.version", Source::File("/proc/self/mountinfo"), EVERYWHERE),
    informing(captured("cgroup.writable", Source::FirstOf(&[Source::File("/proc/self/mountinfo"), Source::Call("access(2)")]), EVERYWHERE)),
    informing(captured(
        "container",
        Source::FirstOf(&[
            Source::Environment("KUBERNETES_SERVICE_HOST"),
            Source::File("/run/.containerenv"),
            Source::File("/.dockerenv"),
            Source::Directory("/dev/.lxc"),
            Source::Directory("/dev/lxd"),
            Source::Directory("/dev/incus"),
            Source::File("/run/systemd/container"),
            Source::Environment("container"),
        ]),
        EVERYWHERE,
    )),
    captured("tools.rootlesskit", Source::Program("rootlesskit"), EVERYWHERE),
    captured("tools.buildkitd", Source::Program("buildkitd"), EVERYWHERE),
    captured("tools.buildctl", Source::Program("buildctl"), EVERYWHERE),
    captured("tools.fuse-overlayfs", Source::Program("fuse-overlayfs"), EVERYWHERE),
    captured("tools.mount.fuse3", Source::Program("mount.fuse3"), EVERYWHERE),
    captured("newuidmap", Source::Helper("newuidmap"), EVERYWHERE),
    captured("newgidmap", Source::Helper("newgidmap"), EVERYWHERE),
    captured("subIds.user", Source::File("/etc/passwd"), EVERYWHERE),
    captured("subIds.uid", Source::File("/proc/self/status"), EVERYWHERE),
    captured("subIds.gid", Source::File("/etc/passwd"), EVERYWHERE),
    captured("subIds.uids", Source::File("/etc/subuid"), EVERYWHERE),
    captured("subIds.gids", Source::File("/etc/subgid"), EVERYWHERE),
    // A builder's own pod alone: none of it is the node's.
    row("ownPod.group", Source::Call("getegid(2)"), NOWHERE),
    row("ownPod.userEntry", Source::File("/etc/passwd"), NOWHERE),
    row("ownPod.home", Source::Environment("HOME"), NOWHERE),
    row("ownPod.user", Source::Environment("USER"), NOWHERE),
    row("ownPod.tempDir", Source::FirstOf(&[Source::Environment("TMPDIR"), Source::File("/tmp")]), NOWHERE),
    row("ownPod.tmp", Source::File("/tmp"), NOWHERE),
    row("ownPod.runtimeDir", Source::FirstOf(&[Source::Environment("XDG_RUNTIME_DIR"), Source::File("/run")]), NOWHERE),
    row("ownPod.stateDir", Source::FirstOf(&[Source::Option("--state-dir"), Source::BuildersImage]), NOWHERE),
    row("kubelet.version", Source::NodeObject, EVERYWHERE),
    row("kubelet.runtime", Source::NodeObject, EVERYWHERE),
    row("kubelet.podUserNamespaces", Source::NodeObject, EVERYWHERE),
    row("kubelet.runtimeHandlers", Source::NodeObject, EVERYWHERE),
    row("kubelet.declaredFeatures", Source::NodeObject, EVERYWHERE),
    row("kubelet.inUserNamespace", Source::NodeObject, EVERYWHERE),
    row("nodeIds", Source::NodeObject, EVERYWHERE),
    row("tuned", Source::TuneStatus, HOST_USER_NAMESPACE),
    row("capacity.cpus", Source::File("/proc/stat"), EVERYWHERE),
    row("capacity.memoryBytes", Source::File("/proc/meminfo"), EVERYWHERE),
    row("capacity.memoryAvailableBytes", Source::File("/proc/meminfo"), EVERYWHERE),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Facts, OwnPod};
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
        let facts = Facts { own_pod: Some(OwnPod::default()), ..Facts::unknown() };
        leaves(&serde_json::to_value(facts).expect("facts are JSON"), "", &mut found);
        let mut listed: Vec<_> = rows().map(|row| row.id()).collect();
        found.sort();
        listed.sort();
        assert_eq!(found, listed);
    }
}
