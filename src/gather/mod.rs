//! The only readers of the host: files below a root, and probe children.
//!
//! Everything that could hang (the state dir may be a network or FUSE mount whose server is
//! gone) is done in a thread or a child that nobody waits for beyond a deadline.

mod capacity;
mod fingerprint;
mod host;
mod idmap;
pub mod probe;
mod process;
pub mod prover;
mod state_dir;
mod sysctl_files;
mod trial;
mod tuned;

use crate::fact::{
    Asked, Builder, CapSet, Fact, Facts, Helper, OsRelease, Plan, Probe, Process, Release, StateDir, Step, SubId, Sysctls, Tools, Trial,
};
use host::Host;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use fingerprint::{Fingerprint, Watched};
pub use state_dir::BadStateDir;
pub use tuned::TunedFile;

/// The user ID of `moby/buildkit:rootless`.
pub const BUILDER_UID: u32 = 1000;

/// What to look at, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A captured tree to read in place of this machine. Nothing is probed there.
    pub root: Option<PathBuf>,
    /// The state dir; `None` for where the builder's image has it.
    pub state_dir: Option<PathBuf>,
    /// What this container's manifest asks for, for one who knows it.
    pub asked: Option<Asked>,
    /// The probes to run.
    pub plans: Vec<Plan>,
    /// Whether to try a real build for each of them too, where the image has all that it takes.
    pub trial_builds: bool,
    /// How long one probe may take, and how long a read that touches the state dir may.
    pub deadline: Duration,
    /// Steps that the probes leave out.
    pub without: Vec<Step>,
}

/// Gathers all facts, then runs the probes.
///
/// # Errors
/// A state dir that was asked for by name and does not exist. All else that can't be read is a
/// fact that says so.
pub fn gather(options: &Options) -> Result<Facts, BadStateDir> {
    let host = Host::new(options.root.as_deref());
    let mounts = host.mounts();
    let process = process::gather(&host, options.asked);
    let bare = process.on_bare_machine() == Some(true);
    let nested = process.uid_map.known().is_some_and(|map| !map.is_initial());
    let (state_dir, programs) = touched(&host, &mounts, &process, options)?;
    let sub_ids = idmap::sub_ids(&host, &process.uid);
    let mut facts = Facts {
        gathered_at: if host.is_live() { Fact::Known(now()) } else { Fact::Denied(host::CAPTURED.into()) },
        booted_at: boot_time(&host),
        node: node_name(&host),
        os: os_release(&host, &mounts, bare),
        kernel: kernel(&host),
        user_namespaces: host.exists_below("/proc/self/ns/user", "/proc/self/ns"),
        sysctls: sysctls(&host, nested),
        sysctl_files: sysctl_files::gather(&host, &mounts, bare),
        process,
        proc_fs: host::from_mounts(&mounts, |mounts| Fact::Known(host::proc_fs(mounts))),
        state_dir,
        dev_fuse: host.can_open("/dev/fuse"),
        tools: programs.tools,
        newuidmap: programs.newuidmap,
        newgidmap: programs.newgidmap,
        sub_ids,
        capacity: capacity::gather(&host),
        ..Facts::unknown()
    };
    if host.is_live() {
        facts.probes = options.plans.iter().filter_map(|plan| run(&facts, *plan, options)).collect();
        facts.trials = options.plans.iter().filter(|_| options.trial_builds).filter_map(|plan| try_build(&facts, *plan, options)).collect();
    }
    Ok(facts)
}

/// Where a path lies: the type of the file system, and the path in there.
///
/// # Errors
/// Why the mount table does not tell.
pub fn place(path: &Path) -> Result<(String, String), String> {
    let path = path.to_str().ok_or_else(|| format!("{}: not UTF-8", path.display()))?;
    let mounts = Host::new(None).mounts()?;
    let mount = host::mount_of(&mounts, path).ok_or_else(|| format!("{path}: lies on no mount"))?;
    let below = path.strip_prefix(mount.point.trim_end_matches('/')).unwrap_or_default();
    Ok((mount.file_system.clone(), format!("{}{below}", mount.fs_root.trim_end_matches('/'))))
}

