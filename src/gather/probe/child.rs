//! The child of a probe: what rootlesskit, buildkitd and runc do, in their order.
//!
//! ```text
//! probe            makes the scratch directory; as root, writes the ID maps and cleans up
//!  └─ builder      the builder's user: rootlesskit's parent, runs newuidmap and newgidmap
//!      └─ daemon   in the user namespace: rootlesskit's child and buildkitd
//!          └─ step in the namespaces of a build step: runc
//! ```
//! Where probe and builder are one user they are one process, and a step has one process more for
//! its PID namespace. All share a process group and die with their parents. Mounts are made only
//! in mount namespaces of their own and go with them.

use super::sys;
use super::wire::Line;
use crate::fact::{Builder, Errno, Fact, MapSource, Plan, Step, StepOutcome, StepResult, SubId, SubIds};
use crate::gather::host::{Host, shorten};
use crate::gather::idmap;
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    AccessFlags, Gid, Pid, Uid, chown, faccessat, getegid, geteuid, pipe2, read, setgroups, sethostname, setresgid, setresuid, write,
};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What to do; the command line of the child.
#[derive(Clone, Debug)]
pub struct Task {
    /// What to imitate.
    pub plan: Plan,
    /// Where to make the scratch directory.
    pub state_dir: PathBuf,
    /// The user to become first; needs root.
    pub become_uid: Option<u32>,
    /// Whether to go on with the own ID alone where no range or helper is at hand.
    pub own_id_fallback: bool,
    /// Whether fuse-overlayfs counts only if its programs are here.
    pub needs_fuse_programs: bool,
    /// Whether a real rootlesskit has done its part already.
    pub under_rootlesskit: bool,
}

/// Does all steps of the plan until one fails, and tells each on standard output.
pub fn run(task: &Task) {
    die_with_parent();
    let scratch = make_scratch(task);
    if let Ok(path) = &scratch {
        tell(&Line::Scratch(path.display().to_string()));
    }
    let probe = Probe { task, scratch: scratch.as_ref().map(|_| ()).map_err(|errno| *errno) };
    match task.become_uid {
        _ if task.under_rootlesskit => drop(probe.buildkitd(false)),
        Some(uid) => probe.as_user(uid),
        None => probe.builder(None),
    }
    if let Ok(path) = &scratch
        && remove_scratch(path)
    {
        tell(&Line::Clean);
    }
}

/// What a probe makes in its scratch directory, in the order in which it can be removed: overlayfs
/// makes a directory of its own in the work dir, with mode 0, which nobody but root can list.
const FILES: [&str; 1] = ["source/file"];
const DIRECTORIES: [&str; 12] =
    ["work/work", "work", "lower1", "lower2", "upper", "merged", "source", "bound", "step/proc", "step/dev", "step/sys", "step"];

/// Removes what a probe left in the state dir; whether it is gone.
pub fn remove_scratch(path: &Path) -> bool {
    for file in FILES {
        let _ = std::fs::remove_file(path.join(file));
    }
    for directory in DIRECTORIES {
        let _ = std::fs::remove_dir(path.join(directory));
    }
    std::fs::remove_dir(path).is_ok() || std::fs::remove_dir_all(path).is_ok()
}

/// A directory of our own in the state dir, with the builder's user as its owner, and the current
/// directory from here on: so the way there need not be open to that user.
fn make_scratch(task: &Task) -> nix::Result<PathBuf> {
    for attempt in 0..100 {
        let path = task.state_dir.join(format!(".buildkit-preflight-{}-{attempt}", std::process::id()));
        match nix::unistd::mkdir(&path, Mode::S_IRWXU) {
            Err(nix::errno::Errno::EEXIST) => continue,
            Err(errno) => return Err(errno),
            Ok(()) => {}
        }
        let ready = match task.become_uid {
            Some(uid) => chown(&path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid))),
            None => Ok(()),
        };
        return ready.and_then(|()| nix::unistd::chdir(&path)).map(|()| path.clone()).inspect_err(|_| {
            let _ = std::fs::remove_dir(&path);
        });
    }
    Err(nix::errno::Errno::EEXIST)
}

