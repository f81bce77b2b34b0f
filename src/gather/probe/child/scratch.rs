use super::Task;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chown};
use std::path::{Path, PathBuf};

/// What a probe makes in its scratch directory, in the order in which it can be removed: overlayfs
/// makes a directory of its own in the work dir, with mode 0, which nobody but root can list.
const FILES: [&str; 1] = ["source/file"];
pub(super) const DIRECTORIES: [&str; 12] =
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
pub(super) fn make(task: &Task) -> nix::Result<PathBuf> {
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
