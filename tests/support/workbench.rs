//! The image in which `check` and a real build are run one beside the other.

use super::image;
use std::fs;
use std::path::Path;

/// A builder's image with this program, something to build, and the script that runs both.
pub(crate) fn make(root: &Path, debian: &Path) {
    image::builder(root, debian);
    image::install(&image::binary(), root, "buildkit-preflight", debian);
    image::give_capabilities(root);
    fs::create_dir(root.join("context")).expect("mkdir");
    let dockerfile = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\nRUN busybox id > /made\n";
    fs::write(root.join("context/Dockerfile"), dockerfile).expect("write");
    fs::copy(root.join("bin/busybox"), root.join("context/busybox")).expect("copy");
    fs::write(root.join("container.sh"), include_str!("container.sh")).expect("write");
}
