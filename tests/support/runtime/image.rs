//! The image of all containers: one laid out like moby/buildkit:rootless, with this program and something to build.

use crate::support::workbench;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The image, made once for all tests.
pub(crate) static IMAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = PLACE.join("image");
    workbench::make(&root, Path::new("/"));
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
