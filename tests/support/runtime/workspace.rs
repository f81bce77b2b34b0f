//! The mounts and directories of one pod.

use super::image::PLACE;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Mounts and directories of one pod, undone in reverse order.
pub(crate) struct Workspace {
    pub(crate) dir: PathBuf,
    pub(crate) mounts: Vec<PathBuf>,
}

impl Workspace {
    pub(crate) fn new() -> (Self, String) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("preflight-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = PLACE.join(&id);
        fs::create_dir_all(&dir).expect("mkdir");
        (Workspace { dir, mounts: Vec::new() }, id)
    }

    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).expect("mkdir");
        path
    }

    pub(crate) fn mount(&mut self, arguments: &[&str], target: &Path) {
        let done = Command::new("mount").args(arguments).arg(target).status().expect("mount");
        assert!(done.success(), "mount {arguments:?} {}", target.display());
        self.mounts.push(target.to_path_buf());
    }

    /// An overlay over `lower` at `name`.
    pub(crate) fn overlay(&mut self, name: &str, lower: &Path, owner: u32) -> PathBuf {
        let target = self.directory(name);
        let (upper, work) = (self.directory(&format!("{name}-upper")), self.directory(&format!("{name}-work")));
        for dir in [&upper, &work] {
            std::os::unix::fs::chown(dir, Some(owner), Some(owner)).expect("chown");
        }
        let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
        self.mount(&["-t", "overlay", "overlay", "-o", &options], &target);
        target
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        for mount in self.mounts.iter().rev() {
            let done = Command::new("umount").arg("-l").arg(mount).status();
            assert!(done.is_ok_and(|done| done.success()) || std::thread::panicking(), "umount {}", mount.display());
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
