//! The image in which `check` and a real build are run one beside the other.

use super::image;
use super::people;
use std::fs;
use std::path::Path;

/// A builder's image with this program, something to build, and the script that runs both.
pub(crate) fn make(root: &Path, debian: &Path) {
    image::builder(root, debian);
    image::install(&image::binary(), root, "buildkit-preflight", debian);
    image::give_capabilities(root);
    people::make(root, debian);
    fs::write(root.join("container.sh"), include_str!("container.sh")).expect("write");
}
