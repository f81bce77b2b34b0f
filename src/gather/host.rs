use crate::fact::{Fact, MountFlags, ProcFs};
use nix::errno::Errno;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Why a captured tree can't tell something.
pub(super) const CAPTURED: &str = "a captured tree does not tell";

/// Ordinary files of /proc and /etc are far smaller; a mount table of 10,000 lines is about 1.5 MB.
const LARGEST_FILE: u64 = 16 << 20;

/// Where programs are looked for in a captured tree, which has no PATH.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The files of a machine: this one, or a captured tree below a directory.
#[derive(Clone)]
pub(super) struct Host {
    root: Option<PathBuf>,
}

impl Host {
    pub(super) fn new(root: Option<&Path>) -> Self {
        Host { root: root.map(Path::to_path_buf) }
    }

    /// Whether this is the running machine, where more than files can be asked.
    pub(super) fn is_live(&self) -> bool {
        self.root.is_none()
    }

    /// The real path of a file, with symbolic links followed as inside the root: a captured
    /// tree's absolute links must not lead out of it.
    pub(super) fn locate(&self, path: &str) -> PathBuf {
        let Some(root) = &self.root else { return PathBuf::from(path) };
        let mut todo: Vec<PathBuf> = vec![PathBuf::from(path)];
        let mut done = PathBuf::new();
        let mut links = 0;
        while let Some(next) = todo.pop() {
            let mut parts = next.components();
            let Some(part) = parts.next() else { continue };
            todo.push(parts.as_path().to_path_buf());
            match part {
                Component::RootDir => done = PathBuf::new(),
                Component::ParentDir => {
                    done.pop();
                }
                Component::Normal(name) => {
                    let here = root.join(&done).join(name);
                    match std::fs::read_link(&here) {
                        // 40 is the kernel's own limit (MAXSYMLINKS in include/linux/namei.h).
                        Ok(target) if links < 40 => {
                            links += 1;
                            todo.push(target);
                        }
                        _ => done.push(name),
                    }
                }
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
        root.join(done)
    }

    /// Reads a file whose absence is an answer only where `anchor` exists: without it, the file
    /// system that would tell is not mounted here.
    pub(super) fn read_below(&self, path: &str, anchor: &str) -> Fact<String> {
        match self.read(path) {
            Ok(text) => Fact::Known(text),
            Err(error) => self.explain(&error, path, anchor),
        }
    }

    /// Whether a file exists, by the same rule.
    pub(super) fn exists_below(&self, path: &str, anchor: &str) -> Fact<bool> {
        match self.locate_link(path).symlink_metadata() {
            Ok(_) => Fact::Known(true),
            Err(error) => match self.explain(&error, path, anchor) {
                Fact::Absent => Fact::Known(false),
                other => other,
            },
        }
    }

    /// The names in a directory; none where there is no such directory.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(super) fn list(&self, path: &str) -> Result<Vec<String>, String> {
        let failed = |error: io::Error| format!("{path}: {error}");
        let entries = match std::fs::read_dir(self.locate(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        Ok(names)
    }

    /// The target of a symbolic link, by the same rule.
    pub(super) fn link_below(&self, path: &str, anchor: &str) -> Fact<String> {
        match std::fs::read_link(self.locate_link(path)) {
            Ok(target) => Fact::Known(target.to_string_lossy().into_owned()),
            Err(error) => self.explain(&error, path, anchor),
        }
    }

    /// Whether a device can be opened for reading and writing.
    pub(super) fn can_open(&self, path: &str) -> Fact<bool> {
        if !self.is_live() {
            return self.exists_below(path, "/dev");
        }
        match File::options().read(true).write(true).open(path) {
            Ok(_) => Fact::Known(true),
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                // The device file without its driver: the module is not loaded.
                Some(Errno::ENODEV | Errno::ENXIO) => Fact::Known(false),
                _ => self.explain(&error, path, "/dev"),
            },
        }
    }

    /// A program on the PATH.
    pub(super) fn find_program(&self, name: &str) -> Option<String> {
        let path = match &self.root {
            None => std::env::var("PATH").unwrap_or_else(|_| USUAL_PATH.into()),
            Some(_) => USUAL_PATH.into(),
        };
        let directories: Vec<_> = path.split(':').filter(|dir| dir.starts_with('/')).collect();
        let first_time = |(n, dir): &(usize, &&str)| !directories[..*n].contains(dir);
        directories.iter().enumerate().filter(first_time).map(|(_, dir)| format!("{dir}/{name}")).find(|file| {
            use std::os::unix::fs::PermissionsExt;
            self.locate(file).metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
    }

    /// The mount table of this process.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(super) fn mounts(&self) -> Mounts {
        match self.read_below("/proc/self/mountinfo", "/proc/self") {
            Fact::Known(text) => Ok(text.lines().filter_map(Mount::parse).collect()),
            Fact::Absent => Err("/proc/self/mountinfo is not there".into()),
            Fact::Denied(why) | Fact::Failed(why) => Err(why),
        }
    }

    fn read(&self, path: &str) -> io::Result<String> {
        // One read for most files: /proc makes its text anew for each.
        let mut bytes = Vec::with_capacity(8192);
        let mut options = File::options();
        // Anything may lie in a captured tree, and in sysctl.d; a FIFO must not be waited for.
        options.read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
        options.open(self.locate(path))?.take(LARGEST_FILE).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// As `locate`, but a link at the end is not followed: those of /proc/self/ns lead nowhere.
    fn locate_link(&self, path: &str) -> PathBuf {
        match path.rsplit_once('/') {
            Some((dir, name)) if !self.is_live() => self.locate(dir).join(name),
            _ => PathBuf::from(path),
        }
    }

    fn explain<T>(&self, error: &io::Error, path: &str, anchor: &str) -> Fact<T> {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR) if self.locate(anchor).is_dir() => Fact::Absent,
            Some(Errno::ENOENT | Errno::ENOTDIR) => Fact::Denied(format!("{anchor} is not there, so {path} can't tell")),
            Some(Errno::EACCES | Errno::EPERM) => Fact::Denied(format!("{path}: permission denied")),
            Some(errno) => Fact::Failed(format!("{path}: {}", errno.desc())),
            None => Fact::Failed(format!("{path}: {error}")),
        }
    }
}

/// The mount table, or why it can't be read.
pub(super) type Mounts = Result<Vec<Mount>, String>;

/// A fact of the mount table.
pub(super) fn from_mounts<T>(mounts: &Mounts, read: impl FnOnce(&[Mount]) -> Fact<T>) -> Fact<T> {
    match mounts {
        Ok(mounts) => read(mounts),
        Err(why) => Fact::Denied(why.clone()),
    }
}

/// Beginning and end of something that may be long, for a message: the error stands at the end.
pub(super) fn shorten(text: &str) -> String {
    const HEAD: usize = 40;
    const TAIL: usize = 120;
    let length = text.chars().count();
    if length <= HEAD + TAIL {
        return text.to_owned();
    }
    let tail = text.chars().skip(length - TAIL);
    text.chars().take(HEAD).chain("...".chars()).chain(tail).collect()
}

/// How many threads hang, as far as anybody waited for them.
static HANGING: AtomicUsize = AtomicUsize::new(0);
/// So many may: one that runs for months must not leave one behind at each look at the same dead mount.
const MAY_HANG: usize = 4;

/// Does something that may never return, and waits for it no longer than `limit`; not at all where too much hangs already.
pub(super) fn bounded<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if HANGING.load(Ordering::Relaxed) >= MAY_HANG {
        return None;
    }
    let (sender, receiver) = mpsc::channel();
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = Arc::clone(&work);
    let take = |work: &Mutex<Option<_>>| work.lock().ok().and_then(|mut work| work.take());
    // Who comes second, the thread with its result or the one who gave it up, sees that the other was there.
    let settled = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&settled);
    // A thread that hangs ends with the process: waits for a dead server can be killed.
    let thread = std::thread::Builder::new().spawn(move || {
        let Some(work) = take(&taken) else { return };
        let _ = sender.send(work());
        if done.swap(true, Ordering::AcqRel) {
            HANGING.fetch_sub(1, Ordering::Relaxed);
        }
    });
    // No thread is to be had; few things hang, and then the user ends it.
    let Ok(_) = thread else { return take(&work).map(|work| work()) };
    receiver.recv_timeout(limit).ok().or_else(|| {
        HANGING.fetch_add(1, Ordering::Relaxed);
        if settled.swap(true, Ordering::AcqRel) {
            HANGING.fetch_sub(1, Ordering::Relaxed);
            return receiver.try_recv().ok();
        }
        None
    })
}

