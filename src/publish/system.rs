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
    said.label(Key::InUserNamespace, facts.is_node_in_user_namespace().then_some("true"));
    said.label(Key::NodeIds, facts.ids_of_node().map(|ids| ids.to_string()));
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::facts_of;
    use crate::fact::IdMap;

    #[test]
    fn a_node_in_a_user_namespace_is_labelled() {
        let labels = |asked: bool, map: &str, kubelet: Fact<bool>| {
            let said = say(&facts_of(&|facts| {
                facts.process.uid_map = IdMap::parse(map).map_or(Fact::Absent, Fact::Known);
                facts.process.asked_user_namespace = Fact::Known(asked);
                facts.kubelet.in_user_namespace = kubelet.clone();
            }));
            let label = |key| said.labels.get(&key).cloned().unwrap_or_default();
            (label(Key::InUserNamespace), label(Key::NodeIds))
        };
        let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(labels(false, "0 0 4294967295", Fact::Absent), text("", ""));
        assert_eq!(labels(false, "0 0 4294967295", Fact::Known(false)), text("", ""));
        assert_eq!(labels(false, "0 1000 1\n1 100000 65536", Fact::Absent), text("true", "65537"));
        assert_eq!(labels(false, "0 1048576 65536", Fact::Known(true)), text("true", "65536"));
    }
}
