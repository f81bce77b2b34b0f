//! Security modules, as securityfs and selinuxfs tell of them.

use super::BY_FACTS_ALONE;
use super::host::Host;
use super::mounts::{Mounts, is_mounted};
use crate::fact::{Fact, Process, Selinux, SelinuxMode, Why};

const SECURITYFS: &str = "/sys/kernel/security";
const MODULES: &str = "/sys/kernel/security/lsm";
const SELINUXFS: &str = "/sys/fs/selinux";
const ENFORCE: &str = "/sys/fs/selinux/enforce";
const USE_DEVICES: &str = "/sys/fs/selinux/booleans/container_use_devices";

/// The modules that are active, in the order in which the kernel asks them.
pub(crate) fn modules(host: &Host, mounts: &Mounts) -> Fact<Vec<String>> {
    match is_mounted(mounts, SECURITYFS, "securityfs") {
        Err(why) => return Fact::Denied(why),
        Ok(false) => return Fact::Denied(format!("securityfs is not mounted on {SECURITYFS} here").into()),
        Ok(true) => {}
    }
    host.read_below(MODULES, SECURITYFS).and_then(|text| {
        let names: Vec<_> = text.trim().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.is_empty() { Err(format!("{MODULES} names no module")) } else { Ok(names) }
    })
}

/// What SELinux does. `all`: whether it is asked for that alone, and not for a verdict.
pub(crate) fn selinux(host: &Host, mounts: &Mounts, process: &Process, all: bool) -> Selinux {
    if !all && process.selinux_type().is_none() {
        return every(|| "looked for only where this process has a label of SELinux".into());
    }
    match is_mounted(mounts, SELINUXFS, "selinuxfs") {
        Err(why) => return every(|| why.clone()),
        Ok(false) => return unmounted(host),
        Ok(true) => {}
    }
    let mode = flag(host, ENFORCE).then(|enforces| Fact::Known(if *enforces { SelinuxMode::Enforcing } else { SelinuxMode::Permissive }));
    if !all {
        return Selinux { mode, ..every(|| BY_FACTS_ALONE.into()) };
    }
    Selinux {
        mode,
        decides_user_namespaces: host.has_directory("/sys/fs/selinux/class/user_namespace", "/sys/fs/selinux/class"),
        container_use_devices: flag(host, USE_DEVICES),
    }
}

/// The kernel makes the directory where SELinux is active, and only there (init_sel_fs in security/selinux/selinuxfs.c).
fn unmounted(host: &Host) -> Selinux {
    match host.has_directory(SELINUXFS, "/sys/fs") {
        Fact::Known(false) | Fact::Absent => {
            Selinux { mode: Fact::Absent, decides_user_namespaces: Fact::Absent, container_use_devices: Fact::Absent }
        }
        Fact::Known(true) => every(|| format!("SELinux is active, but its file system is not mounted on {SELINUXFS} here").into()),
        Fact::Denied(why) | Fact::Failed(why) => every(|| why.clone()),
    }
}

/// A file that begins with 0 or 1: a boolean has its present value there, and then the one to come.
fn flag(host: &Host, path: &str) -> Fact<bool> {
    host.read_below(path, SELINUXFS).and_then(|text| match text.split_whitespace().next() {
        Some("0") => Ok(false),
        Some("1") => Ok(true),
        _ => Err(format!("{path} begins neither with 0 nor with 1")),
    })
}

