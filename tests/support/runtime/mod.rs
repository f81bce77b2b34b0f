//! Containers on this machine, made by runc.
//!
//! Included by path, and not a part of `support`: most tests have guests or clusters instead.

pub(crate) mod idmap;
pub(crate) mod image;
pub(crate) mod workspace;

use crate::support::image::tool;
use crate::support::oci::FIRST_ID;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use workspace::Workspace;

/// The machine's IDs that a container's user namespace has: the first one, and how many.
pub(crate) type Ids = (u32, u32);

/// The IDs of a pod whose user namespace has so many.
pub(crate) fn pods(ids: u32) -> Ids {
    (FIRST_ID, ids)
}

/// The root of a container: the image below a layer of its own. `ids`: those of its user namespace.
pub(crate) fn root(space: &mut Workspace, ids: Option<Ids>) -> PathBuf {
    let lower = match ids {
        None => image::IMAGE.clone(),
        Some((first, number)) => {
            let lower = space.directory("image");
            idmap::mount_by(&image::IMAGE, &lower, &format!("0 {first} {number}")).expect("an idmapped mount of the image");
            space.mounts.push(lower.clone());
            lower
        }
    };
    space.overlay("rootfs", &lower, owner(ids))
}

/// To whom a container's root belongs, as the host sees it.
pub(crate) fn owner(ids: Option<Ids>) -> u32 {
    ids.map_or(0, |(first, _)| first)
}

/// How long a container may take, in seconds: some volumes make a build hang.
const LIMIT: &str = "120";

/// Runs a container to its end; gives all that it printed. `by`: the words of a command that runs runc in another place.
pub(crate) fn run(space: &Workspace, id: &str, bundle: &Path, config: &Value, by: &[String]) -> String {
    fs::write(bundle.join("config.json"), config.to_string()).expect("write");
    let runc = |before: &[&str], arguments: &[&str]| {
        // A file: processes that are left would keep a pipe open.
        let log = File::options().create(true).append(true).open(bundle.join("log")).expect("a log");
        let mut command = Command::new("timeout");
        command.args(before).args(by).arg(tool("runc")).arg("--root").arg(space.dir.join("runc")).args(arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log).status().expect("runc")
    };
    runc(&["-k", "5", LIMIT], &["run", "--bundle", bundle.to_str().expect("UTF-8"), id]);
    let text = fs::read(bundle.join("log")).expect("a log");
    runc(&["-k", "5", "30"], &["delete", "--force", id]);
    String::from_utf8_lossy(&text).into_owned()
}