struct Probe<'a> {
    task: &'a Task,
    scratch: nix::Result<()>,
}

/// How a step went: `Err` ends the probe.
type Outcome = Result<(), Stop>;

/// The step failed and was told.
struct Stop;

/// The way from root, which writes maps, to the builder that asks for them.
struct MapWriter {
    ask: OwnedFd,
    answer: OwnedFd,
}

impl Probe<'_> {
    /// As root: a process of the builder's user does the work, and this one writes its ID maps.
    fn as_user(&self, uid: u32) {
        let (Ok((ask_read, ask)), Ok((answer, answer_write))) = (pipe2(OFlag::O_CLOEXEC), pipe2(OFlag::O_CLOEXEC)) else {
            return tell(&Line::NotRun("no file descriptors left for two pipes".into()));
        };
        match sys::fork() {
            Err(errno) => tell(&Line::NotRun(format!("fork: {}", errno.desc()))),
            Ok(None) => {
                drop((ask_read, answer_write));
                match become_user(uid) {
                    Ok(()) => self.builder(Some(&MapWriter { ask, answer })),
                    Err(errno) => tell(&Line::NotRun(format!("could not become user {uid}: {}", errno.desc()))),
                }
                std::process::exit(0);
            }
            Ok(Some(child)) => {
                drop((ask, answer));
                let mut pid = [0; 4];
                if read(&ask_read, &mut pid) == Ok(4) {
                    let answer = write_maps_as_root(i32::from_ne_bytes(pid), uid);
                    let number = answer.map_or_else(|errno| errno as i32, |()| 0);
                    let _ = write(&answer_write, &number.to_ne_bytes());
                }
                wait(child);
            }
        }
    }

    /// rootlesskit's parent, or the container's init where buildkitd runs as root.
    fn builder(&self, maps: Option<&MapWriter>) {
        if self.task.plan.builder == Builder::Rootful {
            match sys::fork() {
                Ok(None) => leave(self.daemon(None)),
                Ok(Some(child)) => wait(child),
                Err(errno) => tell(&Line::NotRun(format!("fork: {}", errno.desc()))),
            }
            return;
        }
        let (Ok((ready_read, ready)), Ok((go, go_write))) = (pipe2(OFlag::O_CLOEXEC), pipe2(OFlag::O_CLOEXEC)) else {
            return tell(&Line::NotRun("no file descriptors left for two pipes".into()));
        };
        // Inside, the own IDs can't be read before they are mapped.
        let own = (geteuid(), getegid());
        let started = Instant::now();
        match sys::clone_user_namespace() {
            Err(errno) => {
                let filtered = is_refusal(errno).then(sys::clone_is_filtered);
                Report::new(Step::UserNamespace, started).filtered(filtered).failed(errno, None);
            }
            Ok(None) => {
                drop((ready_read, go_write));
                die_with_parent();
                Report::new(Step::UserNamespace, started).worked(None);
                leave(self.daemon(Some((ready, go, own))));
            }
            Ok(Some(child)) => {
                drop((ready, go));
                // The daemon closes its end without a word if it failed.
                if read(&ready_read, &mut [0]) == Ok(1) {
                    let verdict = match self.map_ids(child, maps) {
                        Ok(source) => Some(source),
                        Err(Stop) if self.task.own_id_fallback => Some(MapSource::OwnIdOnly),
                        Err(Stop) => None,
                    };
                    if let Some(source) = verdict {
                        let word = if source == MapSource::OwnIdOnly { b"o" } else { b"m" };
                        tell(&Line::MapSource(source));
                        let _ = write(&go_write, word);
                    }
                }
                drop(go_write);
                wait(child);
            }
        }
    }

    /// The ID maps of the daemon's user namespace.
    fn map_ids(&self, daemon: Pid, maps: Option<&MapWriter>) -> Result<MapSource, Stop> {
        if let Some(root) = maps {
            let started = Instant::now();
            let mut answer = [0; 4];
            let asked = write(&root.ask, &daemon.as_raw().to_ne_bytes()).and_then(|_| read(&root.answer, &mut answer));
            let errno = match asked {
                Ok(4) => nix::errno::Errno::from_raw(i32::from_ne_bytes(answer)),
                Ok(_) => nix::errno::Errno::EPIPE,
                Err(errno) => errno,
            };
            let detail = Some("written by root".to_owned());
            if errno as i32 == 0 {
                Report::new(Step::UidMap, started).worked(detail.clone());
                Report::new(Step::GidMap, started).worked(detail);
                return Ok(MapSource::Root);
            }
            return Err(self.map_failed(Report::new(Step::UidMap, started), Some(errno), detail));
        }
        let started = Instant::now();
        let ids = idmap::sub_ids(&Host::new(None), &Fact::Known(geteuid().as_raw()));
        let ranges = match arguments(&ids) {
            Ok(ranges) => ranges,
            Err(why) => return Err(self.map_failed(Report::new(Step::SubIdRange, started), None, Some(why))),
        };
        Report::new(Step::SubIdRange, started).worked(None);
        for (step, helper, map) in [(Step::UidMap, "newuidmap", ranges.0), (Step::GidMap, "newgidmap", ranges.1)] {
            let report = Report::new(step, Instant::now());
            let mut command = Command::new(helper);
            command.arg(daemon.to_string()).args(map).stdin(Stdio::inherit()).stdout(Stdio::null());
            match sys::die_with_us(&mut command).output() {
                Ok(output) if output.status.success() => report.worked(None),
                Ok(output) => {
                    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                    let errno = Errno::in_text(&text).map(|errno| nix::errno::Errno::from_raw(errno.0));
                    let text = if text.is_empty() { format!("{helper}: {}", output.status) } else { shorten(&text) };
                    return Err(self.map_failed(report, errno, Some(text)));
                }
                Err(error) => {
                    let errno = error.raw_os_error().map(nix::errno::Errno::from_raw);
                    return Err(self.map_failed(report, errno, Some(format!("could not run {helper}"))));
                }
            }
        }
        Ok(MapSource::Helpers)
    }

    fn map_failed(&self, report: Report, errno: Option<nix::errno::Errno>, detail: Option<String>) -> Stop {
        let outcome = if self.task.own_id_fallback { StepOutcome::FellBack } else { StepOutcome::Failed };
        report.end(outcome, errno, detail);
        Stop
    }

    /// rootlesskit's child in the user namespace.
    fn daemon(&self, maps: Option<(OwnedFd, OwnedFd, (Uid, Gid))>) -> Outcome {
        namespace(Step::MountNamespace, CloneFlags::CLONE_NEWNS)?;
        let mut own_id_only = false;
        if let Some((ready, go, own)) = maps {
            let mut word = [0];
            // Without a word the builder could not map, and said so.
            if write(&ready, b"r").is_err() || read(&go, &mut word) != Ok(1) {
                return Err(Stop);
            }
            own_id_only = word == *b"o";
            if own_id_only {
                map_own_id(own)?;
            }
        }
        mounting(Step::PrivateRoot, None::<&str>, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)?;
        self.buildkitd(own_id_only)
    }

    /// buildkitd in the namespaces that rootlesskit made for it; then runc for one build step.
    fn buildkitd(&self, own_id_only: bool) -> Outcome {
        let with_types = self.state_dir()?;
        self.snapshotter(with_types)?;
        bind()?;
        let started = Instant::now();
        match sys::fork() {
            Ok(None) => leave(self.build_step(own_id_only)),
            Ok(Some(step)) => {
                wait(step);
                Ok(())
            }
            Err(errno) => Err(Report::new(Step::StepMountNamespace, started).failed(errno, Some("fork".into()))),
        }
    }

    /// The directories that the next steps need; whether the file system tells the types of its entries.
    fn state_dir(&self) -> Result<bool, Stop> {
        let report = Report::new(Step::StateDir, Instant::now());
        if let Err(errno) = self.scratch {
            return Err(report.failed(errno, Some("mkdir".into())));
        }
        let made = || -> std::io::Result<()> {
            for directory in DIRECTORIES.iter().rev().filter(|directory| **directory != "work/work") {
                std::fs::create_dir(directory)?;
            }
            std::fs::write("source/file", [0; 4096])?;
            std::fs::set_permissions("source/file", std::os::unix::fs::PermissionsExt::from_mode(0o755))
        };
        if let Err(error) = made() {
            let errno = error.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw);
            return Err(report.failed(errno, Some("make directories and a file".into())));
        }
        let typed = Dir::open(".", OFlag::O_RDONLY, Mode::empty())
            .is_ok_and(|mut dir| dir.iter().flatten().all(|entry| entry.file_type().is_some()));
        report.worked(None);
        Ok(typed)
    }

    /// BuildKit's choice: overlayfs, else fuse-overlayfs, else native, which copies whole trees.
    fn snapshotter(&self, with_types: bool) -> Outcome {
        let report = Report::new(Step::Overlay, Instant::now());
        let options = "lowerdir=lower2:lower1,upperdir=upper,workdir=work";
        let fallback = if with_types {
            match mount(Some("overlay"), "merged", Some("overlay"), MsFlags::empty(), Some(options)) {
                Ok(()) => {
                    let _ = umount2("merged", MntFlags::MNT_DETACH);
                    report.worked(None);
                    return Ok(());
                }
                Err(errno) => (Some(errno), None),
            }
        } else {
            (None, Some("the file system does not tell the types of its entries (xfs with ftype=0)".to_owned()))
        };
        report.end(StepOutcome::FellBack, fallback.0, fallback.1);

        let report = Report::new(Step::Fuse, Instant::now());
        match self.fuse() {
            Ok(()) => {
                report.worked(None);
                return Ok(());
            }
            Err((errno, what)) => report.end(StepOutcome::FellBack, errno, Some(what)),
        }

        let report = Report::new(Step::Execute, Instant::now());
        let here = nix::fcntl::AT_FDCWD;
        match faccessat(here, "source/file", AccessFlags::X_OK, AtFlags::empty()) {
            Ok(()) => report.worked(None),
            Err(errno) => return Err(report.failed(errno, None)),
        }
        Ok(())
    }

    /// The kernel's part of a FUSE mount; nobody answers it, so nothing may look into it.
    fn fuse(&self) -> Result<(), (Option<nix::errno::Errno>, String)> {
        if self.task.needs_fuse_programs {
            let host = Host::new(None);
            for program in ["fuse-overlayfs", "mount.fuse3"] {
                if host.find_program(program).is_none() {
                    return Err((None, format!("{program} is not on the PATH")));
                }
            }
        }
        let open = nix::fcntl::open("/dev/fuse", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
        let device = open.map_err(|errno| (Some(errno), "open /dev/fuse".to_owned()))?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("fuse-overlayfs"), "merged", Some("fuse.fuse-overlayfs"), flags, Some(options.as_str()))
            .map_err(|errno| (Some(errno), "mount".to_owned()))?;
        let _ = umount2("merged", MntFlags::MNT_DETACH);
        Ok(())
    }

    /// runc, for one RUN instruction.
    fn build_step(&self, own_id_only: bool) -> Outcome {
        die_with_parent();
        if self.task.plan.builder == Builder::Rootless {
            namespace(Step::StepMountNamespace, CloneFlags::CLONE_NEWNS)?;
        }
        namespace(Step::UtsNamespace, CloneFlags::CLONE_NEWUTS)?;
        namespace(Step::IpcNamespace, CloneFlags::CLONE_NEWIPC)?;
        if Path::new("/proc/self/ns/cgroup").exists() {
            namespace(Step::CgroupNamespace, CloneFlags::CLONE_NEWCGROUP)?;
        }
        if !self.task.plan.process_sandbox {
            return self.step_mounts(own_id_only);
        }
        let report = Report::new(Step::PidNamespace, Instant::now());
        let made = unshare(CloneFlags::CLONE_NEWPID).and_then(|()| sys::fork());
        match made {
            Ok(None) => {
                die_with_parent();
                report.worked(None);
                leave(self.step_mounts(own_id_only))
            }
            Ok(Some(init)) => {
                wait(init);
                Ok(())
            }
            Err(errno) => {
                let filtered = is_refusal(errno).then(|| sys::unshare_is_filtered(libc::CLONE_NEWPID));
                Err(report.filtered(filtered).failed(errno, None))
            }
        }
    }

    fn step_mounts(&self, own_id_only: bool) -> Outcome {
        let private = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let rbind = MsFlags::MS_BIND | MsFlags::MS_REC;
        if self.task.plan.process_sandbox {
            mounting(Step::Proc, Some("proc"), "step/proc", Some("proc"), private, None)?;
        } else {
            mounting(Step::Proc, Some("/proc"), "step/proc", None, rbind, None)?;
        }
        let dev = MsFlags::MS_NOSUID | MsFlags::MS_STRICTATIME;
        let tmpfs = Report::new(Step::Devpts, Instant::now());
        let made = mount(Some("tmpfs"), "step/dev", Some("tmpfs"), dev, Some("mode=755,size=65536k"));
        if let Err(errno) = made
            .and_then(|()| nix::unistd::mkdir("step/dev/pts", Mode::S_IRWXU))
            .and_then(|()| nix::unistd::mkdir("step/dev/mqueue", Mode::S_IRWXU))
        {
            return Err(tmpfs.filtered(is_refusal(errno).then(sys::mount_is_filtered)).failed(errno, Some("tmpfs".into())));
        }
        // Group 5 is tty; a map of the own ID alone does not have it.
        let devpts = if own_id_only { "newinstance,ptmxmode=0666,mode=0620" } else { "newinstance,ptmxmode=0666,mode=0620,gid=5" };
        mounting(Step::Devpts, Some("devpts"), "step/dev/pts", Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, Some(devpts))?;
        mounting(Step::Mqueue, Some("mqueue"), "step/dev/mqueue", Some("mqueue"), private, None)?;
        let sysfs = Report::new(Step::Sysfs, Instant::now());
        match mount(Some("sysfs"), "step/sys", Some("sysfs"), private | MsFlags::MS_RDONLY, None::<&str>) {
            Ok(()) => sysfs.worked(None),
            Err(errno) => {
                let bound = mount(Some("/sys"), "step/sys", None::<&str>, rbind, None::<&str>);
                let detail = bound.map_or_else(|errno| format!("nor a bind mount: {}", errno.desc()), |()| "a bind mount works".to_owned());
                sysfs.end(StepOutcome::FellBack, Some(errno), Some(detail));
            }
        }
        let report = Report::new(Step::Hostname, Instant::now());
        sethostname("buildkitsandbox").map_err(|errno| {
            let filtered = is_refusal(errno).then(sys::sethostname_is_filtered);
            report.clone().filtered(filtered).failed(errno, None)
        })?;
        report.worked(None);
        Ok(())
    }
}

