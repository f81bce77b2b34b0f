use super::Fact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The programs of a builder's image, by the path where the PATH leads to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tools {
    /// rootlesskit, or this program in its place.
    #[serde(default)]
    pub rootlesskit: Fact<String>,
    /// buildkitd: this is a builder's own image.
    #[serde(default)]
    pub buildkitd: Fact<String>,
    /// buildctl, which asks buildkitd for builds.
    #[serde(default)]
    pub buildctl: Fact<String>,
    /// fuse-overlayfs.
    #[serde(default)]
    pub fuse_overlayfs: Fact<String>,
    /// mount.fuse3, through which BuildKit starts fuse-overlayfs.
    #[serde(default, rename = "mount.fuse3")]
    pub mount_fuse3: Fact<String>,
}
