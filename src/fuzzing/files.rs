//! Files of nodes, and what the kubelet says.

use super::is_shown;
use crate::fact::{AppArmor, Fact, Facts, IdMap, IdRange, KubeVersion, OsRelease, Process, Release, Runtime, SubId, SysctlSetting};
use crate::read::mounts::{Mount, mount_of, proc_fs_of};
use crate::read::status::Confinement;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// That a value is the same when it was written and read again.
fn is_kept<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("a fact is JSON");
    assert_eq!(&serde_json::from_str::<T>(&json).expect("what was written"), value);
}

pub(super) fn os_release(text: &str) {
    match OsRelease::parse(text) {
        Ok(os) => {
            assert!(!os.id.is_empty() && os.id == os.id.to_lowercase(), "{os:?}");
            assert!(os.id_like.iter().all(|id| !id.is_empty() && !id.contains(char::is_whitespace)), "{os:?}");
            is_kept(&os);
        }
        Err(why) => is_shown(why),
    }
    if let Some(os) = OsRelease::from_image(text) {
        is_kept(&os);
    }
}

pub(super) fn kernel_release(text: &str) {
    match Release::try_from(text.to_owned()) {
        Ok(release) => {
            assert_eq!(release.to_string(), text.trim());
            is_kept(&release);
        }
        Err(why) => is_shown(why),
    }
}

pub(super) fn mountinfo(text: &str) {
    let mounts: Vec<_> = text.lines().filter_map(Mount::parse).collect();
    let proc = proc_fs_of(&mounts);
    assert!(proc.masks.len() <= mounts.len().max(1));
    is_kept(&proc);
    for path in ["/", "/home/user/.local/share/buildkit"] {
        let found = mount_of(&mounts, path);
        assert!(found.is_none_or(|mount| path.starts_with(mount.point.as_str())), "{path}");
    }
}

pub(super) fn uid_map(text: &str) {
    match IdMap::parse(text) {
        Ok(map) => {
            let line = |IdRange { inside, outside, length }: &IdRange| format!("{inside} {outside} {length}\n");
            assert_eq!(IdMap::parse(&map.0.iter().map(line).collect::<String>()).as_ref(), Ok(&map));
            assert!(!map.is_initial() || map.contains(&SubId::STOCK));
            let _ = (map.last_inside(), map.size(), map.is_a_kubelets());
            is_kept(&map);
        }
        Err(why) => is_shown(why),
    }
}

pub(super) fn subuid(text: &str) {
    match SubId::parse(text, "user", 1000) {
        Ok(ranges) => {
            assert!(ranges.len() <= 341);
            let written: String = ranges.iter().map(|range| format!("user:{range}\n")).collect();
            assert_eq!(SubId::parse(&written, "user", 1000).as_ref(), Ok(&ranges));
            assert!(
                SubId::without(&ranges, 1000)
                    .iter()
                    .all(|range| range.length > 0 && !(range.start..range.start.saturating_add(range.length)).contains(&1000))
            );
        }
        Err(why) => is_shown(why),
    }
}

pub(super) fn runtime_version(text: &str) {
    match Runtime::try_from(text.to_owned()) {
        Ok(runtime) => {
            assert_eq!(runtime.to_string(), text);
            let _ = runtime.row();
            is_kept(&runtime);
        }
        Err(why) => is_shown(why),
    }
    match KubeVersion::try_from(text.to_owned()) {
        Ok(version) => {
            assert_eq!(version.to_string(), text);
            is_kept(&version);
        }
        Err(why) => is_shown(why),
    }
}

pub(super) fn status(text: &str) {
    let Confinement { uid, seccomp, no_new_privs, bounding_set } = Confinement::parse(text);
    [uid.err(), seccomp.err(), no_new_privs.err(), bounding_set.err()].into_iter().flatten().for_each(is_shown);
}

pub(super) fn sysctl_d(text: &str) {
    for setting in SysctlSetting::parse("/etc/sysctl.d/x.conf", text) {
        let written = format!("{} = {}", setting.sysctl, setting.value);
        assert_eq!(SysctlSetting::parse_line(&setting.file, &written).as_ref(), Some(&setting), "{written:?}");
    }
}

/// AppArmor's and SELinux's, of one process and of all profiles.
pub(super) fn lsm_label(text: &str) {
    assert!(AppArmor::loaded_of(text).len() <= text.lines().count());
    let of = |label: &str| Process { lsm_label: Fact::Known(label.to_owned()), ..Process::default() };
    let before = of(text);
    assert!(before.selinux_type().is_none() || before.apparmor_profile().is_none(), "{text:?} is of both");
    let after = Facts { process: before.clone(), ..Facts::unknown() }.redacted().process;
    assert_eq!(before.selinux_type().is_some(), after.selinux_type().is_some(), "{:?}", after.lsm_label);
    assert_eq!(before.apparmor_profile().is_some(), after.apparmor_profile().is_some(), "{:?}", after.lsm_label);
    assert_eq!(before.is_unconfined(), after.is_unconfined());
}
