//! Where a builder of a profile can be scheduled, by the labels of all nodes.

use super::pools::{BarrenPool, barren};
use crate::check::Ready;
use crate::node::{Key, View};
use crate::profile::Profile;
use crate::text::counted;
use std::collections::BTreeMap;
use std::fmt;

/// A requirement on a node's labels, as `matchExpressions` of a node affinity have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label; a scheduler wants it with its prefix.
    pub key: Key,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: String,
}

/// The operators that we need (NodeSelectorOperator of Kubernetes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is there, with this value.
    In,
    /// It is not there, or has another value.
    NotIn,
    /// It is there, and as a whole number greater.
    Gt,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Requirement {
    /// Whether the scheduler would take a node on which these labels of ours stand.
    pub fn admits(&self, labels: &BTreeMap<Key, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value == Some(&self.value),
            Operator::NotIn => value != Some(&self.value),
            Operator::Gt => {
                let number = |text: &String| text.parse::<i64>().ok();
                value.and_then(number).zip(number(&self.value)).is_some_and(|(label, least)| label > least)
            }
        }
    }
}

/// Where a builder of a profile may be scheduled. `ids` is how many IDs its pod's user namespace must have, where the profile
/// has one and that is more than each such pod gets.
pub fn requirements(profile: Profile, ids: Option<u32>) -> Vec<Requirement> {
    let (operator, verdict) = if profile.needs_proof() { (Operator::In, Ready::Ready) } else { (Operator::NotIn, Ready::NotReady) };
    let verdict = Requirement { key: Key::Verdict(profile), operator, value: verdict.id().into() };
    let ids = ids.filter(|ids| profile.has_pod_user_namespace() && *ids > 0);
    let ids = ids.map(|ids| Requirement { key: Key::PodIds, operator: Operator::Gt, value: (ids - 1).to_string() });
    [verdict].into_iter().chain(ids).collect()
}

/// How a node stands to a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A builder would be scheduled there, and works.
    Ready,
    /// A builder would be scheduled there, and may fail: no pod has proven the profile.
    Unproven,
    /// It can't run there.
    NotReady,
    /// Nobody can tell.
    Unknown,
    /// A pod that could prove it would start there, and has not answered.
    Candidate,
    /// Such a pod would not start there, by what the kubelet says.
    NoCandidate,
    /// It is ready, but gives a pod fewer IDs than asked for.
    FewIds,
    /// It has no label of ours at all.
    Silent,
}

impl Standing {
    const ALL: [Standing; 8] = [
        Standing::Ready,
        Standing::Unproven,
        Standing::NotReady,
        Standing::Unknown,
        Standing::Candidate,
        Standing::NoCandidate,
        Standing::FewIds,
        Standing::Silent,
    ];

    pub(super) fn of(node: &View, profile: Profile, ids: Option<u32>) -> Self {
        match node.verdict(profile) {
            _ if node.ours.is_empty() => Standing::Silent,
            Some(Ready::NotReady) => Standing::NotReady,
            Some(Ready::Ready) => {
                let admitted = requirements(profile, ids).iter().all(|requirement| requirement.admits(&node.ours));
                if admitted { Standing::Ready } else { Standing::FewIds }
            }
            Some(Ready::Unknown) if profile.needs_proof() => Standing::Unknown,
            Some(Ready::Unknown) => Standing::Unproven,
            None if !profile.has_canary() => Standing::Unknown,
            None => match (node.is_candidate(profile), profile.needs_proof()) {
                (true, true) => Standing::Candidate,
                (true, false) => Standing::Unproven,
                (false, true) => Standing::NoCandidate,
                (false, false) => Standing::Unknown,
            },
        }
    }

