//! The sysctls that decide over namespaces.

use super::host::Host;
use crate::fact::{Fact, Place, SYSCTLS, Step, SysctlRow, Sysctls};
use crate::text::shorten;

/// A limit on namespaces that no builder comes near.
const LARGE: u64 = 1024;

/// Reads them. `nested`: whether this is another user namespace than the machine's first, where that is known.
pub(crate) fn sysctls(host: &Host, nested: Option<bool>) -> Sysctls {
    let why = match nested {
        Some(false) => None,
        Some(true) => Some("inside a user namespace /proc/sys/user shows the limits of that namespace, not of the machine"),
        None => Some(
            "/proc/self/uid_map could not be read, so it is not known whether /proc/sys/user shows the limits of the machine or of a user namespace",
        ),
    };
    Sysctls::read(|row| match (read(host, row, false), why) {
        // A nested namespace has limits of its own, beside which its parents' count too: a small one decides, a large one does not.
        (Fact::Known(value), Some(why)) if value >= LARGE && !row.places.contains(&Place::Canary) => Fact::Denied(why.into()),
        (read, _) => read,
    })
}

/// Reads those that are asked for only after a step has failed, where it has.
pub(crate) fn sysctls_after(host: &Host, sysctls: &mut Sysctls, has_failed: impl Fn(Step) -> bool) {
    for row in SYSCTLS.iter().filter(|row| row.asked_after.is_some_and(&has_failed)) {
        sysctls.set(row.sysctl, read(host, row, true));
    }
}

/// A captured tree costs nothing, so it is always asked.
fn read(host: &Host, row: &SysctlRow, is_asked: bool) -> Fact<u64> {
    if row.asked_after.is_some() && !is_asked && host.is_live() {
        return Fact::Denied("read only where a builder runs into it".into());
    }
    let path = row.sysctl.path();
    host.read_below(&path, "/proc/sys/kernel")
        .and_then(|text| text.trim().parse().map_err(|_| format!("{path} holds {:?}, which is not a number", shorten(text.trim()))))
        .and_then(|value| Sysctls::in_range(row.sysctl, value))
}
