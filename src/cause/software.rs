//! Causes that lie in one version of the software on a node.

#[cfg(test)]
use super::example::Example;
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Level, Mark, Row};

pub(super) const ROWS: &[Row] = &[SNAPSHOTTER, DEFAULT, REGRESSION];

const SNAPSHOTTER: Row = Row {
    cause: Cause::SnapshotterBug,
    title: "a snapshotter does not keep what it was given",
    level: Level::Node,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/snapshotter-bug.md"),
    remedy: |_| {
        Remedy::new("run buildkitd with another snapshotter: --oci-worker-snapshotter=native works everywhere, and needs more space")
            .note("then look for a newer version of the snapshotter")
    },
    #[cfg(test)]
    example: Example::log(
        "failed to remove /home/user/.local/share/buildkit/runc-overlayfs/snapshots/snapshots/7/work: device or resource busy",
    ),
};

const DEFAULT: Row = Row {
    cause: Cause::RuntimeDefault,
    title: "this runtime's defaults stop a builder where another's do not",
    level: Level::Node,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/runtime-default.md"),
    remedy: |_| Remedy::new("use nodes whose containerRuntimeVersion is one with which builds work: kubectl get nodes -o wide shows both"),
    #[cfg(test)]
    example: Example::log("failed to update /proc/self/oom_score_adj: permission denied"),
};

const REGRESSION: Row = Row {
    cause: Cause::RuntimeRegression,
    title: "an update of the runtime or of the node's image broke what worked",
    level: Level::Node,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/runtime-regression.md"),
    remedy: |_| {
        Remedy::new("go back to the node image or the runtime's version with which builds worked, and report both versions to the vendor")
    },
    #[cfg(test)]
    example: Example::log(
        "OCI runtime exec failed: exec failed: unable to start container process: error executing setns process: exit status 1: unknown",
    ),
};
