//! The shape of a builder's pod, and what is mounted in it.

use super::config::CONFIG_DIR;
use super::options::BuilderOptions;
use crate::fact::Builder;
use crate::profile::{Directory, Shape};
use minijinja::{Value, context};

/// Where the daemon's certificates are.
pub(in crate::render) const CERTIFICATES: &str = "/certs";

/// The directory of a claim where a rootless builder keeps its state. It can't be the claim's root: `fsGroup` gives that the setgid
/// bit, which each directory below inherits, down to those of the images that are built (measured: `drwxr-sr-x`).
pub(super) const SUB_PATH: &str = "buildkit";

/// Whether its image is the rootless one.
pub(super) fn is_rootless(options: &BuilderOptions) -> bool {
    options.profile.row().builder == Builder::Rootless
}

/// The group that a claim is given to, for a builder that is not root.
pub(super) fn fs_group(options: &BuilderOptions) -> Option<u32> {
    options.storage.claim().filter(|_| is_rootless(options)).map(|_| options.user.gid)
}

/// The shape of its pod: that of the profile, for the user of its image.
pub(super) fn shape(options: &BuilderOptions) -> Shape {
    let (shape, user) = (options.profile.shape().clone(), &options.user);
    let shape = options.localhost.of(Shape { read_only_root: options.read_only_root, ..shape });
    if !is_rootless(options) {
        return shape;
    }
    let directory = |path: String, storage| Directory { path: path.into(), storage };
    Shape {
        user: user.uid,
        group: user.gid,
        state: directory(format!("{}/.local/share/buildkit", user.home()), shape.state.storage),
        runtime: directory(format!("/run/user/{}/buildkit", user.uid), shape.runtime.storage),
        ..shape
    }
}

/// Places that are written beside the state: rootlesskit has its own state in TMPDIR, buildkitd its socket in the runtime dir, and
/// both use /tmp (measured with a read-only root). Root has no TMPDIR of its own.
fn written(options: &BuilderOptions) -> Vec<(&'static str, String)> {
    let user = &options.user;
    match is_rootless(options) {
        true => vec![
            ("runtime", format!("/run/user/{}", user.uid)),
            ("home-tmp", format!("{}/.local/tmp", user.home())),
            ("tmp", "/tmp".into()),
        ],
        false => vec![("runtime", "/run".into()), ("tmp", "/tmp".into())],
    }
}

/// The volumes that a read-only root needs.
pub(super) fn scratch(options: &BuilderOptions) -> Vec<&'static str> {
    let places = written(options).into_iter().map(|(name, _)| name);
    places.filter(|_| options.read_only_root).collect()
}

/// What is mounted in the container, and in the guard's: it judges the very places.
pub(super) fn mounts(options: &BuilderOptions, state: &str, has_sub_ids: bool) -> Vec<Value> {
    let mount = |name: &str, path: &str, sub_path: Option<&str>, read_only| context! { name, path, sub_path, read_only };
    let mut mounts = vec![mount("state", state, fs_group(options).map(|_| SUB_PATH), false)];
    let places = written(options).into_iter().filter(|_| options.read_only_root);
    mounts.extend(places.map(|(name, path)| mount(name, &path, None, false)));
    if !options.config.is_empty() {
        mounts.push(mount("config", CONFIG_DIR, None, true));
    }
    if options.tls.is_some() {
        mounts.push(mount("certificates", CERTIFICATES, None, true));
    }
    if has_sub_ids {
        mounts.extend(["subuid", "subgid"].map(|file| mount("sub-ids", &format!("/etc/{file}"), Some(file), false)));
    }
    mounts
}
