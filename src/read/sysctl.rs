//! The sysctls that decide over namespaces.

use super::host::{CAPTURED, Host};
use crate::fact::{Fact, Place, SysctlRow, Sysctls};
use crate::text::shorten;

/// A limit on namespaces that no builder comes near.
const LARGE: u64 = 1024;

pub(crate) fn sysctls(host: &Host, nested: bool) -> Sysctls {
    Sysctls::read(|row| match read(host, row) {
        // A nested namespace has limits of its own, beside which its parents' count too: a small one decides, a large one does not.
        Fact::Known(value) if nested && value >= LARGE && !row.places.contains(&Place::Canary) => {
            Fact::Denied("inside a pod's user namespace /proc/sys/user shows the limits of that namespace, not of the node".into())
        }
        read => read,
    })
}

fn read(host: &Host, row: &SysctlRow) -> Fact<u64> {
    let path = row.sysctl.path();
    let text = host.read_below(&path, "/proc/sys/kernel");
    if text == Fact::Absent && host.is_unsaid() && !row.absence_tells {
        return Fact::Denied(format!("{path}: {CAPTURED}").into());
    }
    text.and_then(|text| text.trim().parse().map_err(|_| format!("{path} holds {:?}, which is not a number", shorten(text.trim()))))
}
