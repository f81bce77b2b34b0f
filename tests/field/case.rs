//! case.json: a container with a builder.

use crate::expect::Expect;
use crate::support::oci::CAPABILITIES;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(default = "users")]
    pub(crate) uid: u32,
    /// The user's number, where it does not say.
    pub(crate) gid: Option<u32>,
    /// The size of the pod's user namespace; none for the host's.
    pub(crate) ids: Option<u32>,
    /// All capabilities of the container, by names such as `CAP_SETUID`; none for the runtime's own.
    pub(crate) caps: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) no_new_privs: bool,
    /// `readOnlyRootFilesystem: true`.
    #[serde(default)]
    pub(crate) readonly: bool,
    #[serde(default = "yes")]
    pub(crate) masked: bool,
    /// Variables other than the image's; null for one that is not set.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Option<String>>,
    /// Files other than the image's; executable where they begin with `#!`.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) mounts: Vec<Mount>,
    /// So many keyrings the user has already.
    #[serde(default)]
    pub(crate) hold_keys: u32,
    pub(crate) dockerfile: Option<String>,
    /// More arguments of `check`.
    #[serde(default)]
    pub(crate) check: Vec<String>,
    /// What is so, for people.
    #[serde(default, rename = "truth")]
    _truth: String,
    #[serde(default)]
    pub(crate) expect: Expect,
    /// Where scripts lie that the case names.
    #[serde(skip)]
    pub(crate) dir: PathBuf,
}

/// One volume.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    pub(crate) at: String,
    /// In memory; none for a directory of the node's.
    pub(crate) kind: Option<MountKind>,
    /// Those of a volume in memory.
    pub(crate) options: Option<String>,
    #[serde(default)]
    pub(crate) uid: u32,
    #[serde(default)]
    pub(crate) gid: u32,
    pub(crate) mode: Option<String>,
    /// A script that serves it: it is told a directory for itself and the mount point, and ends when that is unmounted.
    pub(crate) server: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MountKind {
    Tmpfs,
}

fn users() -> u32 {
    buildkit_preflight::profile::BUILDER_UID
}

fn yes() -> bool {
    true
}

pub(crate) fn read(dir: &Path, text: &str) -> Result<Case, String> {
    let case: Case = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for mount in &case.mounts {
        if mount.kind.is_some() && mount.options.is_none() {
            return Err(format!("the volume at {} is in memory, and has no options", mount.at));
        }
        if let Some(mode) = mount.mode.as_ref().filter(|mode| u32::from_str_radix(mode, 8).is_err()) {
            return Err(format!("mode {mode}: not octal"));
        }
        if let Some(server) = mount.server.as_ref().filter(|server| !dir.join(server).is_file()) {
            return Err(format!("no server {server}"));
        }
    }
    let known = |name: &&String| name.strip_prefix("CAP_").is_some_and(|name| CAPABILITIES.contains(&name));
    if let Some(name) = case.caps.iter().flatten().find(|name| !known(name)) {
        return Err(format!("{name} is no capability"));
    }
    if let Some(path) = case.files.keys().find(|path| !path.starts_with('/')) {
        return Err(format!("{path}: not an absolute path"));
    }
    Ok(Case { dir: dir.to_owned(), ..case })
}
