use super::{Fact, Snapshotter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The directory where BuildKit would keep its state, and what it lies on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateDir {
    /// The directory that was looked at: the state dir itself or, where it does not exist
    /// yet, the closest parent that does.
    #[serde(default)]
    pub path: Fact<String>,
    /// Whether it merely stands in for the volume of a pod: a bare machine's home or temporary directory.
    #[serde(default)]
    pub is_stand_in: bool,
    /// The snapshotter that buildkitd is told to use there, where it does not choose one itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshotter: Option<Snapshotter>,
    /// Type of its file system, as in /proc/filesystems.
    #[serde(default)]
    pub file_system: Fact<String>,
    /// Flags of its mount.
    #[serde(default)]
    pub flags: Fact<MountFlags>,
    /// Bytes that an unprivileged user can still write there, also by the user's quota.
    #[serde(default)]
    pub free_bytes: Fact<u64>,
    /// Inodes that are free there, also by the user's quota: how many files, directories and links can still be made. Absent where the
    /// file system makes them as they are needed.
    #[serde(default)]
    pub free_inodes: Fact<u64>,
}

/// The flags of a mount that can matter to a build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MountFlags {
    /// Nothing can be written.
    pub read_only: bool,
    /// setuid bits and file capabilities do not count.
    pub nosuid: bool,
    /// Device files can't be opened.
    pub nodev: bool,
    /// Programs can't be run.
    pub noexec: bool,
}

impl StateDir {
    /// Bytes without which no build of any use ends: buildkitd's databases and an image of busybox alone. Measured on ext4
    /// and tmpfs: with 8 MiB that build fails, with 10 MiB it works.
    pub const LEAST: u64 = 9 << 20;

    /// Inodes without which no build of any use ends. Measured on tmpfs with two COPY and one RUN: with 71 that build fails, with 72
    /// it works.
    pub const LEAST_INODES: u64 = 72;
}
