//! What the files of sysctl.d(5) set at boot.

use super::host::{CAPTURED, Host};
use super::mounts::Mounts;
use crate::fact::{Fact, SysctlSetting};
use std::collections::BTreeMap;

/// Where they lie. A file hides one of the same name in a directory that stands behind its own.
pub(super) const DIRECTORIES: [&str; 4] = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
/// procps reads this one last; systemd does not, but for a link to it.
pub(super) const LAST: &str = "/etc/sysctl.conf";

/// Reads them in the order in which they are applied: by name, whatever the directory.
pub(crate) fn gather(host: &Host, mounts: &Mounts, bare: bool) -> Fact<Vec<SysctlSetting>> {
    let mounted = |path: &str| mounts.iter().flatten().any(|mount| mount.point == path);
    let directories: Vec<_> = DIRECTORIES.into_iter().filter(|directory| bare || mounted(directory)).collect();
    if directories.is_empty() {
        return Fact::Denied("the sysctl.d here belongs to the image, not to the node".into());
    }
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut is_told = !host.is_unsaid();
    for directory in directories {
        let names = match host.list(directory) {
            Fact::Known(names) => names,
            Fact::Absent => continue,
            Fact::Denied(why) | Fact::Failed(why) => return Fact::Failed(why),
        };
        is_told = true;
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{directory}/{name}");
            files.entry(name).or_insert(path);
        }
    }
    let last = bare.then(|| LAST.to_owned());
    let mut settings = Vec::new();
    for file in files.into_values().chain(last) {
        match host.read_below(&file, "/") {
            Fact::Known(text) => {
                is_told = true;
                settings.extend(SysctlSetting::parse(&file, &text));
            }
            Fact::Absent => {}
            Fact::Denied(why) | Fact::Failed(why) => return Fact::Failed(why),
        }
    }
    // A tree that has none of these places says nothing of what the machine has there.
    if is_told { Fact::Known(settings) } else { Fact::Denied(format!("{}: {CAPTURED}", DIRECTORIES[0]).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_applied_by_name_and_etc_hides_the_rest() {
        let root = tempfile::tempdir().expect("temp dir");
        for (file, text) in [
            ("etc/sysctl.d/50-a.conf", "user.max_user_namespaces = 1"),
            ("usr/lib/sysctl.d/50-a.conf", "user.max_user_namespaces = 2"),
            ("usr/lib/sysctl.d/10-b.conf", "user.max_user_namespaces = 3"),
            ("run/sysctl.d/99-c.conf", "user.max_user_namespaces = 4"),
            ("run/sysctl.d/README", "user.max_user_namespaces = 5"),
            ("etc/sysctl.conf", "kernel.unprivileged_userns_clone = 0"),
        ] {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
            std::fs::write(path, text).expect("write");
        }
        std::fs::create_dir(root.path().join("etc/sysctl.d/60-d.conf")).expect("mkdir");
        nix::unistd::mkfifo(&root.path().join("etc/sysctl.d/70-e.conf"), nix::sys::stat::Mode::S_IRUSR).expect("mkfifo");
        let values = |fact: Fact<Vec<SysctlSetting>>| fact.known().map(|all| all.iter().map(|one| one.value.clone()).collect::<Vec<_>>());
        let host = Host::new(Some(root.path()));
        assert_eq!(values(gather(&host, &Ok(Vec::new()), true)), Some(["3", "1", "4", "0"].map(str::to_owned).to_vec()));
        assert!(gather(&host, &Ok(Vec::new()), false).unreadable().is_some(), "an image's files");
        let empty = tempfile::tempdir().expect("temp dir");
        assert!(gather(&Host::new(Some(empty.path())), &Ok(Vec::new()), true).unreadable().is_some(), "nobody took them");
        let mount = super::super::mounts::Mount::parse("1 0 8:1 /etc/sysctl.d /etc/sysctl.d rw - ext4 x rw").expect("a mount");
        assert_eq!(values(gather(&host, &Ok(vec![mount]), false)), Some(vec!["1".to_owned()]), "the node's, mounted");
    }
}