fn every(why: impl Fn() -> Why) -> Selinux {
    Selinux { mode: Fact::Denied(why()), decides_user_namespaces: Fact::Denied(why()), container_use_devices: Fact::Denied(why()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::testing::{absent, refused, taken, tell};
    use std::fs;

    const LABEL: &str = "system_u:system_r:container_t:s0";
    const MOUNTED: &str = "3 1 0:3 / /sys/kernel/security rw - securityfs none rw\n4 1 0:4 / /sys/fs/selinux rw - selinuxfs none rw\n";

    /// A tree by hand, with these files beside a mount table; `""` makes a directory.
    fn tree(mounts: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        let mounts = format!("1 0 8:1 / / rw - ext4 none rw\n2 1 0:2 / /proc rw - proc none rw\n{mounts}");
        for (path, text) in files.iter().chain([&("/proc/self/mountinfo", mounts.as_str()), &("/sys/fs/cgroup", "")]) {
            let path = root.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
            if text.is_empty() { fs::create_dir(path).expect("mkdir") } else { fs::write(path, text).expect("write") }
        }
        root
    }

    /// The same, of which a manifest says what came of a look at these.
    fn told(root: &tempfile::TempDir, sources: &[(&str, serde_json::Value)]) {
        let mounts = [("/proc/self/mountinfo", taken())];
        tell(root.path(), &[&mounts, sources].concat());
    }

    fn read(root: &tempfile::TempDir) -> (Fact<Vec<String>>, Selinux) {
        let host = Host::new(Some(root.path()));
        let mounts = host.mounts();
        (modules(&host, &mounts), selinux(&host, &mounts, &Process::default(), true))
    }

    #[test]
    fn active_modules_are_named_in_their_order() {
        let root = tree(MOUNTED, &[(MODULES, "lockdown,capability,yama,apparmor\n")]);
        assert_eq!(read(&root).0, Fact::Known(["lockdown", "capability", "yama", "apparmor"].map(str::to_owned).to_vec()));
        fs::write(root.path().join(&MODULES[1..]), "\n").expect("write");
        assert!(matches!(read(&root).0, Fact::Failed(_)));
        // Linux before 4.15 has no such file; one that is refused is there.
        told(&root, &[(MODULES, absent())]);
        assert_eq!(read(&root).0, Fact::Absent);
        told(&root, &[(MODULES, refused())]);
        assert!(matches!(read(&root).0, Fact::Denied(why) if why.is_forbidden()));
    }

    #[test]
    fn what_a_pod_does_not_see_is_not_absent() {
        let (modules, selinux) = read(&tree("", &[("/sys/kernel/security", ""), (SELINUXFS, "")]));
        assert!(matches!(modules, Fact::Denied(why) if why.what.contains("securityfs is not mounted")));
        assert!(matches!(selinux.mode, Fact::Denied(why) if why.what.contains("SELinux is active")));
        // A runtime that hides it, as podman does.
        let hidden = "4 1 0:9 / /sys/fs/selinux ro - tmpfs none rw\n";
        assert!(matches!(read(&tree(&(MOUNTED.to_owned() + hidden), &[(SELINUXFS, "")])).1.mode, Fact::Denied(_)));
        let no_table = read(&tree("", &[]));
        assert!(matches!(no_table.1.mode, Fact::Denied(_)), "a tree without a manifest does not tell by not having it");
    }

    #[test]
    fn selinux_that_is_off_is_absent() {
        let root = tree("", &[]);
        told(&root, &[(SELINUXFS, absent())]);
        let off = Selinux { mode: Fact::Absent, decides_user_namespaces: Fact::Absent, container_use_devices: Fact::Absent };
        assert_eq!(read(&root).1, off);
    }

    #[test]
    fn selinux_tells_its_mode_and_what_its_policy_knows() {
        for (enforce, mode) in [("1", SelinuxMode::Enforcing), ("0", SelinuxMode::Permissive)] {
            let root = tree(MOUNTED, &[(ENFORCE, enforce), (USE_DEVICES, "0 1"), ("/sys/fs/selinux/class/user_namespace", "")]);
            let (decides_user_namespaces, container_use_devices) = (Fact::Known(true), Fact::Known(false));
            assert_eq!(read(&root).1, Selinux { mode: Fact::Known(mode), decides_user_namespaces, container_use_devices });
        }
        assert!(matches!(read(&tree(MOUNTED, &[(ENFORCE, "x")])).1.mode, Fact::Failed(_)));
        let root = tree(MOUNTED, &[(ENFORCE, "1"), ("/sys/fs/selinux/class/file", "")]);
        told(&root, &[(ENFORCE, taken()), (USE_DEVICES, absent()), ("/sys/fs/selinux/class/user_namespace", absent())]);
        let (decides_user_namespaces, container_use_devices) = (Fact::Known(false), Fact::Absent);
        assert_eq!(read(&root).1, Selinux { mode: Fact::Known(SelinuxMode::Enforcing), decides_user_namespaces, container_use_devices });
    }

    #[test]
    fn for_a_verdict_only_the_mode_is_read_and_only_beside_a_label() {
        let root = tree(MOUNTED, &[(ENFORCE, "1"), (USE_DEVICES, "1 1"), ("/sys/fs/selinux/class/user_namespace", "")]);
        let host = Host::new(Some(root.path()));
        let labelled = |label: Fact<String>| selinux(&host, &host.mounts(), &Process { lsm_label: label, ..Process::default() }, false);
        let read = labelled(Fact::Known(LABEL.into()));
        assert_eq!(read.mode, Fact::Known(SelinuxMode::Enforcing));
        assert!(matches!(read.container_use_devices, Fact::Denied(why) if why.what == BY_FACTS_ALONE));
        assert!(matches!(labelled(Fact::Absent).mode, Fact::Denied(_)));
    }
}
