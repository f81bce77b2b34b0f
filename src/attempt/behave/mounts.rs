//! `RUN --mount`: the second layer has them, as the trial's Dockerfile says.

use super::Action;
use super::did::{Done, did, nothing};
use std::fs;
use std::path::Path;

pub(super) const ACTIONS: &[Action] = &[
    Action { id: "mount-cache", first: nothing, second: |at| written(at, "cache"), third: nothing },
    Action {
        id: "mount-bind",
        first: nothing,
        second: |at| did("read a file of the context", fs::read(at.join("../../mounted/bind/file")).map(drop)),
        third: nothing,
    },
    Action { id: "mount-tmpfs", first: nothing, second: |at| written(at, "tmpfs"), third: nothing },
    Action {
        id: "mount-secret",
        first: nothing,
        second: |at| did("read a secret", fs::read(at.join("../../mounted/secret")).map(drop)),
        third: nothing,
    },
];

fn written(at: &Path, name: &str) -> Done {
    did("write to a mount", fs::write(at.join("../../mounted").join(name).join("file"), "x"))
}
