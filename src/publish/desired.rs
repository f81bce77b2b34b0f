use super::condition::{Condition, Status, condition};
use super::labels::{Accept, labels};
use super::names::{ConditionType, Key};
use super::node::Node;
use crate::check::{Profile, Ready, Verdict, judge};
use crate::fact::{Facts, Kubelet};
use std::collections::BTreeMap;

/// All that the agent of the default profile owns on its Node. What it leaves out of an apply is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Labels, by key.
    pub labels: BTreeMap<Key, String>,
    /// Conditions, that of the default profile first.
    pub conditions: Vec<Condition>,
    /// What each profile came to.
    pub verdicts: Vec<Verdict>,
    /// What the kubelet said when this was judged.
    pub kubelet: Kubelet,
    /// What is said of the default profile.
    pub published: Ready,
}

/// Judges the facts and says what should stand on the Node, where `node` stands now.
pub fn desired(facts: &Facts, accept: Accept, node: &Node, prefix: &str) -> Desired {
    let verdicts = Profile::ALL.map(|profile| judge(facts, profile, None)).to_vec();
    let labels = labels(facts, &verdicts, accept, node, prefix);
    let default = &verdicts[0];
    let mut conditions = vec![condition(facts, default, accept)];
    for (profile, kind) in [(Profile::ProcMount, ConditionType::ProcMount), (Profile::Userns, ConditionType::Userns)] {
        if labels.contains_key(&Key::Verdict(profile)) && node.condition(kind).is_some() {
            conditions.push(withdrawn(kind));
        }
    }
    Desired { published: accept.of(default), labels, conditions, verdicts, kubelet: facts.kubelet.clone() }
}

/// What a canary said once, where none can run any more.
fn withdrawn(kind: ConditionType) -> Condition {
    let short = "this node is no candidate any more, so no canary proves it".to_owned();
    Condition { kind, status: Status::False, reason: "NoCandidate".into(), message: short.clone(), short }
}