    fn title(self) -> &'static str {
        match self {
            Standing::Ready => "ready",
            Standing::Unproven => "not known to fail (no pod has proven it)",
            Standing::NotReady => "not ready",
            Standing::Unknown => "unknown",
            Standing::Candidate => "not proven yet (a pod of the profile would start)",
            Standing::NoCandidate => "where a pod of the profile would not start",
            Standing::FewIds => "with too few IDs per pod",
            Standing::Silent => "without an answer from an agent",
        }
    }
}

/// How all nodes stand to a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fleet {
    /// The profile.
    pub profile: Profile,
    /// The pools whose newest nodes are all proven not to run its builders.
    pub barren: Vec<BarrenPool>,
    nodes: Vec<(String, Standing)>,
}

impl Fleet {
    /// Counts. For `ids` see [`requirements`].
    pub fn new(nodes: &[View], profile: Profile, ids: Option<u32>) -> Self {
        let standing = |node: &View| (node.name.clone(), Standing::of(node, profile, ids));
        Fleet { profile, barren: barren(nodes, profile), nodes: nodes.iter().map(standing).collect() }
    }

    /// How many nodes there are.
    pub fn total(&self) -> usize {
        self.nodes.len()
    }

    /// The names of those where a builder would be scheduled, and works.
    pub fn ready(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(|(_, standing)| *standing == Standing::Ready).map(|(name, _)| name.as_str())
    }

    /// How many nodes stand so.
    fn count(&self, standing: Standing) -> usize {
        self.nodes.iter().filter(|(_, other)| *other == standing).count()
    }

    /// On how many nodes a builder would be scheduled though no pod has proven the profile.
    pub fn unproven(&self) -> usize {
        self.count(Standing::Unproven)
    }

    /// What to do where no node is ready; nothing where there is no node, or where a builder is scheduled all the same.
    pub fn advice(&self) -> Option<String> {
        if self.total() == 0 || self.unproven() > 0 || self.ready().next().is_some() {
            return None;
        }
        if self.count(Standing::Candidate) > 0 {
            let profile = self.profile.id();
            return Some(format!(
                "deploy the canary that proves this profile: add `--canary {profile}` to `buildkit-preflight render agent`, beside the canaries that you have"
            ));
        }
        Some(ADVICE.to_owned())
    }
}

/// `1 of 4 nodes is ready: 2 not ready, 1 without an answer from an agent`.
impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ready = self.count(Standing::Ready);
        if self.total() == 0 {
            return f.write_str("the cluster has no nodes");
        }
        write!(f, "{ready} of {} {} ready", counted(self.total(), "node"), if ready == 1 { "is" } else { "are" })?;
        let others =
            Standing::ALL.into_iter().skip(1).map(|standing| (self.count(standing), standing.title())).filter(|(number, _)| *number > 0);
        let others: Vec<_> = others.map(|(number, title)| format!("{number} {title}")).collect();
        if others.is_empty() { Ok(()) } else { write!(f, ": {}", others.join(", ")) }
    }
}

/// What to do where nodes are missing.
pub const ADVICE: &str = "`kubectl describe node` shows why a node is not ready; where no agent has answered, deploy the agent (`buildkit-preflight render agent`)";

/// Best first.
pub const PREFERENCE: [Profile; Profile::ALL.len()] = Profile::BY_RANK;

