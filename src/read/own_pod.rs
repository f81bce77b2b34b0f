//! The pod that a builder runs in: its user, and the directories that it writes to.

use super::environment::{TMP, absolute, relative_temp_dir, runtime_dir, temporary, user};
use super::host::Host;
use super::mounts::{Mounts, mount_of};
use crate::fact::{Directory, Errno, Fact, OwnPod, UserEntry};
use nix::unistd::{AccessFlags, access, getegid};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Looks at the pod of this very process.
pub(crate) fn own_pod(host: &Host, mounts: &Mounts, uid: &Fact<u32>, state_dir: &Path) -> OwnPod {
    OwnPod {
        group: Fact::Known(getegid().as_raw()),
        user_entry: uid.then(|uid| host.read_below("/etc/passwd", "/etc").then(|passwd| user_entry(passwd, *uid))),
        user: user(),
        home: match absolute("HOME") {
            Some(home) => directory(mounts, &home, Missing::IsMade),
            None => Fact::Absent,
        },
        temp_dir: temp_dir(mounts),
        tmp: directory(mounts, Path::new(TMP), Missing::Fails),
        runtime_dir: directory(mounts, &runtime_dir(), Missing::IsMade),
        state_dir: directory(mounts, state_dir, Missing::IsMade),
    }
}

/// Where temporary files are made. rootlesskit's state directory lies there, and its path must be absolute.
fn temp_dir(mounts: &Mounts) -> Fact<Directory> {
    let here = directory(mounts, &temporary(), Missing::Fails);
    match relative_temp_dir() {
        Some(path) => here.then(|here| Fact::Known(Directory { path, parent: None, refused: Some(Errno::EINVAL), ..here.clone() })),
        None => here,
    }
}

/// The line of a user.
fn user_entry(passwd: &str, uid: u32) -> Fact<UserEntry> {
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let Some(line) = lines.find(|line| line.get(2).is_some_and(|id| id.parse() == Ok(uid))) else { return Fact::Absent };
    match line.get(3).and_then(|group| group.parse().ok()) {
        Some(group) => {
            let home = line.get(5).filter(|home| !home.is_empty()).map(|home| (*home).to_owned());
            Fact::Known(UserEntry { name: line[0].to_owned(), group, home })
        }
        None => Fact::Failed(format!("/etc/passwd has no group for user {uid}").into()),
    }
}

/// What becomes of a directory that is missing.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// Who needs it makes it, and all that lies above.
    IsMade,
    /// Who needs it fails.
    Fails,
}

fn directory(mounts: &Mounts, path: &Path, missing: Missing) -> Fact<Directory> {
    let Some((there, meta)) = path.ancestors().find_map(|path| path.metadata().ok().map(|meta| (path, meta))) else {
        return Fact::Denied(format!("{}: neither it nor a parent can be seen", path.display()).into());
    };
    let writable = match access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        _ if !meta.is_dir() => Err(nix::errno::Errno::ENOTDIR),
        _ if there != path && missing == Missing::Fails => Err(nix::errno::Errno::ENOENT),
        answer => answer,
    };
    let point = there.canonicalize().ok().and_then(|real| Some(mount_of(mounts.as_ref().ok()?, real.to_str()?)?.point == "/"));
    Fact::Known(Directory {
        path: path.display().to_string(),
        parent: (there != path).then(|| there.display().to_string()),
        owner: meta.uid(),
        group: meta.gid(),
        on_root: point == Some(true),
        refused: writable.err().map(|errno| Errno(errno as i32)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_id() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:100::/home/user:/bin/sh\nbad:x:7:x\n";
        assert_eq!(user_entry(passwd, 1000), Fact::Known(UserEntry { name: "user".into(), group: 100, home: Some("/home/user".into()) }));
        assert_eq!(user_entry(passwd, 1001), Fact::Absent);
        assert!(user_entry(passwd, 7).unreadable().is_some());
    }

    #[test]
    fn a_directory_that_is_missing_is_made_below_the_closest_parent_or_fails() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("a/b");
        let look = |path: &Path, missing| directory(&Err("no table".into()), path, missing).known().cloned().expect("known");
        let made = look(&path, Missing::IsMade);
        assert_eq!((made.parent.as_deref(), made.refused), (dir.path().to_str(), None));
        assert_eq!(look(&path, Missing::Fails).refused, Some(Errno::ENOENT));
        std::fs::write(dir.path().join("a"), "").expect("write");
        assert_eq!(look(&path, Missing::IsMade).refused.map(Errno::text), Some("Not a directory"));
    }
}
