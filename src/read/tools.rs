//! Programs of a builder's image, and the IDs that its user may map.

use super::host::{CAPTURED, Host};
use super::mounts::{Mounts, mount_of};
use crate::fact::{CapSet, Fact, Helper, SubId, SubIds, Tools};

/// What the PATH leads to.
#[derive(Default)]
pub(crate) struct Programs {
    pub(crate) tools: Tools,
    pub(crate) newuidmap: Fact<Helper>,
    pub(crate) newgidmap: Fact<Helper>,
}

impl Programs {
    pub(crate) fn find(host: &Host, mounts: &Mounts) -> Self {
        let find = |name: &str| host.find_program(name).and_then(|(path, _)| Ok(path));
        Programs {
            tools: Tools {
                rootlesskit: find("rootlesskit"),
                buildkitd: find("buildkitd"),
                buildctl: find("buildctl"),
                fuse_overlayfs: find("fuse-overlayfs"),
                mount_fuse3: find("mount.fuse3"),
            },
            newuidmap: helper(host, mounts, "newuidmap", CapSet::SETUID),
            newgidmap: helper(host, mounts, "newgidmap", CapSet::SETGID),
        }
    }
}

/// Finds newuidmap or newgidmap and what would make it work.
fn helper(host: &Host, mounts: &Mounts, name: &str, capability: u32) -> Fact<Helper> {
    use std::os::unix::fs::MetadataExt;
    let (path, meta) = match host.find_program(name) {
        Fact::Known(found) => found,
        Fact::Absent => return Fact::Absent,
        Fact::Denied(why) | Fact::Failed(why) => return Fact::Denied(why),
    };
    let attribute = host.locate(&path).ok().and_then(|file| xattr::get(file, "security.capability").ok().flatten());
    let helper = Helper {
        setuid: meta.uid() == 0 && meta.mode() & 0o4000 != 0,
        file_capability: attribute.is_some_and(|value| permits(&value, capability)),
        nosuid: mounts.as_ref().is_ok_and(|mounts| mount_of(mounts, &path).is_some_and(|mount| mount.flags.nosuid)),
        path,
    };
    // Modes and attributes seldom survive a copy: in a captured tree only their presence says something.
    if host.is_live() || helper.is_privileged() {
        Fact::Known(helper)
    } else {
        Fact::Denied(format!("{}: privileges {CAPTURED}", helper.path).into())
    }
}

/// Whether a security.capability attribute (struct vfs_cap_data in include/uapi/linux/capability.h:
/// a magic word, then the permitted set, little endian) grants a capability below 32.
fn permits(attribute: &[u8], capability: u32) -> bool {
    let word = attribute.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    CapSet(u64::from(word)).has(capability)
}

/// Who the builder would be here, and which IDs that user may map. rootlesskit takes name and
/// group from /etc/passwd, and without an entry there from $USER and the process. Root stands for the user `of_root`.
pub(crate) fn sub_ids(host: &Host, uid: &Fact<u32>, of_root: u32) -> SubIds {
    let Some(&own) = uid.known() else { return SubIds::default() };
    let uid = if own == 0 { of_root } else { own };
    let passwd = host.read_below("/etc/passwd", "/etc");
    let entry = passwd.known().and_then(|text| {
        text.lines().find_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            (fields.get(2)?.parse() == Ok(uid)).then(|| (fields[0].to_owned(), fields.get(3).and_then(|gid| gid.parse().ok())))
        })
    });
    let from_environment = || std::env::var("USER").ok().filter(|name| host.is_live() && uid == own && !name.is_empty());
    let gid = match &passwd {
        Fact::Denied(why) => Fact::Denied(why.clone()),
        Fact::Failed(why) => Fact::Failed(why.clone()),
        _ => Fact::Known(entry.as_ref().and_then(|entry| entry.1).unwrap_or(uid)),
    };
    let user = match &entry {
        Some((name, _)) => Fact::Known(name.clone()),
        None => from_environment().map_or_else(|| passwd.and_then(|_| Err(format!("/etc/passwd has no user with ID {uid}"))), Fact::Known),
    };
    let ranges = |file: &str| {
        let name = user.known().map_or("", String::as_str);
        let ranges = host.read_below(file, "/etc").and_then(|text| SubId::parse(&text, name, uid).map_err(|why| format!("{file}: {why}")));
        match ranges {
            // A copy may have lost the lines, or the name by which to find them.
            Fact::Known(ranges) if ranges.is_empty() && host.is_unsaid() => {
                Fact::Denied(format!("{file}: a range of the builder's is {CAPTURED}").into())
            }
            ranges => ranges,
        }
    };
    SubIds { uids: ranges("/etc/subuid"), gids: ranges("/etc/subgid"), gid, uid: Fact::Known(uid), user }
}