/// runc's bind mounts from the state dir: /etc/resolv.conf and /etc/hosts of a build step.
fn bind() -> Outcome {
    mounting(Step::BindMount, Some("source"), "bound", None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
    let report = Report::new(Step::ReadOnlyRemount, Instant::now());
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    let remount = |flags| mount(None::<&str>, "bound", None::<&str>, flags, None::<&str>);
    match remount(read_only) {
        Ok(()) => report.worked(None),
        // A user namespace can't drop the flags that its source came with; runc since 1.1 and
        // BuildKit since 0.12 ask for the same flags once more.
        Err(nix::errno::Errno::EPERM) => {
            let (flags, names) = locked_flags("bound");
            match remount(read_only | flags) {
                Ok(()) => report.worked(Some(format!("only with {names} kept, as BuildKit 0.12 and newer do"))),
                Err(errno) => {
                    return Err(report.filtered(Some(sys::mount_is_filtered())).failed(errno, Some(format!("with {names} kept"))));
                }
            }
        }
        Err(errno) => return Err(report.failed(errno, None)),
    }
    let _ = umount2("bound", MntFlags::MNT_DETACH);
    Ok(())
}

fn locked_flags(path: &str) -> (MsFlags, String) {
    const FLAGS: [(FsFlags, MsFlags, &str); 6] = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID, "nosuid"),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV, "nodev"),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC, "noexec"),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME, "noatime"),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME, "nodiratime"),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME, "relatime"),
    ];
    let on = statvfs(path).map_or(FsFlags::empty(), |stat| stat.flags());
    let set: Vec<_> = FLAGS.iter().filter(|flag| on.contains(flag.0)).collect();
    (set.iter().map(|flag| flag.1).collect(), set.iter().map(|flag| flag.2).collect::<Vec<_>>().join(","))
}

