//! The machine itself: its name, system, kernel and clock.

use super::host::{CAPTURED, Host};
use super::mounts::Mounts;
use crate::fact::{BootArguments, Fact, OsRelease, Release};
use nix::sys::utsname::UtsName;

/// The id of this boot.
pub fn boot_id() -> String {
    Host::new(None).read_below("/proc/sys/kernel/random/boot_id", "/").known().map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// The time in RFC 3339, in whole seconds that have passed.
pub fn now() -> String {
    rfc3339(jiff::Timestamp::now().as_second())
}

fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

/// When this machine was booted, in the same form.
pub fn booted_at() -> Fact<String> {
    boot_time(&stat(&Host::new(None)))
}

/// The text of /proc/stat, which tells of the machine that runs: it is no file of a captured tree.
pub(crate) fn stat(host: &Host) -> Fact<String> {
    if host.is_live() { host.read_below("/proc/stat", "/proc") } else { Fact::Denied(CAPTURED.into()) }
}

/// By hand: procfs keeps the first answer for ever, and the clock may be set.
pub(crate) fn boot_time(stat: &Fact<String>) -> Fact<String> {
    stat.clone().and_then(|text| {
        let seconds = text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
        seconds.map(rfc3339).ok_or_else(|| "/proc/stat has no btime".into())
    })
}

pub(crate) fn node_name(host: &Host) -> Fact<String> {
    if host.is_live()
        && let Some(name) = std::env::var("NODE_NAME").ok().filter(|name| !name.is_empty())
    {
        return Fact::Known(name);
    }
    if let Some(uname) = uname(host) {
        return Fact::Known(uname.nodename().to_string_lossy().into_owned());
    }
    host.read_below("/proc/sys/kernel/hostname", "/proc/sys/kernel").and_then(|name| match name.trim() {
        "" => Err("/proc/sys/kernel/hostname is empty".into()),
        name => Ok(name.to_owned()),
    })
}

/// In a container the image's own os-release would name the wrong system, and with it the wrong
/// remedy: there only a file that was mounted into it counts.
pub(crate) fn os_release(host: &Host, mounts: &Mounts, bare: bool) -> Fact<OsRelease> {
    const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
    let mounted = |path: &str| mounts.iter().flatten().any(|mount| mount.point == path);
    let files: Vec<_> = FILES.into_iter().filter(|path| bare || mounted(path)).collect();
    if files.is_empty() {
        return Fact::Denied("the os-release file here belongs to the image, not to the node".into());
    }
    let mut found = Fact::Absent;
    for path in files {
        found = host.read_below(path, "/");
        if found != Fact::Absent {
            break;
        }
    }
    found.and_then(|text| OsRelease::parse(&text).map_err(|why| format!("os-release: {why}")))
}

/// With which arguments the kernel was booted. `all`: whether that is asked for, and not needed for a verdict.
pub(crate) fn boot_arguments(host: &Host, kernel: &Fact<Release>, all: bool) -> Fact<BootArguments> {
    if !all && kernel.known().is_none_or(|kernel| kernel.build_of_el7().is_none()) {
        return Fact::Denied("read by the command facts, and of EL7's kernel".into());
    }
    host.read_below("/proc/cmdline", "/proc/self").and_then(|text| Ok(BootArguments::parse(&text)))
}

/// The release of the running kernel. Not by procfs: it wants three numbers, which 6.1 and 6.12-rc3 do not have.
/// What uname(2) says, of a machine that can be asked: one system call in place of three for a file.
fn uname(host: &Host) -> Option<UtsName> {
    nix::sys::utsname::uname().ok().filter(|uname| host.is_live() && !uname.nodename().is_empty())
}

pub(crate) fn kernel(host: &Host) -> Fact<Release> {
    let text = match uname(host) {
        Some(uname) => Fact::Known(uname.release().to_string_lossy().into_owned()),
        None => host.read_below("/proc/sys/kernel/osrelease", "/proc/sys/kernel"),
    };
    text.and_then(Release::try_from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Errno;
    use crate::read::testing::{absent, broken, refused, tell};

    #[test]
    fn boot_arguments_are_read_where_somebody_needs_them() {
        let root = tempfile::tempdir().expect("temp dir");
        let place = root.path().join("proc");
        std::fs::create_dir_all(place.join("self")).expect("mkdir");
        let told = |outcome| tell(root.path(), &[("/proc/cmdline", outcome)]);
        let kernel = |release: &str| Fact::Known(release.to_owned()).and_then(Release::try_from);
        let read = |release: &str, all: bool| boot_arguments(&Host::new(Some(root.path())), &kernel(release), all);
        const EL7: &str = "3.10.0-1160.el7.x86_64";
        std::fs::write(place.join("cmdline"), "root=/dev/sda lsm=yama\n").expect("write");
        let known = Fact::Known(BootArguments::parse("lsm=yama"));
        assert_eq!((read("6.1.0", true), read(EL7, false)), (known.clone(), known));
        assert!(matches!(read("6.1.0", false), Fact::Denied(_)), "no verdict hangs on it");
        told(absent());
        assert_eq!(read(EL7, false), Fact::Absent);
        told(refused());
        assert_eq!(read(EL7, false), Fact::Denied(crate::fact::Why::error("/proc/cmdline", Errno::EACCES)));
        told(broken());
        assert!(matches!(read(EL7, false), Fact::Failed(_)));
    }
}
