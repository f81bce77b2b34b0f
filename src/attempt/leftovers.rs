//! Directories that go with the run that makes them: how one is made, and what a run left that was killed, for the next one to
//! remove. The maker holds a lock (flock(2)) on its own for as long as it lives, in whatever container: only what can be locked
//! is nobody's any more.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::mkdir;
use std::fs::{self, File, Metadata, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// So many names of a directory are looked at; others may keep any number of files there.
const MOST: usize = 10_000;
/// So many names are tried for a directory.
const NAMES: u32 = 100;

/// A directory that was made, for this user alone.
pub(super) struct Made {
    pub(super) path: PathBuf,
    /// Locked for as long as this is open.
    pub(super) directory: File,
    /// Whose it is: another's where a file server maps root.
    pub(super) uid: u32,
}

/// Makes a directory by the first name that is free, and locks it. A name that is taken is another's: of a container with the same
/// volume. Where a file system has no locks, nobody can take the directory for one that was left. Errors: those of mkdir(2) and
/// open(2); `EEXIST` where no name is free.
pub(super) fn make(name: impl FnMut(u32) -> PathBuf) -> nix::Result<Made> {
    let made = (0..NAMES).map(name).map(make_one);
    let mut free = made.skip_while(|made| made.as_ref().is_err_and(|errno| *errno == Errno::EEXIST));
    free.next().unwrap_or(Err(Errno::EEXIST))
}

fn make_one(path: PathBuf) -> nix::Result<Made> {
    mkdir(&path, Mode::S_IRWXU)?;
    lock_made(path)
}

/// Locks a directory that was made a moment ago; where others may write, the name may mean something else by now. Errors: `EEXIST`
/// where somebody else removes it.
fn lock_made(path: PathBuf) -> nix::Result<Made> {
    let directory = match open(&path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(directory) => File::from(directory),
        // As below.
        Err(Errno::ENOENT) => return Err(Errno::EEXIST),
        Err(errno) => {
            let _ = fs::remove_dir(&path);
            return Err(errno);
        }
    };
    // Somebody took it for what a killed one left, in the moment before it was locked. The name is theirs to remove.
    if let Err(TryLockError::WouldBlock) = directory.try_lock() {
        return Err(Errno::EEXIST);
    }
    let made = fstat(&directory)?;
    if made.st_nlink == 0 { Err(Errno::EEXIST) } else { Ok(Made { path, directory, uid: made.st_uid }) }
}

/// Removes what lies in a directory by a name of ours and is locked by nobody. Of another user's things only root removes any, and
/// only with `of_others`.
pub(super) fn sweep(directory: &Path, is_ours: impl Fn(&str) -> bool, of_others: bool, remove: impl Fn(&Path)) {
    for entry in fs::read_dir(directory).into_iter().flatten().take(MOST).flatten() {
        let path = entry.path();
        if entry.file_name().to_str().is_some_and(&is_ours) {
            remove_left(&path, of_others, &remove);
        }
    }
}

/// Removes one such directory, if it is locked by nobody.
pub(super) fn remove_left(path: &Path, of_others: bool, remove: impl Fn(&Path)) {
    if let Ok(_lock) = lock_left(path, of_others) {
        remove(path);
    }
}

/// Locks a directory that a run left. While the lock is held, nobody else removes what the path names. Errors: `WouldBlock` where
/// its maker lives or somebody else removes it; others where it is no directory, is another user's, or can't be locked.
pub(super) fn lock_left(path: &Path, of_others: bool) -> Result<File, TryLockError> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let open = || File::options().read(true).custom_flags(flags).open(path);
    let directory = open().map_err(TryLockError::Error)?;
    let locked = directory.metadata().map_err(TryLockError::Error)?;
    let own = nix::unistd::geteuid().as_raw();
    if locked.uid() != own && !(of_others && own == 0) {
        return Err(TryLockError::Error(Errno::EPERM.into()));
    }
    directory.try_lock()?;
    // Before that, another may have removed it, and a third made its own by this name.
    let is_same = |named: &Metadata| (named.dev(), named.ino()) == (locked.dev(), locked.ino());
    match fs::symlink_metadata(path) {
        Ok(named) if is_same(&named) => Ok(directory),
        Ok(_) => Err(TryLockError::WouldBlock),
        Err(error) => Err(TryLockError::Error(error)),
    }
}