/// The arguments of newuidmap and newgidmap, as rootlesskit makes them: the own ID is root inside,
/// the ranges follow from 1 on.
fn arguments(ids: &SubIds) -> Result<(Vec<String>, Vec<String>), String> {
    let who = match (&ids.user, &ids.uid) {
        (Fact::Known(name), _) => name.clone(),
        (_, Fact::Known(uid)) => format!("user {uid}"),
        _ => return Err("the own user ID can't be read".into()),
    };
    let one = |ranges: &Fact<Vec<SubId>>, own: &Fact<u32>, file: &str| {
        let ranges = match ranges {
            Fact::Known(ranges) if ranges.is_empty() => return Err(format!("{file} has no range for {who}")),
            Fact::Known(ranges) => ranges,
            Fact::Absent => return Err(format!("there is no {file}")),
            Fact::Denied(why) | Fact::Failed(why) => return Err(why.clone()),
        };
        let own = own.known().copied().unwrap_or_default();
        let mut words = vec!["0".to_owned(), own.to_string(), "1".to_owned()];
        let mut inside = 1;
        for range in SubId::without(ranges, u64::from(own)) {
            words.extend([inside, range.start, range.length].map(|number| number.to_string()));
            inside = inside.saturating_add(range.length);
        }
        Ok(words)
    };
    Ok((one(&ids.uids, &ids.uid, "/etc/subuid")?, one(&ids.gids, &ids.gid, "/etc/subgid")?))
}

