//! The image of all containers: one laid out like moby/buildkit:rootless, with this program and something to build.

#[path = "../support/image.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
pub(crate) use support::tool;

/// The image, made once for all tests.
pub(crate) static IMAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = PLACE.join("image");
    make(&root);
    root
});

/// Where images and containers lie: every user can enter it, as the root of a pod's user namespace must, which
/// the checkout's own directory need not allow.
pub(crate) static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = PathBuf::from(format!("/var/tmp/buildkit-preflight-tests-{}", std::process::id()));
    fs::create_dir(&place).expect("mkdir");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("chmod");
    // SAFETY: the function takes nothing, returns, and stays where it is.
    unsafe { libc::atexit(remove_place) };
    place
});

extern "C" fn remove_place() {
    let _ = fs::remove_dir_all(&*PLACE);
}

fn make(root: &Path) {
    support::builder(root);
    support::install(&support::binary(), root, "buildkit-preflight");
    support::give_capabilities(root);
    fs::create_dir(root.join("context")).expect("mkdir");
    let dockerfile = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\nRUN busybox id > /made\n";
    fs::write(root.join("context/Dockerfile"), dockerfile).expect("write");
    fs::copy("/bin/busybox", root.join("context/busybox")).expect("copy");
    fs::write(root.join("run.sh"), include_str!("run.sh")).expect("write");
}
