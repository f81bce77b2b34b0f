//! The second stage: the first process in the cluster's namespaces. It makes the mounts and interfaces that all others
//! live with, starts the third stage, and ends with it; the kernel then ends all others.

use nix::mount::{MsFlags, mount};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The environment variables between the stages: which one is to run, the working directory, the cgroup's name, and the
/// number under which the machine knows the second stage.
pub(crate) const STAGE: &str = "CLUSTER_STAGE";
pub(crate) const DIR: &str = "CLUSTER_DIR";
pub(crate) const CGROUP: &str = "CLUSTER_CGROUP";
pub(crate) const PID: &str = "CLUSTER_PID";

#[expect(clippy::zombie_processes, reason = "it is waited for, by number, with all others")]
pub(crate) fn init() -> ExitCode {
    // /proc is still the machine's: it tells this process its number there.
    let pid = fs::read_link("/proc/self").expect("/proc");
    make_mounts();
    make_interfaces();

    let this = std::env::current_exe().expect("this program");
    // Whoever runs this: what is started here finds the tools, and what Debian has in its directories for root.
    let kubelet = crate::image::tool("kubelet");
    let tools = kubelet.parent().expect("a directory");
    let path = format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", tools.display());
    let mut command = Command::new(this);
    command.args(std::env::args_os().skip(1)).env(STAGE, "run").env(PID, pid).env("PATH", path);
    let child = command.spawn().expect("the third stage");
    let child = Pid::from_raw(i32::try_from(child.id()).expect("a process ID"));
    // Processes whose parent is gone become children of this one: they are waited for, so that they end.
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return ExitCode::from(u8::try_from(code).unwrap_or(1)),
            Ok(WaitStatus::Signaled(pid, ..)) if pid == child => return ExitCode::FAILURE,
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => panic!("wait: {error}"),
        }
    }
}

/// A /proc of this PID namespace, and copies of the directories into which kubelet, containerd and CNI plugins write
/// under fixed names. Writes go to memory that is gone with the namespace.
fn make_mounts() {
    const NONE: Option<&str> = None;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC, NONE).expect("/proc");
    // Among the cluster's processes mounts are to spread, as between a kubelet and a container runtime.
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SHARED, NONE).expect("shared mounts");
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755")).expect("/run");
    for dir in ["/var/lib", "/var/log"] {
        let writes = Path::new("/run/written").join(&dir[1..]);
        let (upper, work) = (writes.join("upper"), writes.join("work"));
        for dir in [&upper, &work] {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(dir).expect("mkdir");
        }
        let options = format!("lowerdir={dir},upperdir={},workdir={}", upper.display(), work.display());
        mount(Some("overlay"), dir, Some("overlay"), MsFlags::empty(), Some(options.as_str())).expect("an overlay");
    }
    // Each kubelet mounts a directory of its own here, which the others are not to see (kubelet.sh).
    let kubelet = "/var/lib/kubelet";
    fs::create_dir_all(kubelet).expect("mkdir");
    mount(Some(kubelet), kubelet, NONE, MsFlags::MS_BIND, NONE).expect("a mount of its own");
    mount(NONE, kubelet, NONE, MsFlags::MS_PRIVATE, NONE).expect("a private mount");
}

/// Each node's bridge, with the address of the node, that the registry, the API server and DNS listen on too.
fn make_interfaces() {
    let ip = |arguments: &str| {
        let done = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2");
        assert!(done.success(), "ip {arguments}");
    };
    ip("link set lo up");
    for node in crate::fleet::planned() {
        let (name, address) = (node.name, node.address());
        ip(&format!("link add br-{name} type bridge"));
        ip(&format!("addr add {address}/16 dev br-{name}"));
        ip(&format!("link set br-{name} up"));
    }
    // Of this network namespace alone.
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").expect("ip_forward");
}
