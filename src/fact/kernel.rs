//! Since which kernel a thing works that builders depend on.

use super::Release;
use std::fmt;

/// The first kernel that can do something, by the two numbers that kernels of vendors keep too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since(u32, u32);

/// fuse in user namespaces, and so fuse-overlayfs (FS_USERNS_MOUNT in fs/fuse/inode.c).
pub const FUSE_IN_USERNS: Since = Since(4, 18);

/// overlayfs in user namespaces (FS_USERNS_MOUNT in fs/overlayfs/super.c, commit 459c7c565ac3). Some systems' own kernels
/// could earlier: [`super::Distro::overlay_in_userns`].
pub const OVERLAY_IN_USERNS: Since = Since(5, 11);

/// Writes through such an overlay where SELinux enforces (moby's check of overlay2 in a user namespace).
pub const OVERLAY_WITH_SELINUX: Since = Since(5, 13);

/// Mounts with mapped IDs (MOUNT_ATTR_IDMAP, mount_setattr(2)), which volumes of a pod with `hostUsers: false` need (KEP-127).
pub const IDMAPPED_MOUNTS: Since = Since(5, 12);

/// The same of a tmpfs (FS_ALLOW_IDMAP in mm/shmem.c; KEP-127): a service account token and a Secret are such volumes.
pub const IDMAPPED_TMPFS: Since = Since(6, 3);

impl Release {
    /// Whether this kernel can what that one was the first to do.
    pub fn can(&self, since: Since) -> bool {
        self.version() >= (since.0, since.1)
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_kernel_counts() {
        let can = |text: &str| Release::try_from(text.to_owned()).map(|release| release.can(OVERLAY_IN_USERNS));
        assert_eq!((can("5.10.0-33-amd64"), can("5.11.0-rc1"), can("6.1.0")), (Ok(false), Ok(true), Ok(true)));
        assert_eq!(OVERLAY_IN_USERNS.to_string(), "5.11");
    }
}
