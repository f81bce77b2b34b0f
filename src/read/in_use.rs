//! What is in use against limits, and the limits of this process.

use super::host::{CAPTURED, Host};
use crate::fact::{Fact, KeyUse};
use std::collections::BTreeSet;
use std::path::Path;

/// A machine with more processes is not counted through.
const MOST_PROCESSES: usize = 32_768;

/// How many processes and threads the user of this process may have. Absent where there is no limit.
pub(crate) fn max_processes(host: &Host) -> Fact<u64> {
    const FILE: &str = "/proc/self/limits";
    host.read_below(FILE, "/proc/self").then(|text| {
        let soft = text.lines().find_map(|line| line.strip_prefix("Max processes")?.split_whitespace().next());
        match (soft, soft.map(str::parse)) {
            (Some("unlimited"), _) => Fact::Absent,
            (_, Some(Ok(limit))) => Fact::Known(limit),
            _ => Fact::Failed(format!("{FILE} has no line of Max processes with a number").into()),
        }
    })
}

/// How many keys this process's user has. Absent where it has none.
pub(crate) fn keys(host: &Host, uid: &Fact<u32>) -> Fact<KeyUse> {
    if !host.is_live() {
        return Fact::Denied(CAPTURED.into());
    }
    uid.then(|uid| of_keys(host.read_below("/proc/key-users", "/proc"), *uid))
}

fn of_keys(text: Fact<String>, uid: u32) -> Fact<KeyUse> {
    text.then(|text| match KeyUse::parse(text, uid) {
        Ok(found) => found.map_or(Fact::Absent, Fact::Known),
        Err(why) => Fact::Failed(why.into()),
    })
}

/// How many user namespaces have a process in them, beside the machine's first one. Those that only a mount or an open file keeps are
/// not seen.
pub(crate) fn user_namespaces(host: &Host, bare: bool) -> Fact<u64> {
    match (host.is_live(), bare) {
        (false, _) => Fact::Denied(CAPTURED.into()),
        (_, false) => Fact::Denied("in a container only its own processes are seen".into()),
        (true, true) => count(Path::new("/proc")),
    }
}

fn count(proc: &Path) -> Fact<u64> {
    let entries = match std::fs::read_dir(proc) {
        Ok(entries) => entries,
        Err(error) => return Fact::Failed(format!("{}: {error}", proc.display()).into()),
    };
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let processes = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_process));
    let mut found = BTreeSet::new();
    for (number, process) in processes.enumerate() {
        if number == MOST_PROCESSES {
            return Fact::Denied(format!("more than {MOST_PROCESSES} processes").into());
        }
        match std::fs::read_link(process.path().join("ns/user")) {
            Ok(link) => drop(found.insert(link)),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Fact::Denied("not all processes show their namespaces to this one".into());
            }
            // It has ended since.
            Err(_) => {}
        }
    }
    // The inode of the first user namespace (PROC_USER_INIT_INO in include/linux/proc_ns.h).
    found.remove(Path::new("user:[4026531837]"));
    Fact::Known(found.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn namespaces_are_counted_once() {
        let proc = tempfile::tempdir().expect("temp dir");
        for (process, link) in
            [("1", "user:[4026531837]"), ("7", "user:[4026532001]"), ("8", "user:[4026532001]"), ("9", "user:[4026532002]")]
        {
            fs::create_dir_all(proc.path().join(process).join("ns")).expect("mkdir");
            symlink(link, proc.path().join(process).join("ns/user")).expect("link");
        }
        fs::create_dir_all(proc.path().join("10")).expect("a process that has ended");
        fs::create_dir_all(proc.path().join("sys/ns")).expect("mkdir");
        assert_eq!(count(proc.path()), Fact::Known(2));
        assert!(matches!(count(&proc.path().join("none")), Fact::Failed(_)));
        let tree = Host::new(Some(proc.path()));
        assert!(matches!((user_namespaces(&tree, true), user_namespaces(&Host::new(None), false)), (Fact::Denied(_), Fact::Denied(_))));
    }

    #[test]
    fn the_limit_of_processes_is_the_soft_one() {
        let root = tempfile::tempdir().expect("temp dir");
        fs::create_dir_all(root.path().join("proc/self")).expect("mkdir");
        let of = |text: &str| {
            fs::write(root.path().join("proc/self/limits"), text).expect("write");
            max_processes(&Host::new(Some(root.path())))
        };
        let head = "Limit                     Soft Limit           Hard Limit           Units     \n";
        assert_eq!(
            of(&format!("{head}Max processes             500                  1000                 processes \n")),
            Fact::Known(500)
        );
        assert_eq!(of(&format!("{head}Max processes             unlimited            unlimited            processes \n")), Fact::Absent);
        assert!(matches!(of(head), Fact::Failed(_)));
        fs::remove_file(root.path().join("proc/self/limits")).expect("rm");
        assert!(matches!(max_processes(&Host::new(Some(root.path()))), Fact::Denied(_)));
    }

    #[test]
    fn keys_are_those_of_this_user() {
        let text = || Fact::Known(" 1000:     3 3/3 2/200 140/20000\n    7: x\n".to_owned());
        assert_eq!(of_keys(text(), 1000).known().map(|keys| keys.keys), Some(2));
        assert_eq!(of_keys(text(), 0), Fact::Absent);
        assert!(matches!(of_keys(text(), 7), Fact::Failed(_)));
        assert!(matches!(of_keys(Fact::Denied("x".into()), 7), Fact::Denied(_)));
        assert!(matches!(keys(&Host::new(None), &Fact::Denied("x".into())), Fact::Denied(_)));
    }
}
