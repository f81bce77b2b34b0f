//! What was seen on the node and what stands on the Node, as one.

use super::view::View;
use crate::fact::Facts;

/// All that a verdict on a node rests on: what was gathered there, and what its Node says of kubelet and system. Made in this
/// place alone, so whoever judges one has heard both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation(Facts);

impl Observation {
    /// The facts of a look at the node, completed by what its Node says.
    pub fn new(mut facts: Facts, node: &View) -> Self {
        facts.kubelet = node.kubelet.clone();
        facts.node_ids = node.node_ids();
        // Read on the spot it says more.
        if facts.os.known().is_none() {
            facts.os = node.os.clone();
        }
        Observation(facts)
    }

    /// As facts.
    pub fn facts(&self) -> &Facts {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, OsRelease};
    use crate::node::DEFAULT_PREFIX;
    use serde_json::json;

    #[test]
    fn the_node_tells_of_the_kubelet_and_of_a_system_that_could_not_be_read() {
        let info = json!({"kubeletVersion": "v1.36.3", "osImage": "Ubuntu 24.04.1 LTS"});
        let node = serde_json::from_value(json!({"metadata": {"name": "n", "uid": "u"}, "status": {"nodeInfo": info}})).expect("a node");
        let node = View::new(node, DEFAULT_PREFIX);
        let seen = Observation::new(Facts::unknown(), &node);
        assert_eq!(seen.facts().kubelet.version, Fact::Known("v1.36.3".to_owned().try_into().expect("a version")));
        assert_eq!(seen.facts().os.known().map(|os| os.id.as_str()), Some("ubuntu"));
        let read = Fact::Known(OsRelease { id: "debian".into(), ..OsRelease::default() });
        let seen = Observation::new(Facts { os: read.clone(), ..Facts::unknown() }, &node);
        assert_eq!(seen.facts().os, read);
    }
}
