//! What buildkitd does with its state dir, and runc's bind mounts from it.

use super::Probe;
use super::changes::{self, Owners};
use super::own_pod;
use super::scratch::DIRECTORIES;
use super::tell::{Outcome, Report, Stop, is_left_out, leave, mounting, raw, wait};
use crate::attempt::probe::sys;
use crate::fact::{Snapshotter, StateDir, Step, StepOutcome};
use crate::read::Host;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FallocateFlags, OFlag, fallocate};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::sys::statvfs::{FsFlags, fstatvfs, statvfs};
use nix::unistd::{AccessFlags, faccessat, ftruncate};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

impl Probe<'_> {
    /// buildkitd in the namespaces that rootlesskit made for it; then runc for one build step.
    pub(super) fn buildkitd(&self, own_id_only: bool) -> Outcome {
        if self.task.own_pod {
            own_pod::temp_dir(self.task.plan.builder)?;
        }
        let with_types = self.state_dir()?;
        if self.task.own_pod {
            own_pod::runtime_dir()?;
        }
        let owners = Owners::read();
        self.snapshotter(with_types, owners)?;
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
        let made = || -> std::io::Result<File> {
            for directory in DIRECTORIES {
                std::fs::create_dir(directory)?;
            }
            // A volume with fsGroup may give its group, which need not be mapped, to all that is made in it. BuildKit does the same
            // with a snapshot of its own (createSnapshot in containerd's native snapshotter).
            std::fs::set_permissions("source", Permissions::from_mode(0o755))?;
            let mut file = OpenOptions::new().read(true).write(true).create_new(true).open("source/file")?;
            file.write_all(&[0; 4096])?;
            file.set_permissions(Permissions::from_mode(0o755))?;
            Ok(file)
        };
        let file = made().map_err(|error| report.clone().failed(raw(error), Some("make directories and a file".into())))?;
        if let Err(errno @ (Errno::ENOSPC | Errno::EDQUOT)) = reserve(&file) {
            return Err(report.failed(errno, Some(format!("reserve {} MiB", StateDir::LEAST >> 20))));
        }
        if let Err((what, errno)) = has_inodes(&file).and_then(|()| as_database(&file)) {
            return Err(report.failed(errno, Some(what.to_owned())));
        }
        // What is open for writing can keep a mount from being made read-only.
        drop(file);
        let typed = Dir::open(".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .is_ok_and(|dir| dir.into_iter().flatten().all(|entry| entry.file_type().is_some()));
        report.worked(None);
        Ok(typed)
    }

    /// BuildKit's choice: overlayfs, else fuse-overlayfs, else native, which copies whole trees. Where it is told what to take, the
    /// others are not tried, and what fails ends it.
    fn snapshotter(&self, with_types: bool, owners: Option<Owners>) -> Outcome {
        if is_left_out(Step::Overlay) {
            return Ok(());
        }
        let told = self.task.snapshotter;
        let report = Report::new(Step::Overlay, Instant::now());
        let options = "lowerdir=lower2:lower1,upperdir=upper,workdir=work";
        let fallback = if told.is_some_and(|told| told != Snapshotter::Overlayfs) {
            (None, Some("another snapshotter was asked for".to_owned()))
        } else if with_types {
            match mount(Some("overlay"), "merged", Some("overlay"), MsFlags::empty(), Some(options)) {
                Ok(()) => {
                    let _ = umount2("merged", MntFlags::MNT_DETACH);
                    report.worked(None);
                    return changes::through_overlay(owners);
                }
                Err(errno) => (Some(errno), None),
            }
        } else {
            (None, Some("the file system does not report the types of its entries (xfs with ftype=0)".to_owned()))
        };
        report.end(ends_with(told, Snapshotter::Overlayfs), fallback.0, fallback.1);
        if told == Some(Snapshotter::Overlayfs) {
            return Err(Stop);
        }

        if told != Some(Snapshotter::Native) {
            if is_left_out(Step::Fuse) {
                return changes::on_files(owners);
            }
            let report = Report::new(Step::Fuse, Instant::now());
            match self.fuse() {
                Ok(()) => {
                    report.worked(None);
                    return changes::on_files(owners);
                }
                Err((errno, what)) => report.end(ends_with(told, Snapshotter::FuseOverlayfs), errno, Some(what)),
            }
            if told.is_some() {
                return Err(Stop);
            }
        }

        changes::on_files(owners)?;
        if is_left_out(Step::Execute) {
            return Ok(());
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
                if host.find_program(program).known().is_none() {
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
}

/// What it means that a snapshotter does not work: the next one, unless buildkitd is told to take this one.
fn ends_with(told: Option<Snapshotter>, this: Snapshotter) -> StepOutcome {
    if told == Some(this) { StepOutcome::Failed } else { StepOutcome::FellBack }
}

/// Asks for the space that the smallest build takes, and gives it back. Not all file systems can be asked.
fn reserve(file: &File) -> nix::Result<()> {
    let reserved = fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, StateDir::LEAST.cast_signed());
    // Also what was reserved before the space ended.
    let _ = ftruncate(file, 0);
    reserved
}

/// Whether the volume, and a quota of the builder's user, leave as many inodes as the smallest build takes.
fn has_inodes(file: &File) -> Result<(), (&'static str, Errno)> {
    // Beside the scratch directory, those in it and the file.
    let needed = StateDir::LEAST_INODES - (DIRECTORIES.len() as u64 + 2);
    // Where none is left at all, and this file could be made, the figure says nothing.
    let is_few = |free: u64| (1..needed).contains(&free);
    if fstatvfs(file).is_ok_and(|stat| stat.files() > 0 && is_few(stat.files_available())) {
        return Err(("inodes", Errno::ENOSPC));
    }
    let made = match sys::inodes_by_quota(file) {
        Ok(Some(left)) if left < needed => Err(Errno::EDQUOT),
        Ok(_) => Ok(()),
        Err(_) => make_inodes(needed),
    };
    made.map_err(|errno| ("inodes of the user's quota", errno))
}

/// Where nobody can be asked: files without a name, which go with this process.
fn make_inodes(number: u64) -> nix::Result<()> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let made: Result<Vec<_>, _> = (0..number).map(|_| nix::fcntl::open("source", flags, Mode::S_IRUSR)).collect();
    match made {
        Err(errno @ (Errno::EDQUOT | Errno::ENOSPC)) => Err(errno),
        // Not all file systems have such files.
        _ => Ok(()),
    }
}

/// What buildkitd's databases (bbolt) do to their files: an exclusive lock, a shared mapping, writes that reach the disk. Network and
/// FUSE file systems may have none of them.
fn as_database(file: &File) -> Result<(), (&'static str, Errno)> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(("flock", Errno::EWOULDBLOCK)),
        Err(TryLockError::Error(error)) => return Err(("flock", raw(error))),
    }
    sys::can_map(file).map_err(|errno| ("mmap", errno))?;
    file.sync_data().map_err(|error| ("fdatasync", raw(error)))
}

