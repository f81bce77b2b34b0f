//! The directory that a probe makes in the state dir, and how it goes whatever happens.

use super::Task;
use super::cleanup::{self, Entry};
use super::tell::tell;
use crate::attempt::ending::ENDING;
use crate::attempt::leftovers::{self, Made, is_numbered, lock_left, sweep};
use crate::attempt::probe::wire::Line;
use nix::dir::Dir;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchdir, fchown, geteuid, unlinkat};
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The directories that a probe makes in it. What a build step mounts lies on a tmpfs and goes with it.
pub(super) const DIRECTORIES: [&str; 7] = ["lower1", "lower2", "upper", "work", "merged", "source", "step"];

/// What one is called, before the number of its maker.
const PREFIX: &str = ".buildkit-preflight-";

/// All that may be in it, in the order in which it can be removed: overlayfs makes a directory of its
/// own in the work dir, with mode 0, which nobody but root can list.
static CONTENTS: [Entry; 24] = [
    Entry { parent: Some(c"source/owned"), name: c"file", is_directory: false },
    Entry { parent: Some(c"source"), name: c"owned", is_directory: true },
    Entry { parent: Some(c"source"), name: c"file", is_directory: false },
    Entry { parent: Some(c"source"), name: c"link", is_directory: false },
    Entry { parent: Some(c"source"), name: c"symlink", is_directory: false },
    Entry { parent: Some(c"lower1"), name: c"file", is_directory: false },
    Entry { parent: Some(c"lower1/emptied"), name: c"file", is_directory: false },
    Entry { parent: Some(c"lower1"), name: c"emptied", is_directory: true },
    Entry { parent: Some(c"lower1"), name: c"renamed", is_directory: true },
    Entry { parent: Some(c"upper"), name: c"file", is_directory: false },
    Entry { parent: Some(c"upper"), name: c"link", is_directory: false },
    Entry { parent: Some(c"upper"), name: c"moved", is_directory: false },
    Entry { parent: Some(c"upper/emptied"), name: c"file", is_directory: false },
    Entry { parent: Some(c"upper"), name: c"emptied", is_directory: true },
    Entry { parent: Some(c"upper"), name: c"renamed", is_directory: false },
    Entry { parent: Some(c"upper"), name: c"renamed-to", is_directory: true },
    Entry { parent: Some(c"work"), name: c"work", is_directory: true },
    Entry { parent: None, name: c"lower1", is_directory: true },
    Entry { parent: None, name: c"lower2", is_directory: true },
    Entry { parent: None, name: c"upper", is_directory: true },
    Entry { parent: None, name: c"work", is_directory: true },
    Entry { parent: None, name: c"merged", is_directory: true },
    Entry { parent: None, name: c"source", is_directory: true },
    Entry { parent: None, name: c"step", is_directory: true },
];

/// How long the lock of a probe that was killed is waited for: processes that it started close it a moment later.
const PATIENCE: Duration = Duration::from_millis(500);

/// Removes what a probe left that was killed: what it said that it would make, and `is_made` where it said that it did. Such a name
/// may be another's that lives, with a lock; where a file system has no locks, the probe's own word counts.
pub fn remove_left(path: &Path, is_made: bool) {
    let end = Instant::now() + PATIENCE;
    let locked = loop {
        match lock_left(path, true) {
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(PATIENCE / 50),
            locked => break locked,
        }
    };
    match locked {
        Ok(_) | Err(TryLockError::Error(_)) if is_made => drop(remove_own(path)),
        Ok(_) => remove_empty(path),
        Err(_) => {}
    }
}

/// Removes a directory that this probe made, or the one that it ended did; whether it is gone.
pub(super) fn remove_own(path: &Path) -> bool {
    remove_empty(path);
    if geteuid().is_root() {
        // Which needs no change of modes, where another could put a link in the way.
        let _ = std::fs::remove_dir_all(path);
    } else {
        leftovers::remove_tree(path, &|| false);
    }
    !path.exists()
}

/// A directory of our own in the state dir, with the builder's user as its owner, and the current
/// directory from here on: so the way there need not be open to that user. From then on a signal, the
/// one for a parent that died among them, removes it.
pub(super) fn make(task: &Task) -> nix::Result<PathBuf> {
    // A signal waits until it is clear what is to be removed.
    let (mut before, waiting): (_, SigSet) = (SigSet::empty(), cleanup::WAITING.into_iter().collect());
    let ending: SigSet = ENDING.into_iter().chain(cleanup::WAITING).collect();
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&ending), Some(&mut before));
    sweep(&task.state_dir, |name| is_numbered(name, PREFIX, ""), true, remove_empty);
    let name = |attempt| {
        let path = task.state_dir.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
        // Told before it is there: whoever ends this process must know what to remove.
        tell(&Line::Scratch(path.display().to_string()));
        path
    };
    cleanup::share();
    let made = leftovers::make(name).and_then(|made| match enter(&made, task.become_uid) {
        Ok(()) => {
            cleanup::remove_on_signal(&made.path, made.directory, &CONTENTS);
            Ok(made.path)
        }
        Err(errno) => {
            let _ = std::fs::remove_dir(&made.path);
            Err(errno)
        }
    });
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before.iter().chain(waiting.iter()).collect()), None);
    made
}