/// One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    id: u32,
    parent: u32,
    /// What part of its file system is mounted: `/` for the whole of it.
    pub(super) fs_root: String,
    pub(super) point: String,
    pub(super) flags: MountFlags,
    pub(super) file_system: String,
}

impl Mount {
    /// A line that is none gives `None`.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (head, tail) = line.split_once(" - ")?;
        let fields: Vec<_> = head.split(' ').collect();
        let [id, parent, _device, fs_root, point, options, ..] = fields[..] else { return None };
        Some(Mount {
            id: id.parse().ok()?,
            parent: parent.parse().ok()?,
            fs_root: unescape(fs_root),
            point: unescape(point),
            flags: MountFlags::parse(options),
            file_system: tail.split(' ').next()?.to_owned(),
        })
    }
}

/// The mount that a path lies on: the last one of those whose mount point leads farthest.
pub(super) fn mount_of<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let below = |point: &str| point == "/" || path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    mounts.iter().filter(|mount| below(&mount.point)).max_by_key(|mount| mount.point.len())
}

/// Directories of /proc that the kernel keeps empty for a mount: what lies there hides nothing
/// (is_empty_dir_inode in fs/namespace.c; proc_create_mount_point in fs/proc).
const MADE_TO_BE_COVERED: [&str; 4] = ["sys/fs/binfmt_misc", "fs/nfsd", "xen", "openprom"];