/// The best profile for which a builder would be scheduled on so many nodes, and how all nodes stand to each profile, in the order of
/// [`PREFERENCE`]. Those that need no proof come last in it.
pub fn best(nodes: &[View], ids: Option<u32>, least: usize) -> (Option<Profile>, Vec<Fleet>) {
    let fleets: Vec<_> = PREFERENCE.into_iter().map(|profile| Fleet::new(nodes, profile, ids)).collect();
    let best = fleets.iter().find(|fleet| fleet.ready().count() + fleet.unproven() >= least).map(|fleet| fleet.profile);
    (best, fleets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PREFIX: &str = "p.example";

    fn node(name: &str, labels: &[(&str, &str)]) -> View {
        let labels: BTreeMap<_, _> = labels.iter().map(|(key, value)| (format!("{PREFIX}/{key}"), *value)).collect();
        View::new(serde_json::from_value(json!({"metadata": {"name": name, "uid": "u", "labels": labels}})).expect("a node"), PREFIX)
    }

    #[test]
    fn requirements_are_those_of_the_scheduler() {
        let of = |profile, ids| {
            let all = requirements(profile, ids);
            all.iter().map(|one| format!("{} {} {}", one.key.with(PREFIX), one.operator, one.value)).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(of(Profile::NoProcessSandbox, Some(9)), "p.example/no-process-sandbox In ready");
        assert_eq!(of(Profile::Rootful, None), "p.example/rootful NotIn not-ready");
        assert_eq!(of(Profile::ProcMount, Some(131_072)), "p.example/procmount In ready, p.example/pod-ids Gt 131071");
        let gt = |label: &str| {
            Requirement { key: Key::PodIds, operator: Operator::Gt, value: "9".into() }.admits(&[(Key::PodIds, label.into())].into())
        };
        assert!(gt("10") && !gt("9") && !gt("x") && !gt("-10"), "numbers, not texts");
    }

    #[test]
    fn a_node_stands_as_its_labels_say() {
        use Profile::{NoProcessSandbox, Privileged, ProcMount, Userns};
        for (profile, labels, standing) in [
            (NoProcessSandbox, &[("no-process-sandbox", "ready")][..], Standing::Ready),
            (NoProcessSandbox, &[("no-process-sandbox", "not-ready")], Standing::NotReady),
            (NoProcessSandbox, &[("no-process-sandbox", "unknown")], Standing::Unknown),
            (NoProcessSandbox, &[], Standing::Silent),
            // Sent there without a proof too; but some agent must have looked.
            (Privileged, &[("privileged", "unknown")], Standing::Unproven),
            (Privileged, &[("privileged", "unknown"), ("privileged-candidate", "true")], Standing::Unproven),
            (Privileged, &[("privileged-candidate", "true")], Standing::Unproven),
            (Privileged, &[("no-process-sandbox", "ready")], Standing::Unknown),
            (Privileged, &[("privileged", "ready")], Standing::Ready),
            (Privileged, &[("privileged", "not-ready")], Standing::NotReady),
            (Privileged, &[], Standing::Silent),
            (ProcMount, &[("procmount-candidate", "true")], Standing::Candidate),
            (ProcMount, &[("no-process-sandbox", "ready")], Standing::NoCandidate),
            (ProcMount, &[("procmount", "ready"), ("procmount-candidate", "true"), ("pod-ids", "65536")], Standing::FewIds),
            (Userns, &[("userns", "ready"), ("pod-ids", "131072")], Standing::Ready),
            (NoProcessSandbox, &[("no-process-sandbox", "ready"), ("pod-ids", "1")], Standing::Ready),
        ] {
            assert_eq!(Standing::of(&node("n", labels), profile, Some(131_072)), standing, "{profile} {labels:?}");
        }
    }

    #[test]
    fn the_best_profile_is_the_first_with_enough_nodes() {
        let nodes = [
            node("a", &[("no-process-sandbox", "ready"), ("procmount-candidate", "true"), ("privileged", "unknown")]),
            node("b", &[("no-process-sandbox", "not-ready"), ("procmount", "ready"), ("privileged", "unknown")]),
            node("c", &[]),
        ];
        let best = |least| best(&nodes, None, least);
        assert_eq!((best(1).0, best(2).0, best(3).0), (Some(Profile::ProcMount), Some(Profile::Privileged), None));
        assert_eq!(
            best(1).1[0].to_string(),
            "1 of 3 nodes is ready: 1 not proven yet (a pod of the profile would start), 1 without an answer from an agent"
        );
        assert_eq!(best(1).1[3].ready().collect::<Vec<_>>(), ["a"]);
        assert_eq!(Fleet::new(&[], Profile::Userns, None).to_string(), "the cluster has no nodes");
    }
}
