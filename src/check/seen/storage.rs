//! What is seen of the state dir.

use crate::fact::{Errno, Snapshotter, StateDir, StepResult};
use std::fmt;

/// What is wrong with the state dir, or may be. Its path is told where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Seen {
    /// A write was refused.
    NotWritable {
        /// The directory.
        path: Option<String>,
        /// The error, where there was one.
        errno: Option<Errno>,
        /// Whose it is, where it is another user's.
        owner: Option<u32>,
    },
    /// A mount that takes no writes.
    ReadOnly {
        /// The directory.
        path: Option<String>,
    },
    /// Too little space for any build.
    NoSpace {
        /// The directory.
        path: Option<String>,
        /// Bytes.
        free: u64,
    },
    /// Too few inodes for any build.
    NoInodes {
        /// The directory.
        path: Option<String>,
        /// How many are free.
        free: u64,
    },
    /// Few inodes for a build.
    FewInodes {
        /// The directory.
        path: Option<String>,
        /// How many are free.
        free: u64,
    },
    /// It can be written, but something else that buildkitd does there does not work.
    NotUsable {
        /// The directory.
        path: Option<String>,
        /// What was tried.
        what: String,
        /// The error, where there was one.
        errno: Option<Errno>,
    },
    /// On a tmpfs BuildKit mounts overlayfs in a way that does not work in a user namespace.
    OnTmpfs,
    /// Little space for a build.
    LittleSpace {
        /// The directory.
        path: Option<String>,
        /// Bytes.
        free: u64,
    },
    /// It lies on an overlay, on which no other can be mounted; BuildKit takes this one.
    OnOverlay {
        /// The one that BuildKit takes.
        to: Snapshotter,
        /// The directory.
        path: Option<String>,
    },
    /// A faster snapshotter does not work.
    FallsBack {
        /// The one that BuildKit takes.
        to: Snapshotter,
        /// What the probe met with a faster one.
        since: Option<StepResult>,
    },
    /// fuse-overlayfs is asked for, and there is no device for it.
    NoFuse,
    /// SELinux refuses writes through overlayfs in a user namespace on this kernel.
    RefusedBySelinux,
    /// The native snapshotter on a mount with noexec.
    Noexec,
    /// The same, if it comes to the native snapshotter.
    NoexecIfNative,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NotWritable { path, errno, owner } => {
                write!(f, "{} can't be written: {}", dir(path), errno.map_or("refused", Errno::text))?;
                owner.map_or(Ok(()), |owner| write!(f, " (it belongs to user {owner})"))
            }
            Seen::ReadOnly { path } => write!(f, "{} is mounted read-only", dir(path)),
            Seen::NoSpace { path, free } => write!(f, "{} has {} KiB of free space left", dir(path), free >> 10),
            Seen::NoInodes { path, free } => {
                write!(f, "{} has {free} free inodes left, fewer than a build needs ({})", dir(path), StateDir::LEAST_INODES)
            }
            Seen::FewInodes { path, free } => write!(f, "{} has {free} free inodes left: an image has thousands of files", dir(path)),
            Seen::NotUsable { path, what, errno } => {
                write!(f, "buildkitd can't use {}: {what}: {}", dir(path), errno.map_or("refused", Errno::text))
            }
            Seen::OnTmpfs => f.write_str(
                "the state dir is on tmpfs, where BuildKit mounts overlayfs without userxattr, so it can't remove or rename directories of lower layers",
            ),
            Seen::LittleSpace { path, free } => write!(f, "{} has {} MiB of free space left", dir(path), free >> 20),
            Seen::OnOverlay { to, path } => {
                write!(f, "BuildKit falls back to {to}, since {} is on an overlay file system: mount a volume there", dir(path))
            }
            Seen::FallsBack { to, since: None } => write!(f, "BuildKit falls back to {to}"),
            Seen::FallsBack { to, since: Some(step) } => write!(f, "BuildKit falls back to {to}: {step}"),
            Seen::NoFuse => f.write_str("buildkitd is told to use fuse-overlayfs, and /dev/fuse can't be opened here"),
            Seen::RefusedBySelinux => {
                f.write_str("SELinux enforces, and on this kernel it refuses writes through overlayfs in a user namespace")
            }
            Seen::Noexec => f.write_str("the state dir is mounted noexec, but the native snapshotter runs programs from there"),
            Seen::NoexecIfNative => {
                f.write_str("the state dir is mounted noexec, which stops the native snapshotter alone; which snapshotter BuildKit will choose is not known")
            }
        }
    }
}

fn dir(path: &Option<String>) -> &str {
    path.as_deref().unwrap_or("the state dir")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;
    use crate::fact::{Step, StepOutcome};

    #[test]
    fn each_has_its_text() {
        let path = || Some("/state".to_owned());
        let (outcome, errno) = (StepOutcome::FellBack, Some(Errno::EPERM));
        let step = StepResult { step: Step::Overlay, outcome, errno, detail: None, filtered: None, micros: 0 };
        let falls_back = format!("BuildKit falls back to fuse-overlayfs: {step}");
        texts(&[
            (
                Seen::NotWritable { path: path(), errno: Some(Errno::EROFS), owner: Some(0) },
                "/state can't be written: Read-only file system (it belongs to user 0)",
            ),
            (Seen::NotWritable { path: None, errno: None, owner: None }, "the state dir can't be written: refused"),
            (Seen::ReadOnly { path: path() }, "/state is mounted read-only"),
            (Seen::NoSpace { path: path(), free: 5 << 20 }, "/state has 5120 KiB of free space left"),
            (Seen::NoInodes { path: path(), free: 3 }, "/state has 3 free inodes left, fewer than a build needs (72)"),
            (Seen::FewInodes { path: path(), free: 300 }, "/state has 300 free inodes left: an image has thousands of files"),
            (
                Seen::NotUsable { path: path(), what: "flock".into(), errno: Some(Errno(37)) },
                "buildkitd can't use /state: flock: No locks available",
            ),
            (
                Seen::OnTmpfs,
                "the state dir is on tmpfs, where BuildKit mounts overlayfs without userxattr, so it can't remove or rename directories of lower layers",
            ),
            (Seen::LittleSpace { path: path(), free: 500 << 20 }, "/state has 500 MiB of free space left"),
            (
                Seen::OnOverlay { to: Snapshotter::Native, path: path() },
                "BuildKit falls back to native, since /state is on an overlay file system: mount a volume there",
            ),
            (
                Seen::OnOverlay { to: Snapshotter::Native, path: None },
                "BuildKit falls back to native, since the state dir is on an overlay file system: mount a volume there",
            ),
            (Seen::NoFuse, "buildkitd is told to use fuse-overlayfs, and /dev/fuse can't be opened here"),
            (Seen::RefusedBySelinux, "SELinux enforces, and on this kernel it refuses writes through overlayfs in a user namespace"),
            (Seen::FallsBack { to: Snapshotter::Native, since: None }, "BuildKit falls back to native"),
            (Seen::FallsBack { to: Snapshotter::FuseOverlayfs, since: Some(step) }, &falls_back),
            (Seen::Noexec, "the state dir is mounted noexec, but the native snapshotter runs programs from there"),
            (
                Seen::NoexecIfNative,
                "the state dir is mounted noexec, which stops the native snapshotter alone; which snapshotter BuildKit will choose is not known",
            ),
        ]);
    }
}
