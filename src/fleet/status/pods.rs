//! Why a node is silent, by the pods of the agent.

use super::model::FleetNode;
use super::state::Silence;
use crate::text::plain;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is read of a pod of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Pod")]
pub struct AgentPod {
    /// Its name.
    pub name: String,
    /// The node that it is on; empty before it is scheduled.
    pub node: String,
    /// Whether it does its work, by its own word.
    pub is_ready: bool,
    /// Whether its container runs.
    pub is_running: bool,
    /// What the kubelet says of it, where it does not run.
    pub why: Option<String>,
    /// Whether its log says that its account is confined by no policy.
    pub is_unconfined: bool,
}

/// The longest words of the kubelet that are passed on, in characters.
const WORDS: usize = 200;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    reason: String,
    message: String,
    conditions: Vec<Condition>,
    container_statuses: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    running: Option<serde::de::IgnoredAny>,
    waiting: Option<Said>,
    terminated: Option<Said>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    reason: String,
    message: String,
}

impl From<Pod> for AgentPod {
    fn from(Pod { metadata, spec, status }: Pod) -> Self {
        let condition = |kind: &str| status.conditions.iter().find(|condition| condition.kind == kind);
        let states = status.container_statuses.iter().map(|container| &container.state);
        let stopped = states.clone().find_map(|state| state.waiting.as_ref().or(state.terminated.as_ref()));
        let unscheduled = condition("PodScheduled").filter(|condition| condition.status == "False");
        let said = |reason: &str, message: &str| {
            let both = [reason, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
            Some(plain(&both, WORDS)).filter(|text| !text.is_empty())
        };
        let why = said(&status.reason, &status.message)
            .or_else(|| stopped.and_then(|stopped| said(&stopped.reason, &stopped.message)))
            .or_else(|| unscheduled.and_then(|condition| said(&condition.reason, &condition.message)))
            .or_else(|| (status.phase != "Running").then(|| plain(&status.phase, WORDS)));
        AgentPod {
            name: metadata.name,
            node: spec.node_name,
            is_ready: condition("Ready").is_some_and(|condition| condition.status == "True"),
            is_running: states.clone().count() > 0 && states.clone().all(|state| state.running.is_some()),
            why,
            is_unconfined: false,
        }
    }
}

/// Says of each silent node what became of the agent's pod there. `namespace` is where pods were looked for.
pub fn explain_silence(list: &mut [FleetNode], pods: &[AgentPod], namespace: &str) {
    let by_node: BTreeMap<&str, &AgentPod> = pods.iter().map(|pod| (pod.node.as_str(), pod)).collect();
    for node in list {
        let Some(seen) = node.silent_because.filter(|because| *because != Silence::NotLinux) else { continue };
        let (because, text) = match by_node.get(&*node.name) {
            None if pods.is_empty() => (Silence::NoAgent, format!("the namespace {namespace} has no pod of the agent at all")),
            None => (Silence::NoAgent, format!("no pod of the agent is there (namespace {namespace})")),
            Some(pod) if pod.is_unconfined => {
                (Silence::NotConfined, format!("the agent's pod {} writes nothing: no admission policy confines its account", pod.name))
            }
            Some(pod) if !pod.is_running => {
                let why = pod.why.as_deref().unwrap_or("it does not run");
                (Silence::AgentNotReady, format!("the agent's pod {} does not run: {why}", pod.name))
            }
            Some(pod) if !pod.is_ready => (
                Silence::AgentNotReady,
                format!("the agent's pod {0} runs and publishes nothing: kubectl logs -n {namespace} {0}", pod.name),
            ),
            // It does its work now: what stands there is from before, or another's, and will be written anew.
            Some(pod) => (seen, format!("the agent's pod {} is ready, and has not written there yet", pod.name)),
        };
        let before = node.silent_text.as_deref().map(|before| format!("{before}; ")).unwrap_or_default();
        node.silent_text = Some(format!("{before}{text}").into());
        node.silent_because = Some(because);
        for profile in crate::profile::Profile::ALL {
            let standing = node.profiles.get_mut(profile);
            // Those that are silent for the same reason.
            if standing.silent_because == Some(seen) {
                standing.silent_because = Some(because);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(value: serde_json::Value) -> AgentPod {
        serde_json::from_value(value).expect("a pod")
    }

    #[test]
    fn what_becomes_of_a_pod_is_told() {
        let state = |state| json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running", "containerStatuses": [{"state": state}]}});
        let waiting = pod(state(json!({"waiting": {"reason": "ImagePullBackOff", "message": "no\nsuch image"}})));
        assert_eq!((waiting.is_running, waiting.why.as_deref()), (false, Some("ImagePullBackOff: no such image")));
        let running = pod(state(json!({"running": {}})));
        assert!(running.is_running && !running.is_ready && running.why.is_none());
        assert_eq!(pod(json!({"metadata": {"name": "p"}, "status": {"phase": "Pending"}})).why.as_deref(), Some("Pending"));
        assert!(!pod(json!({})).is_running);
    }

    #[test]
    fn a_silent_node_is_explained_by_its_pod() {
        let silent = |name: &str, because| FleetNode { name: name.into(), silent_because: Some(because), ..FleetNode::default() };
        let ready = FleetNode { name: "r".into(), ..FleetNode::default() };
        let mut list = [silent("a", Silence::NoLabels), silent("b", Silence::Stale), silent("w", Silence::NotLinux), ready.clone()];
        let there = AgentPod { name: "p".into(), node: "b".into(), is_running: true, ..AgentPod::default() };
        explain_silence(&mut list, std::slice::from_ref(&there), "x");
        let because = |at: usize, list: &[FleetNode]| list[at].silent_because;
        assert_eq!(because(0, &list), Some(Silence::NoAgent));
        assert_eq!(because(1, &list), Some(Silence::AgentNotReady));
        assert_eq!((because(2, &list), &list[3]), (Some(Silence::NotLinux), &ready));
        assert!(list[1].silent_text.as_deref().is_some_and(|text| text.ends_with("kubectl logs -n x p")));
        let mut list = [silent("b", Silence::Stale)];
        explain_silence(&mut list, &[AgentPod { is_unconfined: true, ..there.clone() }], "x");
        assert_eq!(because(0, &list), Some(Silence::NotConfined));
        let mut list = [silent("b", Silence::Stale)];
        explain_silence(&mut list, &[AgentPod { is_ready: true, ..there }], "x");
        assert_eq!(because(0, &list), Some(Silence::Stale));
    }
}
