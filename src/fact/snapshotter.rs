use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How BuildKit would keep its layers, the fastest first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Snapshotter {
    /// The kernel's overlay file system.
    Overlayfs,
    /// The same in user space.
    FuseOverlayfs,
    /// A copy of the whole tree for each layer.
    Native,
}

impl Snapshotter {
    /// All of them, the fastest first.
    pub const ALL: &'static [Snapshotter] = <Snapshotter as strum::VariantArray>::VARIANTS;

    /// What buildkitd's `--oci-worker-snapshotter` calls it.
    pub fn id(self) -> &'static str {
        self.into()
    }
}