/// Gives what was made to the builder's user, and makes it the current directory.
fn enter(made: &Made, owner: Option<u32>) -> nix::Result<()> {
    if let Some(uid) = owner {
        if made.uid != geteuid().as_raw() {
            return Err(nix::errno::Errno::EPERM);
        }
        fchown(&made.directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    }
    fchdir(&made.directory)
}

/// Removes a scratch directory that nobody holds any more, with what a probe puts into it and nothing else.
fn remove_empty(path: &Path) {
    let directory = open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty());
    let remove = || {
        if let Ok(directory) = &directory {
            cleanup::remove_contents(directory, &CONTENTS);
        }
        std::fs::remove_dir(path)
    };
    if remove().is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty)
        && let Ok(directory) = &directory
    {
        empty_work(directory);
        let _ = remove();
    }
}

/// Removes what overlayfs left in its own directory of the work dir, where a probe was killed amid its changes.
fn empty_work(directory: &OwnedFd) {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let Ok(work) = openat(directory, "work", flags | OFlag::O_PATH, Mode::empty()) else { return };
    if !geteuid().is_root() {
        // It has mode 0. Of all that a link could lead to, an ordinary user changes only what is its own.
        let _ = fchmodat(&work, "work", Mode::S_IRWXU, FchmodatFlags::FollowSymlink);
    }
    let Ok(mut inner) = Dir::openat(&work, "work", flags, Mode::empty()) else { return };
    let names: Vec<_> = inner.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
    // As fs/overlayfs/dir.c names them (ovl_tempname).
    for name in names.iter().filter(|name| name.to_bytes().starts_with(b"#")) {
        for flag in [UnlinkatFlags::NoRemoveDir, UnlinkatFlags::RemoveDir] {
            let _ = unlinkat(&inner, name.as_c_str(), flag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_probe_makes_is_listed_for_removal() {
        let dir = tempfile::tempdir().expect("temp dir");
        for Entry { parent, name, is_directory } in CONTENTS.iter().rev() {
            let part = |name: &std::ffi::CStr| name.to_str().expect("UTF-8").to_owned();
            let path = dir.path().join(parent.map(part).unwrap_or_default()).join(part(name));
            if *is_directory { std::fs::create_dir(path) } else { std::fs::write(path, "x") }.expect("an entry");
        }
        assert!(DIRECTORIES.iter().all(|directory| dir.path().join(directory).is_dir()));
        cleanup::remove_contents(&std::fs::File::open(dir.path()).expect("open"), &CONTENTS);
        assert_eq!(std::fs::read_dir(dir.path()).expect("read").count(), 0);
    }

    #[test]
    fn what_overlayfs_left_in_its_work_dir_goes_too_and_nothing_else() {
        let dir = tempfile::tempdir().expect("temp dir");
        let scratch = dir.path().join("scratch");
        let inner = scratch.join("work/work");
        std::fs::create_dir_all(&inner).expect("mkdir");
        std::fs::write(inner.join("another's"), "x").expect("write");
        std::fs::write(inner.join("#3"), "x").expect("write");
        remove_empty(&scratch);
        assert_eq!((inner.join("#3").exists(), inner.join("another's").exists()), (false, true));
        std::fs::remove_file(inner.join("another's")).expect("removed");
        std::fs::write(inner.join("#3"), "x").expect("write");
        std::fs::set_permissions(&inner, std::os::unix::fs::PermissionsExt::from_mode(0o0)).expect("chmod");
        remove_empty(&scratch);
        assert!(!scratch.exists());
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::create_dir(dir.path().join("mine")).expect("mkdir");
        std::fs::write(dir.path().join("mine/file"), "x").expect("write");
        std::fs::create_dir(dir.path().join("scratch")).expect("mkdir");
        std::os::unix::fs::symlink("../mine", dir.path().join("scratch/source")).expect("symlink");
        cleanup::remove_contents(&std::fs::File::open(dir.path().join("scratch")).expect("open"), &CONTENTS);
        assert!(dir.path().join("mine/file").exists());
        assert!(remove_own(&dir.path().join("scratch")) && dir.path().join("mine/file").exists());
    }

    #[test]
    fn what_was_announced_goes_only_if_nobody_holds_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let scratch = dir.path().join("scratch");
        for is_made in [false, true] {
            std::fs::create_dir_all(scratch.join("upper")).expect("mkdir");
            let living = std::fs::File::open(&scratch).expect("open");
            living.try_lock().expect("a lock");
            remove_left(&scratch, is_made);
            assert!(scratch.join("upper").exists(), "another's that lives");
            drop(living);
            remove_left(&scratch, is_made);
            assert!(!scratch.exists());
        }
        std::fs::create_dir_all(scratch.join("another's")).expect("mkdir");
        remove_left(&scratch, false);
        assert!(scratch.join("another's").exists(), "only announced");
        remove_left(&scratch, true);
        assert!(!scratch.exists());
    }
}
