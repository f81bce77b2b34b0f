//! Where BuildKit would keep its state.

use super::environment::{has_users_places, temporary};
use super::host::{CAPTURED, Host};
use super::mounts::{Mount, Mounts, from_mounts, mount_of};
use super::named::{BadPath, Named};
use crate::fact::{Fact, Process, StateDir, Why};
use crate::profile::{ROOTFUL_STATE, ROOTLESS_STATE};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the kubelet keeps the volumes of pods: a builder's emptyDir lies below it. Not its directory `pods`, in
/// which it takes whatever it finds for a pod and removes what is none.
const KUBELET: &str = "/var/lib/kubelet";

/// Finds the state dir and what it lies on. Touches it, which may hang.
pub(crate) fn gather(
    host: &Host,
    mounts: &Mounts,
    asked: Option<&Path>,
    process: &Process,
    under_rootlesskit: bool,
) -> Result<StateDir, BadPath> {
    let bare = process.on_bare_machine() == Some(true);
    if host.is_live() {
        let Found { path, is_stand_in } = find(asked, bare, under_rootlesskit)?;
        let (free_bytes, free_inodes) = free(&path);
        return Ok(StateDir { is_stand_in, free_bytes, free_inodes, ..on_mount(mounts, path.to_string_lossy().into_owned()) });
    }
    let usual = match process.uid.known() {
        _ if bare => KUBELET,
        Some(0) => ROOTFUL_STATE,
        _ => ROOTLESS_STATE,
    };
    let path = asked.map_or_else(|| usual.into(), |path| path.to_string_lossy().into_owned());
    let unread = || Fact::Denied(CAPTURED.into());
    Ok(StateDir { free_bytes: unread(), free_inodes: unread(), ..on_mount(mounts, path) })
}

/// A state dir that did not answer. One that was asked for has a name all the same, so that the probe can try it.
pub(crate) fn unanswered(asked: Option<&Path>, limit: Duration) -> StateDir {
    let why: Why = format!("the state dir or a directory on the PATH did not answer within {} s", limit.as_secs_f32()).into();
    StateDir {
        path: asked.map_or_else(|| Fact::Denied(why.clone()), |path| Fact::Known(path.to_string_lossy().into_owned())),
        is_stand_in: false,
        snapshotter: None,
        file_system: Fact::Denied(why.clone()),
        flags: Fact::Denied(why.clone()),
        free_bytes: Fact::Denied(why.clone()),
        free_inodes: Fact::Denied(why),
    }
}

fn on_mount(mounts: &Mounts, path: String) -> StateDir {
    let of_mount = |mounts: &[Mount]| match mount_of(mounts, &path) {
        Some(mount) => Fact::Known((mount.file_system.clone(), mount.flags)),
        None => Fact::Failed(format!("the mount table has no line for {path}").into()),
    };
    let mount = from_mounts(mounts, of_mount);
    StateDir {
        file_system: mount.clone().and_then(|mount| Ok(mount.0)),
        flags: mount.and_then(|mount| Ok(mount.1)),
        path: Fact::Known(path),
        is_stand_in: false,
        snapshotter: None,
        free_bytes: Fact::default(),
        free_inodes: Fact::default(),
    }
}

struct Found {
    path: PathBuf,
    is_stand_in: bool,
}

/// The directory that was asked for, which must exist; else the closest existing parent of the
/// one that a builder would make.
fn find(asked: Option<&Path>, bare: bool, under_rootlesskit: bool) -> Result<Found, BadPath> {
    if let Some(path) = asked {
        let bad = |why: &str| BadPath::wrong(Named::StateDir, path, why);
        let real = path.canonicalize().map_err(|error| BadPath::error(Named::StateDir, path, &error))?;
        return match real.to_str() {
            _ if !real.is_dir() => Err(bad("not a directory")),
            // It is told as JSON, and must be the same directory again.
            None => Err(bad("its name is not UTF-8")),
            Some(_) => Ok(Found { path: real, is_stand_in: false }),
        };
    }
    let root = nix::unistd::geteuid().is_root();
    let wanted = if bare && root { PathBuf::from(KUBELET) } else { wanted(under_rootlesskit) };
    let existing = wanted.ancestors().find_map(|path| path.canonicalize().ok().filter(|path| path.is_dir() && path.to_str().is_some()));
    let path = existing.unwrap_or_else(|| PathBuf::from("/"));
    // In a container this is where buildkitd would fail too; a bare machine's home says nothing about a pod's volume.
    if bare && access(&path, AccessFlags::W_OK).is_err() {
        return Ok(Found { path: temporary(), is_stand_in: true });
    }
    Ok(Found { path, is_stand_in: bare && !root })
}

/// Where a buildkitd in this place would make it.
pub(crate) fn wanted(under_rootlesskit: bool) -> PathBuf {
    // rootlesskit makes its user root, and then buildkitd goes by a variable.
    let is_roots = if under_rootlesskit { !has_users_places() } else { nix::unistd::geteuid().is_root() };
    if is_roots { ROOTFUL_STATE.into() } else { rootless_default() }
}

/// Where buildkitd keeps its state as an ordinary user (UserRoot in util/appdefaults).
fn rootless_default() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let directory = |name| std::path::absolute(set(name)?).ok();
    let data = directory("XDG_DATA_HOME").or_else(|| Some(directory("HOME")?.join(".local/share")));
    data.map_or_else(temporary, |data| data.join("buildkit"))
}

/// What an unprivileged user can still write, and how many inodes are left. One statvfs(3) on the one path that counts: sysinfo's
/// list of disks asks every mount of the table, leaves tmpfs out, and hangs with any mount that does.
fn free(path: &Path) -> (Fact<u64>, Fact<u64>) {
    match statvfs(path) {
        Ok(stat) => {
            let inodes = if stat.files() == 0 { Fact::Absent } else { Fact::Known(stat.files_available()) };
            (Fact::Known(stat.blocks_available() * stat.fragment_size()), inodes)
        }
        Err(errno) => {
            let why = Why::from(format!("statvfs {}: {}", path.display(), errno.desc()));
            (Fact::Failed(why.clone()), Fact::Failed(why))
        }
    }
}
