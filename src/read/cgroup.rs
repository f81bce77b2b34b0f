//! The control groups of this process.

use super::BY_FACTS_ALONE;
use super::host::{CAPTURED, Host};
use super::mounts::{Mount, Mounts, from_mounts};
use crate::fact::{Cgroup, CgroupVersion, Fact};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

const ONE: &str = "cgroup";
const TWO: &str = "cgroup2";

/// Which are mounted, and whether this process may change its own. `all`: whether that may take system calls.
pub(crate) fn gather(host: &Host, mounts: &Mounts, all: bool) -> Cgroup {
    Cgroup { version: from_mounts(mounts, version), writable: from_mounts(mounts, |mounts| writable(host, mounts, all)) }
}

fn version(mounts: &[Mount]) -> Fact<CgroupVersion> {
    let has = |file_system: &str| mounts.iter().any(|mount| mount.file_system == file_system);
    match (has(ONE), has(TWO)) {
        (true, true) => Fact::Known(CgroupVersion::Hybrid),
        (true, false) => Fact::Known(CgroupVersion::One),
        (false, true) => Fact::Known(CgroupVersion::Two),
        (false, false) => Fact::Absent,
    }
}

fn writable(host: &Host, mounts: &[Mount], all: bool) -> Fact<bool> {
    // Of a hybrid the controllers are in those of version 1.
    let of = |file_system: &str| mounts.iter().find(|mount| mount.file_system == file_system);
    let Some(mount) = of(ONE).or_else(|| of(TWO)) else { return Fact::Absent };
    match () {
        () if mount.flags.read_only => Fact::Known(false),
        () if !host.is_live() => Fact::Denied(CAPTURED.into()),
        () if !all => Fact::Denied(BY_FACTS_ALONE.into()),
        () => host.read_below("/proc/self/cgroup", "/proc/self").then(|text| match group(mount, text) {
            Some(directory) => may_change(&directory),
            None => Fact::Denied(format!("the group of this process does not lie below {}", mount.point).into()),
        }),
    }
}

/// The directory of this process's group. A line is `number:controllers:path`, and version 2 has no controllers there.
fn group(mount: &Mount, text: &str) -> Option<String> {
    let controllers = if mount.file_system == TWO { "" } else { mount.point.rsplit('/').next()? };
    let path = text.lines().find_map(|line| {
        let (named, path) = line.split_once(':')?.1.split_once(':')?;
        (named == controllers).then_some(path)
    })?;
    let below = path.strip_prefix(mount.fs_root.trim_end_matches('/')).filter(|below| !below.starts_with("/.."))?;
    Some(format!("{}{below}", mount.point))
}

fn may_change(directory: &str) -> Fact<bool> {
    match access(directory, AccessFlags::W_OK) {
        Ok(()) => Fact::Known(true),
        Err(Errno::EACCES | Errno::EPERM | Errno::EROFS) => Fact::Known(false),
        Err(errno) => Fact::Failed(crate::fact::Why::error(directory, crate::fact::Errno(errno as i32))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Why;

    fn mounts(lines: &[&str]) -> Mounts {
        Ok(lines.iter().filter_map(|line| Mount::parse(line)).collect())
    }

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 none rw";
    const V1: &str = "31 23 0:27 /kubepods/x /sys/fs/cgroup/memory ro,nosuid - cgroup none rw,memory";

    #[test]
    fn the_version_is_what_is_mounted() {
        let version = |lines: &[&str]| gather(&Host::new(None), &mounts(lines), false).version;
        assert_eq!(version(&[V2]), Fact::Known(CgroupVersion::Two));
        assert_eq!(version(&[V1]), Fact::Known(CgroupVersion::One));
        assert_eq!(version(&[V1, V2]), Fact::Known(CgroupVersion::Hybrid));
        assert_eq!(version(&["1 0 8:1 / / rw - ext4 none rw"]), Fact::Absent);
        let untold = gather(&Host::new(None), &Err(Why::from("no table")), true);
        assert!(matches!((untold.version, untold.writable), (Fact::Denied(_), Fact::Denied(_))));
    }

    #[test]
    fn what_is_mounted_read_only_is_not_writable() {
        let writable = |lines: &[&str], all| gather(&Host::new(None), &mounts(lines), all).writable;
        assert_eq!(writable(&[V1], false), Fact::Known(false));
        assert!(matches!(writable(&[V2], false), Fact::Denied(why) if why.what == BY_FACTS_ALONE));
        assert_eq!(writable(&[], true), Fact::Absent);
        let elsewhere = "30 23 0:26 / /nowhere rw - cgroup2 none rw";
        assert!(!matches!(writable(&[elsewhere], true), Fact::Known(true)));
        let tree = tempfile::tempdir().expect("temp dir");
        assert!(matches!(gather(&Host::new(Some(tree.path())), &mounts(&[V2]), true).writable, Fact::Denied(_)));
    }

    #[test]
    fn a_group_lies_below_what_is_mounted() {
        let [two, one] = [V2, V1].map(|line| Mount::parse(line).expect("a mount"));
        assert_eq!(group(&two, "0::/a/b\n").as_deref(), Some("/sys/fs/cgroup/a/b"));
        assert_eq!(group(&two, "0::/\n").as_deref(), Some("/sys/fs/cgroup/"));
        assert_eq!(group(&one, "4:cpu:/z\n3:memory:/kubepods/x\n").as_deref(), Some("/sys/fs/cgroup/memory"));
        assert_eq!(group(&two, "0::/../other\n"), None);
        assert_eq!(group(&one, "3:memory:/elsewhere\n"), None);
        assert_eq!((group(&two, "garbage"), may_change("/proc/self/no-such")), (None, may_change("/proc/self/no-such")));
        assert!(matches!(may_change("/proc/self/no-such"), Fact::Failed(_)));
    }
}
