//! The first stage, on the machine itself: starts the others in namespaces of their own, and looks afterwards that
//! nothing is left.
//!
//! Processes, mounts and interfaces exist in these namespaces only, and the kernel removes them with the last process.
//! That one dies with this stage, however it ends: each link of the chain asks for SIGKILL at its parent's death.
//! Cgroups and files know no namespace: this stage removes them, and those of runs that were killed.

use crate::{cgroups, inside};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, wait, waitpid};
use nix::unistd::{Pid, getpid, getppid};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

/// What cgroups and the working directory are called, with the number of this process: who finds them can tell whether
/// their owner lives.
const NAME: &str = "buildkit-preflight-";
/// On a disk, since overlayfs and file capabilities are wanted; short, since a socket's path has 108 bytes at most.
const PLACE: &str = "/var/tmp";

pub(crate) fn main() -> ExitCode {
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    for binary in [crate::image::binary(), crate::images::node_binary()] {
        assert!(binary.exists(), "{}: run `make cluster`", binary.display());
    }
    remove_stale();
    let name = format!("{NAME}{}", std::process::id());
    let dir = Path::new(PLACE).join(&name);
    fs::create_dir(&dir).expect("mkdir");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("chmod");
    cgroups::make(&name);

    let status = run(&dir, &name);

    let mut left = cgroups::remove(&name);
    if let Err(error) = fs::remove_dir_all(&dir) {
        left.push(format!("{}: {error}", dir.display()));
    }
    left.extend(leftovers(&name));
    for what in &left {
        eprintln!("cluster: left behind: {what}");
    }
    match status {
        WaitStatus::Exited(_, 0) if left.is_empty() => ExitCode::SUCCESS,
        WaitStatus::Signaled(_, signal, _) => {
            eprintln!("cluster: ended by {signal}");
            ExitCode::from(130)
        }
        _ => ExitCode::FAILURE,
    }
}

/// The other stages, until they are over or a signal ends them. Returns when the last of their processes is gone.
#[expect(clippy::zombie_processes, reason = "it is waited for, by number")]
fn run(dir: &Path, name: &str) -> WaitStatus {
    // What comes of the cluster's first process is told to this one, not to the machine's init.
    prctl::set_child_subreaper(true).expect("prctl");
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD] {
        signals.add(signal);
    }
    signals.thread_block().expect("sigprocmask");

    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--propagation", "private"]);
    command.arg(this).args(std::env::args_os().skip(1)).env(inside::STAGE, "init").env(inside::DIR, dir).env(inside::CGROUP, name);
    let parent = getpid();
    // SAFETY: only system calls are made between fork and exec.
    unsafe {
        command.pre_exec(move || {
            SigSet::all().thread_unblock()?;
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // Whoever died before that was asked for can't be told of any more.
            if getppid() == parent { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
        });
    }
    let child = command.spawn().expect("unshare");
    let child = Pid::from_raw(i32::try_from(child.id()).expect("a process ID"));

    let status = loop {
        match signals.wait().expect("sigwait") {
            Signal::SIGCHLD => match waitpid(child, Some(WaitPidFlag::WNOHANG)).expect("wait") {
                WaitStatus::StillAlive => {}
                status => break status,
            },
            signal => {
                kill(child, Signal::SIGKILL).expect("kill");
                break WaitStatus::Signaled(child, signal, false);
            }
        }
    };
    // All others are gone before the first process of their namespace is.
    while wait().is_ok() {}
    status
}

/// What still names this run: processes, mounts, and the bridges.
fn leftovers(name: &str) -> Vec<String> {
    let mut left = Vec::new();
    let names_it = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == name);
    for process in fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path()) {
        // The cluster's own processes have it in their environment, those of pods in their cgroup.
        let ours = |file: &str| fs::read(process.join(file)).is_ok_and(|bytes| names_it(&String::from_utf8_lossy(&bytes)));
        if process.join("environ").exists() && (ours("environ") || ours("cgroup")) {
            left.push(format!("process {}", process.display()));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    left.extend(mounts.lines().filter(|line| names_it(line)).map(|line| format!("mount {line}")));
    for bridge in crate::fleet::planned().iter().map(|node| format!("br-{}", node.name)) {
        if Path::new("/sys/class/net").join(&bridge).exists() {
            left.push(format!("interface {bridge}"));
        }
    }
    left
}

/// Removes what runs left behind that could not do it themselves, since they were killed.
fn remove_stale() {
    let mut names: Vec<String> = cgroups::names();
    names.extend(fs::read_dir(PLACE).expect("a place").flatten().filter_map(|entry| entry.file_name().into_string().ok()));
    names.retain(|name| name.strip_prefix(NAME).and_then(|pid| pid.parse().ok()).is_some_and(|pid| !lives(pid)));
    names.sort();
    names.dedup();
    for name in names {
        let mut left = cgroups::remove(&name);
        match fs::remove_dir_all(Path::new(PLACE).join(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => left.push(format!("{PLACE}/{name}: {error}")),
            _ => println!("cluster: removed what {name} left behind"),
        }
        for what in left {
            eprintln!("cluster: of an earlier run, and can't be removed: {what}");
        }
    }
}

/// Whether this process is one of ours, and not another that got its number later.
fn lives(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.starts_with("cluster-"))
}