/// Root needs no helper and no range of its own: the one of the builder's image stands in.
fn write_maps_as_root(daemon: i32, uid: u32) -> nix::Result<()> {
    let stock = SubId::STOCK;
    let map = format!("0 {uid} 1\n1 {} {}\n", stock.start, stock.length);
    for file in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{daemon}/{file}"), &map).map_err(raw)?;
    }
    Ok(())
}

/// A map of the own ID alone, which everybody may write for a namespace of one's own.
fn map_own_id(own: (Uid, Gid)) -> Outcome {
    let report = Report::new(Step::UidMap, Instant::now());
    for (file, text) in [("uid_map", format!("0 {} 1\n", own.0)), ("gid_map", format!("0 {} 1\n", own.1))] {
        let path = format!("/proc/self/{file}");
        // newuidmap may have written its map before newgidmap failed; a map is written once.
        if std::fs::read(&path).is_ok_and(|map| !map.is_empty()) {
            continue;
        }
        // Without privilege a group map needs setgroups(2) to be given up first (CVE-2014-8989).
        let denied = if file == "gid_map" { std::fs::write("/proc/self/setgroups", "deny") } else { Ok(()) };
        if let Err(errno) = denied.and_then(|()| std::fs::write(&path, text)).map_err(raw) {
            return Err(report.failed(errno, Some(format!("{file} for the own ID alone"))));
        }
    }
    Ok(())
}

