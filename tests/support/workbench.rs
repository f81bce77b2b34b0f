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
    let dockerfile = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\nCOPY tree /tree\nRUN set -e; busybox mkdir /app; busybox chown 1:1 /app; busybox rm -rf /tree/a; busybox mkdir /tree/a; busybox mv /tree/b /tree/c; busybox mv /tree/d/f /tree/d/g; busybox chown -R 1:1 /tree/c; busybox chown 65535:65535 /tree/d; busybox id > /made\n";
    fs::write(root.join("context/Dockerfile"), dockerfile).expect("write");
    for dir in ["a", "b", "d"] {
        fs::create_dir_all(root.join("context/tree").join(dir)).expect("mkdir");
        fs::write(root.join("context/tree").join(dir).join("f"), "f").expect("write");
    }
    fs::copy(root.join("bin/busybox"), root.join("context/busybox")).expect("copy");
    fs::write(root.join("container.sh"), include_str!("container.sh")).expect("write");
}
