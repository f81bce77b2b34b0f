//! Volumes that a script serves.

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A mount namespace of our own, in which everybody may open /dev/fuse, as the servers of volumes do: they are no root.
pub(crate) fn open_to_all() {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).expect("private mounts");
    let node = crate::runtime::image::PLACE.join("fuse");
    mknod(&node, SFlag::S_IFCHR, Mode::empty(), makedev(10, 229)).expect("a device node");
    fs::set_permissions(&node, fs::Permissions::from_mode(0o666)).expect("chmod");
    mount(Some(&node), "/dev/fuse", None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("the node over /dev/fuse");
}

/// A server of a volume; it ends with this.
pub(crate) struct Server {
    child: Child,
    point: PathBuf,
}

/// How long one may take to mount, and to end once it is unmounted.
const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    /// Starts one, and waits until it has mounted.
    pub(crate) fn start(script: &Path, backing: &Path, point: &Path) -> Self {
        let command = Command::new("/bin/sh").arg(script).arg(backing).arg(point).stdin(Stdio::null()).spawn();
        let mut server = Server { child: command.expect("a server"), point: point.to_owned() };
        let end = Instant::now() + PATIENCE;
        let words = format!(" {} ", point.display());
        while !fs::read_to_string("/proc/self/mountinfo").expect("mounts").contains(&words) {
            assert!(server.child.try_wait().expect("wait").is_none(), "{} ended", script.display());
            assert!(Instant::now() < end, "{} did not mount", script.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.point).stderr(Stdio::null()).status();
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