/// What lies over /proc, as mnt_already_visible in fs/namespace.c sees it.
pub(super) fn proc_fs(mounts: &[Mount]) -> ProcFs {
    let hides = |proc: &Mount, mount: &Mount| {
        let inside = mount.point.strip_prefix(&proc.point).map(|rest| rest.trim_start_matches('/'));
        mount.parent == proc.id && inside.is_some_and(|inside| !MADE_TO_BE_COVERED.contains(&inside))
    };
    let whole = |mount: &&Mount| mount.file_system == "proc" && mount.fs_root == "/";
    let Some(proc) = mounts.iter().filter(whole).rfind(|mount| mount.point == "/proc") else {
        return ProcFs { masks: vec!["/proc".into()], complete_elsewhere: false };
    };
    let mut masks: Vec<_> = mounts.iter().filter(|mount| hides(proc, mount)).map(|mount| mount.point.clone()).collect();
    masks.sort();
    masks.dedup();
    let complete = |other: &Mount| other.id != proc.id && !mounts.iter().any(|mount| hides(other, mount));
    ProcFs { masks, complete_elsewhere: mounts.iter().filter(whole).any(complete) }
}

/// Spaces and the like are written as three octal digits behind a backslash.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, tail @ ..] = rest {
        let octal = tail.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match octal {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(text: &str) -> Vec<Mount> {
        text.lines().filter_map(Mount::parse).collect()
    }

    #[test]
    fn masks_are_what_lies_over_proc_and_hides_something() {
        let bare = "22 27 0:21 / /proc rw - proc proc rw\n30 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw";
        assert_eq!(proc_fs(&table(bare)), ProcFs::default());
        let pod = "22 27 0:21 / /proc rw - proc proc rw\n31 22 0:21 /sys /proc/sys ro - proc proc rw\n32 22 0:5 /null /proc/kcore rw - tmpfs tmpfs rw";
        let masked = ProcFs { masks: vec!["/proc/kcore".into(), "/proc/sys".into()], complete_elsewhere: false };
        assert_eq!(proc_fs(&table(pod)), masked);
        let second = format!("{pod}\n40 27 0:21 / /host/proc rw - proc proc rw");
        assert!(proc_fs(&table(&second)).complete_elsewhere);
        assert_eq!(proc_fs(&[]).masks, ["/proc"]);
    }

    #[test]
    fn a_path_lies_on_its_deepest_mount() {
        let mounts = table(
            "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / /var/lib rw,nosuid shared:1 - tmpfs t rw\n3 1 0:9 / /with\\040space rw - xfs t rw",
        );
        assert_eq!(mount_of(&mounts, "/var/lib/buildkit").map(|m| m.file_system.as_str()), Some("tmpfs"));
        assert_eq!(mount_of(&mounts, "/var/library").map(|m| m.file_system.as_str()), Some("ext4"));
        assert_eq!(mount_of(&mounts, "/with space/x").map(|m| m.file_system.as_str()), Some("xfs"));
    }

    #[test]
    fn links_of_a_captured_tree_stay_inside_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::create_dir_all(dir.path().join("usr/lib")).expect("mkdir");
        std::fs::create_dir_all(dir.path().join("etc")).expect("mkdir");
        std::fs::write(dir.path().join("usr/lib/os-release"), "ID=x").expect("write");
        let host = Host::new(Some(dir.path()));
        for (n, target) in ["/usr/lib/os-release", "../../../../usr/lib/os-release"].iter().enumerate() {
            let link = format!("/etc/link{n}");
            std::os::unix::fs::symlink(target, dir.path().join(&link[1..])).expect("symlink");
            assert_eq!(host.read_below(&link, "/"), Fact::Known("ID=x".into()));
        }
        std::os::unix::fs::symlink("loop", dir.path().join("etc/loop")).expect("symlink");
        assert!(host.read_below("/etc/loop", "/").known().is_none());
        assert!(host.read_below("/proc/sys/kernel/x", "/proc/sys/kernel").unreadable().is_some());
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC*", line in "[0-9]{1,3} [0-9]{1,3} 0:1 [/a\\\\0-9]* [/a\\\\0-9]* [a-z,]* - [a-z]* x") {
            let _ = crate::fact::OsRelease::parse(&text);
            let _ = crate::fact::Release::try_from(text.clone());
            let _ = crate::fact::IdMap::parse(&text);
            let _ = crate::fact::SubId::parse(&text, "user", 1000);
            let mounts: Vec<_> = [text.as_str(), line.as_str()].iter().filter_map(|line| Mount::parse(line)).collect();
            let _ = proc_fs(&mounts);
            let _ = mount_of(&mounts, &text);
        }
    }
}