/// Removes a tree of our own, as far as it comes. overlayfs leaves directories of mode 0, which only their owner can open again.
pub(super) fn remove_tree(path: &Path, is_over: &dyn Fn() -> bool) {
    if is_over() {
        return;
    }
    let is_directory = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if !is_directory {
        let _ = fs::remove_file(path);
        return;
    }
    let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    for entry in fs::read_dir(path).into_iter().flatten().flatten().take_while(|_| !is_over()) {
        remove_tree(&entry.path(), is_over);
    }
    let _ = fs::remove_dir(path);
}

/// Whether a name is `PREFIX`, a number, and `SUFFIX` after it.
pub(super) fn is_numbered(name: &str, prefix: &str, suffix: &str) -> bool {
    let number = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_and_nobodys_any_more_is_removed() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| dir.path().join(name);
        for name in [".ours-12-0", ".ours-13-0", ".ours-14-1", ".ours-x", "other"] {
            fs::create_dir(path(name)).expect("mkdir");
        }
        std::os::unix::fs::symlink(path("other"), path(".ours-15-0")).expect("symlink");
        fs::write(path(".ours-16-0"), "a file").expect("write");
        let living = File::open(path(".ours-13-0")).expect("open");
        living.try_lock().expect("a lock");
        let run = || {
            sweep(dir.path(), |name| is_numbered(name, ".ours-", ""), false, |path| fs::remove_dir(path).expect("empty"));
            let mut left: Vec<_> = fs::read_dir(dir.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
            left.sort();
            left
        };
        assert_eq!(run(), [".ours-13-0", ".ours-15-0", ".ours-16-0", ".ours-x", "other"]);
        drop(living);
        assert_eq!(run(), [".ours-15-0", ".ours-16-0", ".ours-x", "other"]);
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let dir = tempfile::tempdir().expect("temp dir");
        let name = |attempt: u32| dir.path().join(format!("ours-{attempt}"));
        fs::create_dir(name(0)).expect("mkdir");
        let Made { path, directory, uid } = make(name).expect("made");
        assert_eq!((&path, uid), (&name(1), nix::unistd::geteuid().as_raw()));
        assert!(matches!(lock_left(&path, false), Err(TryLockError::WouldBlock)), "it is locked");
        drop(directory);
        assert!(lock_left(&path, false).is_ok());
        assert_eq!(make(|_| name(0)).err(), Some(Errno::EEXIST));
        assert_eq!(make(|_| dir.path().join("none/ours")).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn what_another_sweeps_meanwhile_is_not_taken() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("ours");
        assert_eq!(lock_made(path.clone()).err(), Some(Errno::EEXIST), "it is gone");
        fs::create_dir(&path).expect("mkdir");
        let sweeping = lock_left(&path, false).expect("nobody's");
        assert_eq!(lock_made(path.clone()).err(), Some(Errno::EEXIST), "another removes it");
        drop(sweeping);
        assert!(path.exists() && lock_made(path).is_ok());
    }

    #[test]
    fn what_is_made_stays_while_others_sweep() {
        let dir = tempfile::tempdir().expect("temp dir");
        let is_over = std::sync::atomic::AtomicBool::new(false);
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        let lost = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(relaxed) {
                        sweep(dir.path(), |_| true, false, |path| drop(fs::remove_dir_all(path)));
                    }
                });
            }
            let keep = |_| {
                let made = make(|attempt| dir.path().join(attempt.to_string())).expect("a name");
                let inner = made.path.join("inner");
                let kept = fs::create_dir(&inner).is_ok() && (0..10).all(|_| inner.exists());
                let _ = fs::remove_dir_all(&made.path);
                kept
            };
            let lost = (0..300).map(keep).filter(|kept| !kept).count();
            is_over.store(true, relaxed);
            lost
        });
        assert_eq!(lost, 0, "of 300 directories");
    }

    #[test]
    fn a_tree_is_removed_as_far_as_time_goes() {
        let dir = tempfile::tempdir().expect("temp dir");
        for number in 0..100 {
            fs::write(dir.path().join(number.to_string()), "x").expect("write");
        }
        let looks = std::cell::Cell::new(0);
        remove_tree(dir.path(), &|| looks.replace(looks.get() + 1) > 50);
        let left = fs::read_dir(dir.path()).expect("readable").count();
        assert!((1..100).contains(&left), "{left} are left");
    }
}
