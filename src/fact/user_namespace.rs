use super::Facts;

/// Whose user namespace a process is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserNamespace {
    /// The machine's first one.
    Machines,
    /// The node's: kubelet, runtime and all pods with `hostUsers: true` live in it, as in an unprivileged LXC container.
    Nodes,
    /// The pod's own.
    Pods,
    /// That of the node or that of the pod: the node has one of its own, and nobody has told how large it is.
    Unclear,
}

impl Facts {
    /// Whose user namespace this process is in. From the inside one looks like another, so this goes by what the pod asked for, by what
    /// the Node says of the node's own, and by the map last of all.
    pub fn user_namespace(&self) -> Option<UserNamespace> {
        let map = self.process.uid_map.known()?;
        if map.is_initial() {
            return Some(UserNamespace::Machines);
        }
        let is_a_pods = if map.is_a_kubelets() { UserNamespace::Pods } else { UserNamespace::Nodes };
        Some(match (self.process.asked_user_namespace.known(), self.node_ids.known(), self.kubelet.in_user_namespace.known()) {
            (Some(false), ..) => UserNamespace::Nodes,
            // A kubelet gives a pod some of the node's IDs, and never all.
            (Some(true), Some(ids), _) if map.size() >= *ids => UserNamespace::Nodes,
            (Some(true), Some(_), _) | (Some(true), None, Some(false)) => UserNamespace::Pods,
            (Some(true), None, Some(true)) => UserNamespace::Unclear,
            (Some(true), None, None) if is_a_pods == UserNamespace::Nodes => UserNamespace::Unclear,
            (Some(true) | None, ..) => is_a_pods,
        })
    }

    /// Whether the node as a whole lives in a user namespace.
    pub fn is_node_in_user_namespace(&self) -> bool {
        self.kubelet.in_user_namespace.known() == Some(&true) || self.user_namespace() == Some(UserNamespace::Nodes)
    }

    /// How many IDs the node's own user namespace has, for a process that is in it.
    pub fn ids_of_node(&self) -> Option<u64> {
        let map = self.process.uid_map.known().filter(|_| self.user_namespace() == Some(UserNamespace::Nodes));
        map.map(super::IdMap::size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, IdMap};
    use UserNamespace::{Machines, Nodes, Pods, Unclear};

    #[test]
    fn whose_it_is_goes_by_what_was_asked_for_and_told() {
        const INITIAL: &str = "0 0 4294967295";
        const KUBELETS: &str = "0 1048576 65536";
        const LXC: &str = "0 100000 65536";
        const ROOTLESS: &str = "0 1000 1\n1 100000 65536";
        let (yes, no, untold) = (Some(true), Some(false), None);
        for (map, asked, ids, kubelet, whose) in [
            (INITIAL, yes, None, untold, Machines),
            // A pod that asked for none is in the node's, whatever it looks like.
            (KUBELETS, no, None, untold, Nodes),
            (ROOTLESS, no, None, no, Nodes),
            (KUBELETS, yes, None, untold, Pods),
            (KUBELETS, yes, None, no, Pods),
            // The runtime ignored the field: it has as many IDs as the node.
            (KUBELETS, yes, Some(65_536), untold, Nodes),
            (LXC, yes, Some(65_536), yes, Nodes),
            (ROOTLESS, yes, Some(65_537), yes, Nodes),
            ("0 65536 65536", yes, Some(1_000_000_000), yes, Pods),
            (KUBELETS, yes, None, yes, Unclear),
            (LXC, yes, None, untold, Unclear),
            // Nobody knows what was asked for.
            (KUBELETS, untold, None, untold, Pods),
            (LXC, untold, None, untold, Nodes),
            (ROOTLESS, untold, None, untold, Nodes),
        ] {
            let known = |told: Option<bool>| told.map_or_else(Fact::default, Fact::Known);
            let mut facts = Facts { node_ids: ids.map_or(Fact::Absent, Fact::Known), ..Facts::unknown() };
            facts.process.uid_map = Fact::Known(IdMap::parse(map).expect("a map"));
            facts.process.asked_user_namespace = known(asked);
            facts.kubelet.in_user_namespace = known(kubelet);
            assert_eq!(facts.user_namespace(), Some(whose), "{map:?} {asked:?} {ids:?} {kubelet:?}");
            assert_eq!(facts.is_node_in_user_namespace(), whose == Nodes || kubelet == yes);
            assert_eq!(facts.ids_of_node().is_some(), whose == Nodes);
        }
        assert_eq!(Facts::unknown().user_namespace(), None);
    }
}
