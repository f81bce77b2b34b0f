//! The directories that a builder writes to, beside that of its state.

use super::finding::{Finding, one};
use crate::cause::Cause;
use crate::fact::Directory;
use crate::pod::edit::Edit;
use crate::pod::view::{Storage, View};
use serde_json::Value;

pub(super) fn read_only_root(view: &View) -> Vec<Finding> {
    let is_read_only = view.container()["securityContext"]["readOnlyRootFilesystem"] == true;
    let mut places = view.written();
    places.push(view.state_dir());
    let bare: Vec<_> = places.into_iter().filter(|path| matches!(view.storage(path), Storage::Root)).collect();
    if !is_read_only || bare.is_empty() {
        return vec![];
    }
    let list = bare.join(", ");
    let why = format!("the root is read-only, and a builder writes to {list}, where no volume lies");
    let finding = Finding::stops(Cause::ReadOnlyRoot, view.path("securityContext.readOnlyRootFilesystem"), why);
    vec![finding.fix(format!("mount an emptyDir on each of {list}")).edits(bare.into_iter().map(|path| Edit::EmptyDir(view.number, path)))]
}

/// Variables that lead a builder to places that can't be used.
pub(super) fn variables(view: &View) -> Vec<Finding> {
    let number = |name: &str| view.container()["env"].as_array().into_iter().flatten().position(|variable| variable["name"] == name);
    let field = |name: &str| number(name).map_or_else(|| view.path("env"), |number| view.path(&format!("env[{number}].value")));
    let relative = view.variable("TMPDIR").filter(|path| !path.starts_with('/') && !view.is_root());
    let temporary = relative.map(|path| {
        let why = format!("TMPDIR is {path}: rootlesskit takes absolute paths only");
        Finding::stops(Cause::TempDir, field("TMPDIR"), why).fix("set TMPDIR to an absolute path, or remove it")
    });
    let long =
        view.variable("XDG_RUNTIME_DIR").filter(|path| !view.is_root() && Directory::is_too_long_for_sockets(&format!("{path}/buildkit")));
    let runtime = long.map(|path| {
        let why = format!("XDG_RUNTIME_DIR has {} characters: a socket's path below it would be longer than buildkitd takes", path.len());
        Finding::stops(Cause::RuntimeDir, field("XDG_RUNTIME_DIR"), why)
            .fix("set XDG_RUNTIME_DIR to a shorter path, such as /run/user/1000")
    });
    let read_only = view.written().into_iter().find_map(|path| match view.storage(&path) {
        Storage::Volume(_, volume, mount) => {
            let is_fixed = ["configMap", "secret", "downwardAPI", "projected", "image"].iter().any(|kind| !volume[*kind].is_null());
            let is_read_only = view.container()["volumeMounts"][mount]["readOnly"] == true || is_fixed;
            is_read_only.then_some((path, mount))
        }
        _ => None,
    });
    let places = read_only.map(|(path, mount)| {
        let cause = if view.written().first() == Some(&path) || path == "/tmp" { Cause::TempDir } else { Cause::RuntimeDir };
        let why = format!("a builder writes to {path}, and the volume there is read-only");
        let edit = Edit::Container(view.number, &["volumeMounts"], without(view, mount));
        Finding::stops(cause, view.path(&format!("volumeMounts[{mount}]")), why)
            .fix(format!("mount an emptyDir on {path}"))
            .edits([edit, Edit::EmptyDir(view.number, path)])
    });
    [temporary, runtime, places].into_iter().flat_map(one).collect()
}

fn without(view: &View, mount: usize) -> Value {
    view.mounts().filter(|(number, _)| *number != mount).map(|(_, mount)| mount.clone()).collect()
}
