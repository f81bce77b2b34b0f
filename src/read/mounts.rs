//! The mount table of this process.

use super::host::Host;
use crate::fact::{Fact, MountFlags, ProcFs, Propagation, Why};
use procfs::process::{MountInfo, MountOptFields};

/// The mount table, or why it can't be read.
pub(crate) type Mounts = Result<Vec<Mount>, Why>;

/// A fact of the mount table.
pub(crate) fn from_mounts<T>(mounts: &Mounts, read: impl FnOnce(&[Mount]) -> Fact<T>) -> Fact<T> {
    match mounts {
        Ok(mounts) => read(mounts),
        Err(why) => Fact::Denied(why.clone()),
    }
}

impl Host {
    /// The mount table of this process.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(crate) fn mounts(&self) -> Mounts {
        match self.read_below("/proc/self/mountinfo", "/proc/self") {
            Fact::Known(text) => {
                let mounts: Vec<_> = text.lines().filter_map(Mount::parse).collect();
                match mounts.iter().any(|mount| mount.point == "/proc") {
                    _ if mounts.is_empty() => Err("/proc/self/mountinfo has no line that is a mount".into()),
                    // The file lies there itself. On this machine it may be out of the sight of a chroot.
                    false if !self.is_live() => Err("/proc/self/mountinfo has no line for /proc: a copy lost it".into()),
                    _ => Ok(mounts),
                }
            }
            Fact::Absent => Err("/proc/self/mountinfo does not exist".into()),
            Fact::Denied(why) | Fact::Failed(why) => Err(why),
        }
    }
}

/// Where a path lies: the type of the file system, and the path in there.
///
/// # Errors
/// Why the mount table does not tell.
pub fn place(path: &std::path::Path) -> Result<(String, String), String> {
    let path = path.to_str().ok_or_else(|| format!("{}: not UTF-8", path.display()))?;
    let mounts = Host::new(None).mounts().map_err(|why| why.to_string())?;
    let mount = mount_of(&mounts, path).ok_or_else(|| format!("{path}: not on any mount of /proc/self/mountinfo"))?;
    let below = path.strip_prefix(mount.point.trim_end_matches('/')).unwrap_or_default();
    Ok((mount.file_system.clone(), format!("{}{below}", mount.fs_root.trim_end_matches('/'))))
}

/// One line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    id: i32,
    parent: i32,
    /// What part of its file system is mounted: `/` for the whole of it.
    pub(crate) fs_root: String,
    pub(crate) point: String,
    pub(crate) flags: MountFlags,
    pub(crate) file_system: String,
    propagation: Propagation,
}

impl Mount {
    /// A line that is none gives `None`: procfs' own reader of the table would give up the rest of it too.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let info = MountInfo::from_line(line).ok()?;
        Some(Mount {
            id: info.mnt_id,
            parent: info.pid,
            fs_root: unescape(&info.root),
            point: unescape(info.mount_point.to_str()?),
            flags: flags(|name| info.mount_options.contains_key(name)),
            file_system: info.fs_type,
            propagation: propagation(&info.opt_fields),
        })
    }
}

/// The flags of a mount, by the names of its options.
fn flags(has: impl Fn(&str) -> bool) -> MountFlags {
    MountFlags { read_only: has("ro"), nosuid: has("nosuid"), nodev: has("nodev"), noexec: has("noexec") }
}

/// Of a mount that is a peer of some and the slave of others it is the first.
fn propagation(fields: &[MountOptFields]) -> Propagation {
    let has = |of: fn(&MountOptFields) -> bool| fields.iter().any(of);
    match () {
        () if has(|field| matches!(field, MountOptFields::Shared(_))) => Propagation::Shared,
        () if has(|field| matches!(field, MountOptFields::Master(_) | MountOptFields::PropagateFrom(_))) => Propagation::Slave,
        () if has(|field| matches!(field, MountOptFields::Unbindable)) => Propagation::Unbindable,
        () => Propagation::Private,
    }
}

/// Where mounts below / go. Absent where / is no mount, as in a chroot.
pub(crate) fn root_propagation(mounts: &Mounts) -> Fact<Propagation> {
    let root = |mounts: &[Mount]| mounts.iter().rfind(|mount| mount.point == "/").map(|mount| mount.propagation);
    from_mounts(mounts, |mounts| root(mounts).map_or(Fact::Absent, Fact::Known))
}

