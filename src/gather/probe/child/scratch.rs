//! The directory that a probe makes in the state dir, and how it goes whatever happens.

use super::Task;
use super::tell::tell;
use crate::gather::probe::sys;
use crate::gather::probe::wire::Line;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Gid, Uid, fchdir, fchown, geteuid, mkdir};
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// What a probe makes in it, in the order in which it can be removed: overlayfs makes a directory of its
/// own in the work dir, with mode 0, which nobody but root can list.
pub(super) const FILE: &CStr = c"source/file";
pub(super) const DIRECTORIES: [&CStr; 12] = [
    c"work/work",
    c"work",
    c"lower1",
    c"lower2",
    c"upper",
    c"merged",
    c"source",
    c"bound",
    c"step/proc",
    c"step/dev",
    c"step/sys",
    c"step",
];

/// Removes what a probe left in the state dir; whether it is gone.
pub fn remove_scratch(path: &Path) -> bool {
    // As root nothing is removed by the name of a path in a directory of another user, who may have put a link there.
    if !geteuid().is_root() {
        let below = |name: &CStr| path.join(name.to_string_lossy().as_ref());
        let _ = std::fs::remove_file(below(FILE));
        for directory in DIRECTORIES {
            let _ = std::fs::remove_dir(below(directory));
        }
    }
    std::fs::remove_dir(path).is_ok() || std::fs::remove_dir_all(path).is_ok()
}

/// A directory of our own in the state dir, with the builder's user as its owner, and the current
/// directory from here on: so the way there need not be open to that user. A signal, the one for a
/// parent that died among them, removes it.
pub(super) fn make(task: &Task) -> nix::Result<PathBuf> {
    for attempt in 0..100 {
        let path = task.state_dir.join(format!(".buildkit-preflight-{}-{attempt}", std::process::id()));
        // Told before it is there: whoever ends this process must know what to remove.
        tell(&Line::Scratch(path.display().to_string()));
        sys::remove_on_signal(&path, FILE, &DIRECTORIES);
        match mkdir(&path, Mode::S_IRWXU) {
            Err(nix::errno::Errno::EEXIST) => continue,
            Err(errno) => return Err(errno),
            Ok(()) => {}
        }
        return enter(&path, task.become_uid).map(|()| path.clone()).inspect_err(|_| {
            let _ = std::fs::remove_dir(&path);
        });
    }
    Err(nix::errno::Errno::EEXIST)
}

/// Where others may write, the name may mean something else by now: only what was made is given away.
fn enter(path: &Path, owner: Option<u32>) -> nix::Result<()> {
    let directory = open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    if let Some(uid) = owner {
        if fstat(&directory)?.st_uid != geteuid().as_raw() {
            return Err(nix::errno::Errno::EPERM);
        }
        fchown(&directory, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    }
    fchdir(&directory)
}
