//! What build steps do to files, done in buildkitd's namespaces: to those of lower layers through an overlay, or to plain ones where
//! the snapshotter copies whole trees.

use super::cleanup;
use super::tell::{Outcome, Report, is_left_out, raw};
use crate::attempt::probe::sys;
use crate::fact::{IdMap, Step};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, chown, symlink};
use std::path::Path;
use std::time::Instant;

/// The first ID of the range.
const FIRST: u32 = 1;
/// The last one that images know (nobody), where all IDs there are can be had.
const NOBODY: u32 = 65534;

/// What was tried, and the error.
type Tried = Result<(), (&'static str, Errno)>;

fn tried(what: &'static str, result: std::io::Result<()>) -> Tried {
    result.map_err(|error| (what, raw(error)))
}

/// The users and groups that files of images can belong to.
#[derive(Clone, Copy)]
pub(super) struct Owners {
    last_user: u32,
    last_group: u32,
    /// Whether this is a user namespace, where overlayfs keeps its marks in attributes of users.
    in_user_namespace: bool,
}

impl Owners {
    /// Those of this process's namespace; none where only the own ID is mapped.
    pub(super) fn read() -> Option<Self> {
        let map = |name: &str| {
            let mut text = [0; 4096];
            let length = File::open(Path::new("/proc/self").join(name)).and_then(|mut file| file.read(&mut text)).ok()?;
            IdMap::parse(&String::from_utf8_lossy(&text[..length])).ok()
        };
        let (users, groups) = (map("uid_map")?, map("gid_map")?);
        let last = |map: &IdMap| if map.is_initial() { Some(NOBODY) } else { map.last_inside().filter(|last| *last >= FIRST) };
        Some(Owners { last_user: last(&users)?, last_group: last(&groups)?, in_user_namespace: !users.is_initial() })
    }
}

/// A file is given to the first and to the last ID, as the files of images are; then a file is made in a directory that was given away.
/// A file server that asks who somebody is on the machine may allow the one and not the other.
fn give_away(owners: Option<Owners>) -> Outcome {
    let Some(owners) = owners else { return Ok(()) };
    if is_left_out(Step::Chown) {
        return Ok(());
    }
    let report = Report::new(Step::Chown, Instant::now());
    for (user, group) in [(FIRST, FIRST), (owners.last_user, owners.last_group)] {
        if let Err(error) = chown("source/file", Some(user), Some(group)) {
            return Err(report.failed(raw(error), Some(format!("to user {user}, group {group}"))));
        }
    }
    told(report, tried("make a file in a directory of another owner", in_anothers_directory()))
}

fn in_anothers_directory() -> std::io::Result<()> {
    let (directory, file) = ("source/owned", "source/owned/file");
    DirBuilder::new().mode(0o755).create(directory)?;
    let made = chown(directory, Some(FIRST), Some(FIRST)).and_then(|()| File::create(file)).map(drop);
    let _ = fs::remove_file(file);
    let _ = fs::remove_dir(directory);
    made
}

/// What a build step does to files of lower layers.
pub(super) fn through_overlay(owners: Option<Owners>) -> Outcome {
    if is_left_out(Step::OverlayChange) {
        // Nothing is mounted then.
        return without_overlay(owners);
    }
    let report = Report::new(Step::OverlayChange, Instant::now());
    let in_user_namespace = owners.is_none_or(|owners| owners.in_user_namespace);
    cleanup::hold(|| {
        let mounted = lower_layer().and_then(|()| as_buildkit_mounts(in_user_namespace).map_err(|errno| ("mount it as a layer", errno)));
        let changed = told(report, mounted.and_then(|()| change(owners)));
        let changed = changed.and_then(|()| give_away(owners)).and_then(|()| capability("merged/moved"));
        let _ = umount2("merged", MntFlags::MNT_DETACH);
        // Here alone it can be opened without more ado, and overlayfs leaves things in it (a whiteout, to be linked again and again).
        let _ = fs::remove_dir_all("work/work");
        changed
    })
}

fn told(report: Report, done: Tried) -> Outcome {
    match done {
        Ok(()) => {
            report.worked(None);
            Ok(())
        }
        Err((what, errno)) => Err(report.failed(errno, Some(what.to_owned()))),
    }
}

fn lower_layer() -> Tried {
    let made = || {
        File::create("lower1/file")?;
        fs::create_dir("lower1/emptied")?;
        File::create("lower1/emptied/file")?;
        fs::create_dir("lower1/renamed")
    };
    tried("make a lower layer", made())
}

/// In a user namespace with `userxattr`, where the kernel knows it (Linux 5.11), but never on tmpfs, whether or not it has user
/// attributes: containerd's overlayutils.NeedsUserXAttr, by which BuildKit goes.
fn as_buildkit_mounts(in_user_namespace: bool) -> nix::Result<()> {
    let options = "lowerdir=lower2:lower1,upperdir=upper,workdir=work";
    let mount = |options: &str| mount(Some("overlay"), "merged", Some("overlay"), MsFlags::empty(), Some(options));
    let on_tmpfs = statfs("upper").is_ok_and(|stat| stat.filesystem_type() == TMPFS_MAGIC);
    match (in_user_namespace && !on_tmpfs).then(|| mount(&format!("userxattr,{options}"))) {
        Some(Ok(())) => Ok(()),
        Some(Err(Errno::EINVAL)) | None => mount(options),
        Some(Err(errno)) => Err(errno),
    }
}

/// Copies up, gives away, links, removes, hides what lies below, renames.
fn change(owners: Option<Owners>) -> Tried {
    let opened = OpenOptions::new().append(true).open("merged/file");
    let mut file = opened.map_err(|error| ("write to a file of a lower layer", raw(error)))?;
    tried("write to a file of a lower layer", file.write_all(b"x"))?;
    if let Some(owners) = owners {
        let given = std::os::unix::fs::fchown(&file, Some(owners.last_user), Some(owners.last_group));
        tried("change the owner of a file of a lower layer", given)?;
    }
    drop(file);
    tried("link a file of a lower layer", fs::hard_link("merged/file", "merged/link"))?;
    tried("rename a file of a lower layer", fs::rename("merged/file", "merged/moved"))?;
    let emptied = fs::remove_file("merged/emptied/file").and_then(|()| fs::remove_dir("merged/emptied"));
    let again = emptied.and_then(|()| fs::create_dir("merged/emptied"));
    tried("remove a directory of a lower layer and make it again", again)?;
    match fs::rename("merged/renamed", "merged/renamed-to").map_err(raw) {
        // As between file systems: programs copy then.
        Ok(()) | Err(Errno::EXDEV) => Ok(()),
        Err(errno) => Err(("rename a directory of a lower layer", errno)),
    }
}

/// Owners and a capability, on plain files. Who is killed meanwhile leaves a file that only the namespace's root can remove.
fn without_overlay(owners: Option<Owners>) -> Outcome {
    cleanup::hold(|| give_away(owners)).and_then(|()| capability("source/file"))
}

/// What a build step does to files without overlayfs.
pub(super) fn on_files(owners: Option<Owners>) -> Outcome {
    if is_left_out(Step::FileChange) {
        return without_overlay(owners);
    }
    let report = Report::new(Step::FileChange, Instant::now());
    let linked = tried("make a hard link", fs::hard_link("source/file", "source/link"));
    told(report, linked.and_then(|()| tried("make a symbolic link", symlink("file", "source/symlink"))))?;
    without_overlay(owners)
}

/// What `setcap cap_net_bind_service=ep` writes (struct `vfs_cap_data` of include/uapi/linux/capability.h, revision 2, effective).
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn capability(path: &str) -> Outcome {
    if is_left_out(Step::FileCapability) {
        return Ok(());
    }
    let report = Report::new(Step::FileCapability, Instant::now());
    let opened = File::open(path).map_err(|error| ("open the file", raw(error)));
    let set = |file: File| sys::set_attribute(&file, c"security.capability", &CAPABILITY).map_err(|errno| ("security.capability", errno));
    told(report, opened.and_then(set))
}