/// Gives up root for the builder's user.
fn become_user(uid: u32) -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    // The kernel forgets this wish with the change of user.
    die_with_parent();
    Ok(())
}

/// Asks to be killed with the parent; a parent that is gone already is one by hand.
fn die_with_parent() {
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
}

/// Waits for a process of ours, and tells if a signal ended it.
fn wait(child: Pid) {
    if let Ok(WaitStatus::Signaled(_, signal, _)) = waitpid(child, None) {
        tell(&Line::Killed(signal as i32));
    }
}

/// Ends a process that was forked: its parent has told, or will tell, all that is to be told.
fn leave(outcome: Outcome) -> ! {
    std::process::exit(i32::from(outcome.is_err()))
}

/// One line to the parent. Without one that listens there is nothing left to do.
fn tell(line: &Line) {
    let bytes = line.to_bytes();
    if write(std::io::stdout().as_fd(), &bytes) != Ok(bytes.len()) {
        std::process::exit(1);
    }
}

/// Errors that a filter or a security module likes to give.
fn is_refusal(errno: nix::errno::Errno) -> bool {
    matches!(errno, nix::errno::Errno::EPERM | nix::errno::Errno::EACCES | nix::errno::Errno::ENOSYS)
}

fn raw(error: std::io::Error) -> nix::errno::Errno {
    error.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw)
}

