//! All of /proc/sys, compared.

use crate::seen::Seen;
use std::collections::{BTreeMap, BTreeSet};

/// What the kernel and any process change by themselves.
const RESTLESS: [&str; 7] =
    ["kernel/random/", "kernel/ns_last_pid", "kernel/pty/nr", "fs/dentry-state", "fs/inode-nr", "fs/inode-state", "fs/file-nr"];

/// Values by their paths below /proc/sys.
pub(crate) type Sysctls = BTreeMap<String, String>;

/// What `everything` in guest/lib.sh wrote.
pub(crate) fn read(seen: &mut Seen, name: &str) -> Sysctls {
    let mut sysctls = Sysctls::new();
    for line in seen.text(name).lines() {
        let Some((path, value)) = line.strip_prefix("/proc/sys/").and_then(|line| line.split_once(':')) else { continue };
        if !RESTLESS.iter().any(|prefix| path.starts_with(prefix)) {
            let entry: &mut String = sysctls.entry(path.to_owned()).or_default();
            entry.push_str(value);
            entry.push('\n');
        }
    }
    let known = sysctls.len();
    seen.expect(known > 300, || format!("{name}: only {known} sysctls were read"));
    sysctls
}

/// The paths of what differs.
pub(crate) fn differ(before: &Sysctls, after: &Sysctls) -> BTreeSet<String> {
    before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}
