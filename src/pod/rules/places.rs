//! The directories that a builder writes to, beside that of its state.

use super::finding::{Finding, one};
use crate::cause::Cause;
use crate::fact::Directory;
use crate::pod::edit::Edit;
use crate::pod::image::Variant;
use crate::pod::start::{Start, flag};
use crate::pod::view::{Storage, View};
use crate::profile::{BUILDER_UID, ROOTLESS_STATE, ROOTLESS_TEMPORARY};
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
    let relative = view.variable("TMPDIR").filter(|path| !path.starts_with('/') && !view.is_root());
    let temporary = relative.map(|path| {
        let why = format!("TMPDIR is {path}: rootlesskit takes absolute paths only");
        Finding::stops(Cause::TempDir, variable_field(view, "TMPDIR"), why).fix("set TMPDIR to an absolute path, or remove it")
    });
    let long =
        view.variable("XDG_RUNTIME_DIR").filter(|path| !view.is_root() && Directory::is_too_long_for_sockets(&format!("{path}/buildkit")));
    let runtime = long.map(|path| {
        let why = format!("XDG_RUNTIME_DIR has {} characters: a socket's path below it would be longer than buildkitd takes", path.len());
        Finding::stops(Cause::RuntimeDir, variable_field(view, "XDG_RUNTIME_DIR"), why)
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

/// What belongs to the user of the rootless image, or to everybody.
const OWN: [&str; 4] = ["/home/user", "/run/user/1000", "/tmp", "/dev/shm"];
/// Directories that are there in it: rootlesskit makes none for what is temporary.
const THERE: [&str; 6] = ["/home/user", ROOTLESS_TEMPORARY, ROOTLESS_STATE, "/run/user/1000", "/tmp", "/dev/shm"];

/// Places of the container's root where the image's user may make nothing, or that are not there.
pub(super) fn elsewhere(view: &View) -> Vec<Finding> {
    let is_builder = view.variant == Variant::Rootless && view.user() == Some(BUILDER_UID.into());
    let is_read_only = view.container()["securityContext"]["readOnlyRootFilesystem"] == true;
    if !is_builder || is_read_only || view.words.iter().any(|word| word == "mkdir" || word == "install") {
        return vec![];
    }
    let is_on_root = |path: &str| matches!(view.storage(path), Storage::Root);
    let is_own = |path: &str| OWN.iter().any(|own| path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let is_foreign = |path: &str| path.starts_with('/') && is_on_root(path) && !is_own(path);
    let state = view.state_dir();
    let state_field = || match (flag(&view.words, "--root"), view.variable("XDG_DATA_HOME")) {
        (Some(_), _) => flag_field(view, "--root"),
        (None, Some(_)) => variable_field(view, "XDG_DATA_HOME"),
        (None, None) => variable_field(view, "HOME"),
    };
    let state = is_foreign(&state).then(|| foreign(view, Cause::StateDir, state_field(), "keeps its state in", &state));
    let runtime = view.variable("XDG_RUNTIME_DIR").filter(|path| is_foreign(path));
    let runtime = runtime.map(|path| foreign(view, Cause::RuntimeDir, variable_field(view, "XDG_RUNTIME_DIR"), "has its socket in", path));
    let is_daemon = !matches!(view.start, Start::Daemonless | Start::Later);
    let sockets = view.words.iter().filter_map(|word| word.trim_start_matches("--addr=").strip_prefix("unix://"));
    let socket = sockets.filter_map(|path| Some(path.rsplit_once('/')?.0)).find(|path| is_daemon && is_foreign(path));
    let socket = socket.map(|path| foreign(view, Cause::RuntimeDir, flag_field(view, "--addr"), "makes a socket in", path));
    let is_missing = |path: &&str| path.starts_with('/') && is_on_root(path) && !THERE.contains(&path.trim_end_matches('/'));
    let temporary = view.variable("TMPDIR").filter(is_missing).map(|path| {
        let why = format!("TMPDIR is {path}: the image has no such directory, and rootlesskit ends without it");
        Finding::stops(Cause::TempDir, variable_field(view, "TMPDIR"), why)
            .fix(format!("mount an emptyDir on {path}, or remove TMPDIR"))
            .edits([Edit::EmptyDir(view.number, path.to_owned())])
    });
    [temporary, state, runtime, socket].into_iter().flat_map(one).collect()
}

fn foreign(view: &View, cause: Cause, field: String, does: &str, path: &str) -> Finding {
    let why = format!("buildkitd {does} {path}, where the image's user {BUILDER_UID} may write nothing, and no volume lies");
    Finding::stops(cause, field, why)
        .fix(format!("mount an emptyDir on {path}, or leave it where the image has it"))
        .edits([Edit::EmptyDir(view.number, path.to_owned())])
}

/// Where a variable stands.
fn variable_field(view: &View, name: &str) -> String {
    let number = view.container()["env"].as_array().into_iter().flatten().position(|variable| variable["name"] == name);
    number.map_or_else(|| view.path("env"), |number| view.path(&format!("env[{number}].value")))
}

/// Where a flag of buildkitd stands.
fn flag_field(view: &View, name: &str) -> String {
    let has = |field: &str| {
        view.container()[field].as_array().into_iter().flatten().any(|word| word.as_str().is_some_and(|word| word.contains(name)))
    };
    match ["args", "command"].into_iter().find(|field| has(field)) {
        Some(field) => view.path(field),
        None => variable_field(view, "BUILDKITD_FLAGS"),
    }
}

fn without(view: &View, mount: usize) -> Value {
    view.mounts().filter(|(number, _)| *number != mount).map(|(_, mount)| mount.clone()).collect()
}