/// The id of this boot.
pub fn boot_id() -> String {
    Host::new(None).read_below("/proc/sys/kernel/random/boot_id", "/").known().map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Takes leave of processes that a probe left behind and this one inherited, as the first process of a container does.
/// To be called by one that has no other children.
pub fn reap() {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {}
}

/// Runs one probe, if this process can take the builder's place at all.
fn run(facts: &Facts, plan: Plan, options: &Options) -> Option<Probe> {
    let uid = *facts.process.uid.known()?;
    if options.asked.is_some_and(|asked| asked.user_namespace) && facts.in_user_namespace() == Some(false) {
        // Not the pod that was asked for: a trial would say nothing of that one, and root would be the machine's.
        return None;
    }
    let become_uid = match plan.builder {
        // A namespace that does not have that user (`unshare -r`): its root is an ordinary user outside, and tries as that.
        Builder::Rootless if uid == 0 => has_user(facts, BUILDER_UID).then_some(BUILDER_UID),
        // Only root can do what a rootful builder does.
        Builder::Rootful if uid != 0 => return None,
        _ => None,
    };
    let state_dir = PathBuf::from(facts.state_dir.path.known()?);
    let request = probe::Request {
        plan,
        state_dir,
        become_uid,
        in_builder_image: facts.in_builder_image(),
        needs_fuse_programs: facts.tools.buildkitd.known().is_some(),
        deadline: options.deadline,
        without: options.without.clone(),
    };
    Some(probe::run(&request, uid))
}

/// How many times the time of a probe a build may take: it starts a daemon and writes an image.
pub const BUILD_TIME: u32 = 12;

/// Tries one real build, if this process knows who and where it is.
fn try_build(facts: &Facts, plan: Plan, options: &Options) -> Option<Trial> {
    let (uid, state_dir) = (*facts.process.uid.known()?, facts.state_dir.path.known()?);
    Some(trial::run(plan, uid, &facts.tools, state_dir.as_ref(), options.deadline * BUILD_TIME))
}

fn has_user(facts: &Facts, uid: u32) -> bool {
    facts.process.uid_map.known().is_none_or(|map| map.contains(&SubId { start: uid.into(), length: 1 }))
}

/// The time in RFC 3339, in whole seconds that have passed.
pub fn now() -> String {
    rfc3339(jiff::Timestamp::now().as_second())
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

/// When this machine was booted, in the same form.
pub fn booted_at() -> Fact<String> {
    boot_time(&Host::new(None))
}

fn boot_time(host: &Host) -> Fact<String> {
    if !host.is_live() {
        return Fact::Denied(host::CAPTURED.into());
    }
    host.read_below("/proc/stat", "/proc").and_then(|text| {
        let seconds = text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        seconds.map(rfc3339).ok_or_else(|| "/proc/stat has no btime".into())
    })
}

fn node_name(host: &Host) -> Fact<String> {
    if host.is_live()
        && let Some(name) = std::env::var("NODE_NAME").ok().filter(|name| !name.is_empty())
    {
        return Fact::Known(name);
    }
    host.read_below("/proc/sys/kernel/hostname", "/proc/sys/kernel").and_then(|name| match name.trim() {
        "" => Err("/proc/sys/kernel/hostname is empty".into()),
        name => Ok(name.to_owned()),
    })
}

/// In a container the image's own os-release would name the wrong system, and with it the wrong
/// remedy: there only a file that was mounted into it counts.
fn os_release(host: &Host, mounts: &host::Mounts, bare: bool) -> Fact<OsRelease> {
    const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
    let mounted = |path: &str| mounts.iter().flatten().any(|mount| mount.point == path);
    let files: Vec<_> = FILES.into_iter().filter(|path| bare || mounted(path)).collect();
    if files.is_empty() {
        return Fact::Denied("the os-release file here is the image's, not the node's".into());
    }
    let mut found = Fact::Absent;
    for path in files {
        found = host.read_below(path, "/");
        if found != Fact::Absent {
            break;
        }
    }
    found.and_then(|text| OsRelease::parse(&text).map_err(|why| format!("os-release: {why}")))
}

fn kernel(host: &Host) -> Fact<Release> {
    let read = host.read_below("/proc/sys/kernel/osrelease", "/proc/sys/kernel");
    let text = match read {
        Fact::Known(text) => Fact::Known(text),
        other if !host.is_live() => other,
        _ => match nix::sys::utsname::uname() {
            Ok(uname) => Fact::Known(uname.release().to_string_lossy().into_owned()),
            Err(errno) => Fact::Failed(format!("uname: {errno}")),
        },
    };
    text.and_then(Release::try_from)
}

/// A limit on namespaces that no builder comes near.
const LARGE: u64 = 1024;

fn sysctls(host: &Host, nested: bool) -> Sysctls {
    let read = |name: &str| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        host.read_below(&path, "/proc/sys/kernel")
            .and_then(|text| text.trim().parse().map_err(|_| format!("{path} holds {:?}, which is no number", host::shorten(text.trim()))))
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

/// What the PATH leads to.
#[derive(Default)]
struct Programs {
    tools: Tools,
    newuidmap: Fact<Helper>,
    newgidmap: Fact<Helper>,
}

impl Programs {
    fn find(host: &Host, mounts: &host::Mounts) -> Self {
        let find = |name: &str| host.find_program(name).map_or(Fact::Absent, Fact::Known);
        Programs {
            tools: Tools {
                rootlesskit: find("rootlesskit"),
                buildkitd: find("buildkitd"),
                buildctl: find("buildctl"),
                fuse_overlayfs: find("fuse-overlayfs"),
                mount_fuse3: find("mount.fuse3"),
            },
            newuidmap: idmap::helper(host, mounts, "newuidmap", CapSet::SETUID),
            newgidmap: idmap::helper(host, mounts, "newgidmap", CapSet::SETGID),
        }
    }
}

/// What can be known only by touching directories that anybody may have mounted, and whose server may be gone.
fn touched(host: &Host, mounts: &host::Mounts, process: &Process, options: &Options) -> Result<(StateDir, Programs), BadStateDir> {
    let asked = options.state_dir.clone();
    let (host, mounts, process) = (host.clone(), mounts.clone(), process.clone());
    let look = move || {
        let state_dir = state_dir::gather(&host, &mounts, asked.as_deref(), &process)?;
        Ok((state_dir, Programs::find(&host, &mounts)))
    };
    host::bounded(options.deadline, look)
        .unwrap_or_else(|| Ok((state_dir::unanswered(options.state_dir.as_deref(), options.deadline), Programs::default())))
}