/// runc's bind mounts from the state dir: /etc/resolv.conf and /etc/hosts of a build step.
fn bind() -> Outcome {
    mounting(Step::BindMount, Some("source"), "merged", None, MsFlags::MS_BIND | MsFlags::MS_REC, None)?;
    if is_left_out(Step::ReadOnlyRemount) {
        let _ = umount2("merged", MntFlags::MNT_DETACH);
        return Ok(());
    }
    let report = Report::new(Step::ReadOnlyRemount, Instant::now());
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    let remount = |flags| mount(None::<&str>, "merged", None::<&str>, flags, None::<&str>);
    match remount(read_only) {
        Ok(()) => report.worked(None),
        // A user namespace can't drop the flags that its source came with; runc since 1.1 and
        // BuildKit since 0.12 ask for the same flags once more.
        Err(nix::errno::Errno::EPERM) => {
            let (flags, names) = locked_flags("merged");
            match remount(read_only | flags) {
                Ok(()) => report.worked(Some(format!("only with {names} kept, as BuildKit 0.12 and newer do"))),
                Err(errno) => {
                    return Err(report.refused(errno, Some(format!("with {names} kept")), sys::mount_is_filtered));
                }
            }
        }
        Err(errno) => return Err(report.failed(errno, None)),
    }
    let _ = umount2("merged", MntFlags::MNT_DETACH);
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
