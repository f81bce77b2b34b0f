//! The sysctls that decide over namespaces.

use super::host::Host;
use crate::fact::{Fact, Place, SysctlRow, Sysctls};
use crate::text::shorten;

/// A limit on namespaces that no builder comes near.
const LARGE: u64 = 1024;

/// Reads them. `nested`: whether this is a user namespace of a pod, where that is known.
pub(crate) fn sysctls(host: &Host, nested: Option<bool>) -> Sysctls {
    let why = match nested {
        Some(false) => None,
        Some(true) => Some("inside a pod's user namespace /proc/sys/user shows the limits of that namespace, not of the node"),
        None => Some(
            "not known whether /proc/sys/user shows the limits of the node or of a pod's user namespace: /proc/self/uid_map does not tell",
        ),
    };
    Sysctls::read(|row| match (read(host, row), why) {
        // A nested namespace has limits of its own, beside which its parents' count too: a small one decides, a large one does not.
        (Fact::Known(value), Some(why)) if value >= LARGE && !row.places.contains(&Place::Canary) => Fact::Denied(why.into()),
        (read, _) => read,
    })
}

fn read(host: &Host, row: &SysctlRow) -> Fact<u64> {
    let path = row.sysctl.path();
    host.read_below(&path, "/proc/sys/kernel")
        .and_then(|text| text.trim().parse().map_err(|_| format!("{path} holds {:?}, which is not a number", shorten(text.trim()))))
}
