//! What the default profile's agent says of the node as it is.

use super::said::Said;
use crate::check::procmount_support;
use crate::fact::{Fact, Facts, Sysctl};
use crate::node::Key;

pub(super) fn say(facts: &Facts) -> Said {
    let mut said = Said::default();
    said.label(Key::ProcmountRuntime, Some(procmount_support(facts).to_string()));
    let os = facts.os.known();
    said.label(Key::Distro, os.map(|os| &os.id));
    said.label(Key::DistroVersion, os.and_then(|os| os.version_id.as_ref()));
    said.label(Key::Kernel, facts.kernel.known().map(|kernel| format!("{}.{}", kernel.version().0, kernel.version().1)));
    let switch = match facts.sysctls.get(Sysctl::UnprivilegedUsernsClone) {
        Fact::Known(value) => Some(value.to_string()),
        Fact::Absent => Some("absent".into()),
        Fact::Denied(_) | Fact::Failed(_) => None,
    };
    said.label(Key::UnprivilegedUsernsClone, switch);
    said
}