/// The mount that a path lies on: the last one of those whose mount point leads farthest.
pub(crate) fn mount_of<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    let below = |point: &str| point == "/" || path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    mounts.iter().filter(|mount| below(&mount.point)).max_by_key(|mount| mount.point.len())
}

/// Whether a file system of this type is what lies on a mount point.
///
/// # Errors
/// Why the mount table can't be read.
pub(crate) fn is_mounted(mounts: &Mounts, point: &str, file_system: &str) -> Result<bool, Why> {
    let mounts = mounts.as_ref().map_err(Why::clone)?;
    Ok(mounts.iter().rfind(|mount| mount.point == point).is_some_and(|mount| mount.file_system == file_system))
}

/// Directories of /proc that the kernel keeps empty for a mount: what lies there hides nothing
/// (is_empty_dir_inode in fs/namespace.c; proc_create_mount_point in fs/proc).
const MADE_TO_BE_COVERED: [&str; 4] = ["sys/fs/binfmt_misc", "fs/nfsd", "xen", "openprom"];

/// What lies over /proc.
pub(crate) fn proc_fs(mounts: &Mounts) -> Fact<ProcFs> {
    from_mounts(mounts, |mounts| Fact::Known(proc_fs_of(mounts)))
}

/// The same of a table, as mnt_already_visible in fs/namespace.c sees it.
pub(crate) fn proc_fs_of(mounts: &[Mount]) -> ProcFs {
    let hides = |proc: &Mount, mount: &Mount| {
        let inside = mount.point.strip_prefix(&proc.point).map(|rest| rest.trim_start_matches('/'));
        mount.parent == proc.id && inside.is_some_and(|inside| !MADE_TO_BE_COVERED.contains(&inside))
    };
    let whole = |mount: &&Mount| mount.file_system == "proc" && mount.fs_root == "/";
    let Some(proc) = mounts.iter().filter(whole).rfind(|mount| mount.point == "/proc") else {
        return ProcFs { masks: vec!["/proc".into()], complete_elsewhere: false };
    };
    let mut masks: Vec<_> = mounts.iter().filter(|mount| hides(proc, mount)).map(|mount| mount.point.clone()).collect();
    masks.sort();
    masks.dedup();
    let complete = |other: &Mount| other.id != proc.id && !mounts.iter().any(|mount| hides(other, mount));
    ProcFs { masks, complete_elsewhere: mounts.iter().filter(whole).any(complete) }
}