/// A step that is one unshare(2).
fn namespace(step: Step, flag: CloneFlags) -> Outcome {
    let report = Report::new(step, Instant::now());
    unshare(flag).map_err(|errno| {
        let filtered = is_refusal(errno).then(|| sys::unshare_is_filtered(flag.bits()));
        report.clone().filtered(filtered).failed(errno, None)
    })?;
    report.worked(None);
    Ok(())
}

/// A step that is one mount(2).
fn mounting(step: Step, source: Option<&str>, target: &str, kind: Option<&str>, flags: MsFlags, options: Option<&str>) -> Outcome {
    let report = Report::new(step, Instant::now());
    mount(source, target, kind, flags, options).map_err(|errno| {
        let filtered = is_refusal(errno).then(sys::mount_is_filtered);
        report.clone().filtered(filtered).failed(errno, None)
    })?;
    report.worked(None);
    Ok(())
}

/// A step that has begun.
#[derive(Clone)]
struct Report {
    step: Step,
    started: Instant,
    filtered: Option<bool>,
}

impl Report {
    fn new(step: Step, started: Instant) -> Self {
        Report { step, started, filtered: None }
    }

    fn filtered(mut self, filtered: Option<bool>) -> Self {
        self.filtered = filtered;
        self
    }

    fn worked(self, detail: Option<String>) {
        self.end(StepOutcome::Worked, None, detail);
    }

    fn failed(self, errno: nix::errno::Errno, detail: Option<String>) -> Stop {
        self.end(StepOutcome::Failed, Some(errno), detail);
        Stop
    }

    fn end(self, outcome: StepOutcome, errno: Option<nix::errno::Errno>, detail: Option<String>) {
        tell(&Line::Step(StepResult {
            step: self.step,
            outcome,
            errno: errno.map(|errno| Errno(errno as i32)),
            detail,
            filtered: self.filtered,
            micros: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        }));
    }
}
