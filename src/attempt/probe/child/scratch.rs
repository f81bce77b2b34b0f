//! The directory that a probe makes in the state dir, and how it goes whatever happens.

use super::Task;
use super::cleanup::{self, Entry};
use super::tell::tell;
use crate::attempt::ending::ENDING;
use crate::attempt::leftovers::{is_numbered, sweep};
use crate::attempt::probe::wire::Line;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Gid, Uid, fchdir, fchown, geteuid, mkdir};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The directories that a probe makes in it. What a build step mounts lies on a tmpfs and goes with it.
pub(super) const DIRECTORIES: [&str; 7] = ["lower1", "lower2", "upper", "work", "merged", "source", "step"];

/// What one is called, before the number of its maker.
const PREFIX: &str = ".buildkit-preflight-";

/// All that may be in it, in the order in which it can be removed: overlayfs makes a directory of its
/// own in the work dir, with mode 0, which nobody but root can list.
static CONTENTS: [Entry; 9] = [
    Entry { parent: Some(c"source"), name: c"file", is_directory: false },
    Entry { parent: Some(c"work"), name: c"work", is_directory: true },
    Entry { parent: None, name: c"lower1", is_directory: true },
    Entry { parent: None, name: c"lower2", is_directory: true },
    Entry { parent: None, name: c"upper", is_directory: true },
    Entry { parent: None, name: c"work", is_directory: true },
    Entry { parent: None, name: c"merged", is_directory: true },
    Entry { parent: None, name: c"source", is_directory: true },
    Entry { parent: None, name: c"step", is_directory: true },
];

/// Removes what a probe left in the state dir; whether it is gone.
pub fn remove_scratch(path: &Path) -> bool {
    remove_empty(path);
    !path.exists() || std::fs::remove_dir_all(path).is_ok()
}

/// A directory of our own in the state dir, with the builder's user as its owner, and the current
/// directory from here on: so the way there need not be open to that user. From then on a signal, the
/// one for a parent that died among them, removes it.
pub(super) fn make(task: &Task) -> nix::Result<PathBuf> {
    // A signal waits until it is clear what is to be removed.
    let (mut before, waiting): (_, SigSet) = (SigSet::empty(), cleanup::WAITING.into_iter().collect());
    let ending: SigSet = ENDING.into_iter().chain(cleanup::WAITING).collect();
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&ending), Some(&mut before));
    sweep(&task.state_dir, |name| is_numbered(name, PREFIX, ""), "", true, remove_empty);
    let made = (0..100).map(|attempt| attempt_to_make(task, attempt)).find(|made| *made != Err(nix::errno::Errno::EEXIST));
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before.iter().chain(waiting.iter()).collect()), None);
    made.unwrap_or(Err(nix::errno::Errno::EEXIST))
}

fn attempt_to_make(task: &Task, attempt: u32) -> nix::Result<PathBuf> {
    let path = task.state_dir.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
    // Told before it is there: whoever ends this process must know what to remove.
    tell(&Line::Scratch(path.display().to_string()));
    mkdir(&path, Mode::S_IRWXU)?;
    match enter(&path, task.become_uid) {
        Ok(directory) => {
            cleanup::remove_on_signal(&path, directory, &CONTENTS);
            Ok(path)
        }
        Err(errno) => {
            let _ = std::fs::remove_dir(&path);
            // Somebody took it for what a killed one left, in the moment before it was locked.
            let is_taken = matches!(errno, nix::errno::Errno::ENOENT | nix::errno::Errno::EWOULDBLOCK);
            Err(if is_taken { nix::errno::Errno::EEXIST } else { errno })
        }
    }
}

/// Where others may write, the name may mean something else by now: only what was made is given away. It is locked for as long as
/// this process and what it starts live; where a file system has no locks, nobody can take it for one that was left.
fn enter(path: &Path, owner: Option<u32>) -> nix::Result<File> {
    let directory = File::from(open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?);
    if let Err(TryLockError::WouldBlock) = directory.try_lock() {
        return Err(nix::errno::Errno::EWOULDBLOCK);
    }
    let made = fstat(&directory)?;
    if made.st_nlink == 0 {
        return Err(nix::errno::Errno::ENOENT);
    }
    if let Some(uid) = owner {
        if made.st_uid != geteuid().as_raw() {
            return Err(nix::errno::Errno::EPERM);
        }
        fchown(&directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    }
    fchdir(&directory)?;
    Ok(directory)
}

/// Removes a scratch directory that nobody holds any more, with what a probe puts into it and nothing else.
fn remove_empty(path: &Path) {
    if let Ok(directory) = open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()) {
        cleanup::remove_contents(&directory, &CONTENTS);
    }
    let _ = std::fs::remove_dir(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_probe_makes_is_listed_for_removal() {
        let dir = tempfile::tempdir().expect("temp dir");
        for directory in DIRECTORIES.iter().chain(&["work/work"]) {
            std::fs::create_dir(dir.path().join(directory)).expect("mkdir");
        }
        std::fs::write(dir.path().join("source/file"), "x").expect("write");
        cleanup::remove_contents(&std::fs::File::open(dir.path()).expect("open"), &CONTENTS);
        assert_eq!(std::fs::read_dir(dir.path()).expect("read").count(), 0);
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
        assert!(remove_scratch(&dir.path().join("scratch")) && dir.path().join("mine/file").exists());
    }
}
