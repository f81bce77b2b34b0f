//! Why nodes are not ready, node by node: for somebody who wanted to use one.

use super::placement::Standing;
use crate::node::{ConditionType, Key, View};
use crate::profile::Profile;

/// A node where a builder of a profile is not to run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The node.
    pub node: String,
    /// What its label says, or that it says nothing.
    pub verdict: &'static str,
    /// Why, and what to do, as its condition says it.
    pub why: String,
}

/// The nodes where a builder of the profile would not be scheduled, in their order.
pub fn obstacles(nodes: &[View], profile: Profile) -> Vec<Obstacle> {
    nodes.iter().filter_map(|node| obstacle(node, profile)).collect()
}

/// Why a node is as its label says, by its condition, else by its label of the cause.
pub(super) fn said(node: &View, profile: Profile) -> String {
    let condition = node.condition(ConditionType::of(profile));
    let message = condition.map(|condition| condition.message.clone()).filter(|message| !message.is_empty());
    let cause = node.label(Key::Cause).filter(|_| profile == Profile::NoProcessSandbox);
    message.unwrap_or_else(|| cause.map_or_else(|| "the node does not say why".into(), |cause| format!("the cause is {cause}")))
}

fn obstacle(node: &View, profile: Profile) -> Option<Obstacle> {
    let said = || said(node, profile);
    let (verdict, why) = match Standing::of(node, profile, None) {
        Standing::Ready | Standing::Unproven => return None,
        Standing::NotReady => ("not-ready", said()),
        Standing::Unknown => ("unknown", said()),
        Standing::Candidate => {
            ("not proven", format!("deploy the canary of {profile}: `render agent --canary {profile}`", profile = profile.id()))
        }
        Standing::NoCandidate => ("not proven", format!("a pod of {} would not start there, by what the kubelet says", profile.id())),
        Standing::FewIds => ("too few IDs", "its pods get fewer IDs than are needed".into()),
        Standing::Silent => ("no answer", "no agent has answered: is its DaemonSet running there?".into()),
    };
    Some(Obstacle { node: node.name.clone(), verdict, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::DEFAULT_PREFIX;
    use serde_json::json;

    fn node(name: &str, label: Option<&str>, message: &str) -> View {
        let labels = label.map_or_else(|| json!({}), |label| json!({"buildkit-preflight.dev/no-process-sandbox": label}));
        let condition = json!({"type": "RootlessBuildKit", "status": "False", "reason": "UsernsMax0", "message": message});
        let object = json!({"metadata": {"name": name, "uid": "u", "labels": labels}, "status": {"conditions": [condition]}});
        View::new(serde_json::from_value(object).expect("a node"), DEFAULT_PREFIX)
    }

    #[test]
    fn each_node_says_why() {
        let nodes = [
            node("a", Some("ready"), ""),
            node("b", Some("not-ready"), "set the sysctl"),
            node("c", Some("unknown"), ""),
            node("d", None, ""),
        ];
        let all = obstacles(&nodes, Profile::NoProcessSandbox);
        let shown: Vec<_> = all.iter().map(|one| (one.node.as_str(), one.verdict, one.why.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("b", "not-ready", "set the sysctl"),
                ("c", "unknown", "the node does not say why"),
                ("d", "no answer", "no agent has answered: is its DaemonSet running there?"),
            ]
        );
        assert_eq!(obstacles(&nodes[1..2], Profile::Userns)[0].verdict, "not proven");
    }
}