/// Spaces and the like are written as three octal digits behind a backslash. procfs leaves them so.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [first, tail @ ..] = rest {
        let octal = tail.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match octal {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(text: &str) -> Vec<Mount> {
        text.lines().filter_map(Mount::parse).collect()
    }

    #[test]
    fn masks_are_what_lies_over_proc_and_hides_something() {
        let bare = "22 27 0:21 / /proc rw - proc proc rw\n30 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw";
        assert_eq!(proc_fs_of(&table(bare)), ProcFs::default());
        let pod = "22 27 0:21 / /proc rw - proc proc rw\n31 22 0:21 /sys /proc/sys ro - proc proc rw\n32 22 0:5 /null /proc/kcore rw - tmpfs tmpfs rw";
        let masked = ProcFs { masks: vec!["/proc/kcore".into(), "/proc/sys".into()], complete_elsewhere: false };
        assert_eq!(proc_fs_of(&table(pod)), masked);
        let second = format!("{pod}\n40 27 0:21 / /host/proc rw - proc proc rw");
        assert!(proc_fs_of(&table(&second)).complete_elsewhere);
        assert_eq!(proc_fs_of(&[]).masks, ["/proc"]);
    }

    #[test]
    fn a_path_lies_on_its_deepest_mount() {
        let mounts = table(
            "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / /var/lib rw,nosuid shared:1 - tmpfs t rw\n3 1 0:9 / /with\\040space rw - xfs t rw",
        );
        assert_eq!(mount_of(&mounts, "/var/lib/buildkit").map(|m| m.file_system.as_str()), Some("tmpfs"));
        assert_eq!(mount_of(&mounts, "/var/library").map(|m| m.file_system.as_str()), Some("ext4"));
        assert_eq!(mount_of(&mounts, "/with space/x").map(|m| m.file_system.as_str()), Some("xfs"));
    }

    #[test]
    fn propagation_is_that_of_the_last_mount_on_the_root() {
        let of = |lines: &[&str]| root_propagation(&Ok(table(&lines.join("\n"))));
        let root = |fields: &str| format!("1 0 8:1 / / rw {fields}- ext4 none rw");
        for (fields, propagation) in [
            ("shared:1 ", Propagation::Shared),
            ("shared:3 master:1 ", Propagation::Shared),
            ("master:1 ", Propagation::Slave),
            ("propagate_from:2 master:1 ", Propagation::Slave),
            ("unbindable ", Propagation::Unbindable),
            ("", Propagation::Private),
        ] {
            assert_eq!(of(&[&root("shared:9 "), &root(fields)]), Fact::Known(propagation), "{fields}");
        }
        assert_eq!(of(&["2 1 0:9 / /proc rw - proc none rw"]), Fact::Absent);
        assert!(matches!(root_propagation(&Err(Why::from("no table"))), Fact::Denied(_)));
    }

    #[test]
    fn flags_are_whole_words() {
        let of = |options: &str| Mount::parse(&format!("1 0 8:1 / / {options} - ext4 /dev/sda rw")).map(|mount| mount.flags);
        assert_eq!(of("rw,nosuid,nodevx,relatime"), Some(MountFlags { nosuid: true, ..MountFlags::default() }));
        assert_eq!(of("ro,noexec").map(|flags| (flags.read_only, flags.noexec)), Some((true, true)));
    }

    #[test]
    fn a_line_that_is_none_costs_itself_alone() {
        let lines =
            "1 0 8:1 / / rw - ext4 /dev/sda rw\nx 0 8:1 / /a rw - ext4 /dev/sda rw\n\n2 1 0:9 / /b\u{fffd} rw master:9 - tmpfs  rw\n3 1";
        let points: Vec<_> = table(lines).into_iter().map(|mount| mount.point).collect();
        assert_eq!(points, ["/", "/b\u{fffd}"]);
    }

    #[test]
    fn ten_thousand_mounts_are_a_table_too() {
        let line = |n: usize| {
            format!("{n} 1 0:{n} /sub\\040{n} /pods/{n} rw,nosuid,relatime shared:{n} - overlay overlay rw,lowerdir=/l{n},upperdir=/u")
        };
        let text: Vec<_> = (2..10_002).map(line).collect();
        let mounts = table(&text.join("\n"));
        assert_eq!(mounts.len(), 10_000);
        let last = mount_of(&mounts, "/pods/10001/x").expect("a mount");
        assert_eq!((last.fs_root.as_str(), last.id, last.flags.nosuid), ("/sub 10001", 10_001, true));
        assert_eq!(proc_fs_of(&mounts).masks, ["/proc"]);
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC*", bytes: Vec<u8>, status in "((Uid|Gid|Groups|SigQ|CapBnd|NoNewPrivs|Seccomp|VmPeak|Name):[\\t :/0-9a-f,x-]*\n){0,12}", line in "[0-9]{1,3} [0-9]{1,3} 0:1 [/a\\\\0-9]* [/a\\\\0-9]* [a-z,]* - [a-z]* x") {
            let _ = crate::fact::OsRelease::parse(&text);
            let _ = crate::fact::Release::try_from(text.clone());
            let _ = crate::fact::IdMap::parse(&text);
            let _ = crate::fact::SubId::parse(&text, "user", 1000);
            let _ = crate::fact::BootArguments::parse(&text).iter().count();
            let _ = crate::fact::KeyUse::parse(&text, 0);
            let _ = crate::fact::kernel_options(&text);
            for status in [&text, &status, &String::from_utf8_lossy(&bytes).into_owned(), &(include_str!("status.txt").to_owned() + &status)] {
                let _ = super::super::status::Confinement::parse(status);
            }
            let mounts: Vec<_> = [text.as_str(), line.as_str()].iter().filter_map(|line| Mount::parse(line)).collect();
            let _ = proc_fs_of(&mounts);
            let _ = mount_of(&mounts, &text);
        }
    }
}
