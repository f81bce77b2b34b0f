//! What a run left that was killed, for the next one to remove.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// So many names of a directory are looked at; others may keep any number of files there.
const MOST: usize = 10_000;

/// Removes what lies in a directory by a name of ours and is locked by nobody: its maker holds a lock (flock(2)) for as long as it
/// lives, in whatever container. `lock` is the file in it that is locked, or nothing for itself. Of another user's things only root
/// removes any, and only with `of_others`.
pub(super) fn sweep(directory: &Path, is_ours: impl Fn(&str) -> bool, lock: &str, of_others: bool, remove: impl Fn(&Path)) {
    let own = nix::unistd::geteuid().as_raw();
    for entry in fs::read_dir(directory).into_iter().flatten().take(MOST).flatten() {
        if !entry.file_name().to_str().is_some_and(&is_ours) {
            continue;
        }
        let path = entry.path();
        let is_removable = |meta: fs::Metadata| meta.is_dir() && (meta.uid() == own || of_others && own == 0);
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = File::options().read(true).custom_flags(flags).open(if lock.is_empty() { path.clone() } else { path.join(lock) });
        if let Ok(file) = file
            && fs::symlink_metadata(&path).is_ok_and(is_removable)
            && file.try_lock().is_ok()
        {
            remove(&path);
        }
    }
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
            sweep(dir.path(), |name| is_numbered(name, ".ours-", ""), "", false, |path| fs::remove_dir(path).expect("empty"));
            let mut left: Vec<_> = fs::read_dir(dir.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
            left.sort();
            left
        };
        assert_eq!(run(), [".ours-13-0", ".ours-15-0", ".ours-16-0", ".ours-x", "other"]);
        drop(living);
        assert_eq!(run(), [".ours-15-0", ".ours-16-0", ".ours-x", "other"]);
    }
}
