//! Owners, modes and attributes.

use super::Action;
use super::did::{Done, Failed, did, is, nothing};
use crate::fact::IdMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;

/// What `setcap cap_net_bind_service=ep` writes (struct `vfs_cap_data` of include/uapi/linux/capability.h, revision 2, effective).
pub(crate) const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const CAPABILITY_NAME: &str = "security.capability";

pub(super) const ACTIONS: &[Action] = &[
    Action {
        id: "change-owner",
        first: |at| did("write a file", fs::write(at.join("lower"), "x")),
        second: |at| {
            did("write a file", fs::write(at.join("new"), "x"))?;
            did("give a file of a lower layer to user 33", chown(at.join("lower"), Some(33), Some(33)))?;
            did("give a file to user 1000", chown(at.join("new"), Some(1000), Some(1000)))
        },
        third: |at| owned(at, "lower", 33).and_then(|()| owned(at, "new", 1000)),
    },
    Action {
        id: "change-owner-of-tree",
        first: |at| {
            did("make a directory", fs::create_dir(at.join("home")))?;
            // Open to all, so that the trial, an ordinary user outside, can remove what belongs to another by then.
            set_mode(at, "home", 0o777)?;
            did("write a file", fs::write(at.join("home/file"), "x").and_then(|()| symlink("file", at.join("home/link"))))
        },
        second: |at| {
            let given = ["home/file", "home/link", "home"].map(|name| lchown(at.join(name), Some(1000), Some(1000)));
            did("give a tree of a lower layer to user 1000", given.into_iter().collect())
        },
        third: |at| ["home", "home/file", "home/link"].into_iter().try_for_each(|name| owned(at, name, 1000)),
    },
    Action {
        id: "last-owner",
        first: nothing,
        second: |at| {
            let (user, group) = (last("/proc/self/uid_map")?, last("/proc/self/gid_map")?);
            did("write a file", fs::write(at.join("file"), "x"))?;
            did("give a file to the last user and group of the range", chown(at.join("file"), Some(user), Some(group)))
        },
        third: |at| owned(at, "file", last("/proc/self/uid_map")?),
    },
    Action {
        id: "add-user",
        first: |at| did("write a file", fs::write(at.join("passwd"), "root:x:0:0\n")),
        second: |at| {
            did("add a user", fs::write(at.join("passwd+"), "root:x:0:0\napp:x:10001:10001\n"))?;
            did("rename over a file of a lower layer", fs::rename(at.join("passwd+"), at.join("passwd")))?;
            did("make a home", fs::create_dir(at.join("home")))?;
            // As above: fuse-overlayfs leaves a mark in it.
            set_mode(at, "home", 0o777)?;
            did("give it to user 10001", chown(at.join("home"), Some(10_001), Some(10_001)))
        },
        third: |at| owned(at, "home", 10_001),
    },
    Action {
        id: "copy-as-owner",
        first: nothing,
        second: nothing,
        third: |at| owned(at, "../../kept/owned", 1000).and_then(|()| mode(at, "../../kept/owned", 0o750)),
    },
    Action {
        id: "set-id-bits",
        first: |at| {
            did("write a file", fs::write(at.join("setuid"), "x").and_then(|()| fs::write(at.join("setgid"), "x")))?;
            set_mode(at, "setuid", 0o4755)
        },
        second: |at| {
            did("make a directory", fs::create_dir(at.join("spool")))?;
            set_mode(at, "setgid", 0o2755).and_then(|()| set_mode(at, "spool", 0o1777))
        },
        third: |at| mode(at, "setuid", 0o4755).and_then(|()| mode(at, "setgid", 0o2755)).and_then(|()| mode(at, "spool", 0o1777)),
    },
    Action {
        id: "file-capability",
        first: |at| did("write a file", fs::write(at.join("lower"), "x")),
        second: |at| {
            did("write a file", fs::write(at.join("new"), "x"))?;
            let set = |name| xattr::set(at.join(name), CAPABILITY_NAME, &CAPABILITY);
            did("give a file a capability", set("new"))?;
            did("give a file of a lower layer a capability", set("lower"))
        },
        third: |at| {
            for name in ["new", "lower"] {
                let found = did("read a file's capability", xattr::get(at.join(name), CAPABILITY_NAME))?;
                is("a file's capability in the next layer", &found.as_deref(), &Some(CAPABILITY.as_slice()))?;
            }
            Ok(())
        },
    },
];

/// The last ID that is mapped. With all of them that is one before the last, since the last means "none".
fn last(map: &str) -> Result<u32, Failed> {
    let text = did("read the ID map", fs::read_to_string(map))?;
    let map = did("read the ID map", IdMap::parse(&text).map_err(std::io::Error::other))?;
    Ok(map.last_inside().unwrap_or(0).min(u32::MAX - 1))
}

fn owned(at: &Path, name: &str, id: u32) -> Done {
    let file = did("look at a file", fs::symlink_metadata(at.join(name)))?;
    is("owner in the next layer", &(file.uid(), file.gid()), &(id, id))
}

fn set_mode(at: &Path, name: &str, mode: u32) -> Done {
    did("set the mode of a file", fs::set_permissions(at.join(name), Permissions::from_mode(mode)))
}

fn mode(at: &Path, name: &str, wanted: u32) -> Done {
    let found = did("look at a file", fs::metadata(at.join(name)))?.mode() & 0o7777;
    is("mode in the next layer", &format!("{found:o}"), &format!("{wanted:o}"))
}
