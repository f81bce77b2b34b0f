use super::{Error, Server, of};
use crate::node::component;
use crate::profile::Profile;
use crate::publish::Start;
use k8s_openapi::api::core::v1;
use kube::api::ListParams;
use serde::Deserialize;

/// The pods of canaries, in the agent's own namespace: looked at where one is silent, to know why.
pub struct CanaryPods {
    server: Server,
    node: String,
}

// Own types, of what is read: k8s-openapi's Pod and Event, with all that a pod may have, make the binary 350 kB larger.

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    uid: String,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    reason: Option<String>,
    message: Option<String>,
    container_statuses: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    running: Option<Running>,
    waiting: Option<Said>,
    terminated: Option<Said>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Running {
    started_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    reason: Option<String>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    metadata: Metadata,
    #[serde(flatten)]
    said: Said,
    last_timestamp: Option<String>,
    event_time: Option<String>,
}

impl Said {
    fn words(self) -> Option<(String, String)> {
        Some((self.reason?, self.message.unwrap_or_default()))
    }
}

impl CanaryPods {
    /// Those on a node.
    pub fn new(server: Server, node: String) -> Self {
        CanaryPods { server, node }
    }

    /// What came of the newest pod of a profile's canary.
    pub async fn start(&self, profile: Profile) -> Start {
        self.ask(profile).await.unwrap_or_else(|error| Start::Unreadable(error.to_string()))
    }

    /// The name of a node other than this one, by the pods there: an agent may read no Nodes.
    pub(super) async fn another_node(&self) -> Result<Option<String>, Error> {
        let elsewhere = ListParams::default().limit(1).fields(&format!("spec.nodeName!={},spec.nodeName!=", self.node));
        let pods: List<Pod> = self.server.request(of::<v1::Pod>(Some(self.server.namespace())).list(&elsewhere)?).await?;
        Ok(pods.items.into_iter().next().map(|pod| pod.spec.node_name))
    }

    async fn ask(&self, profile: Profile) -> Result<Start, Error> {
        let (namespace, component) = (self.server.namespace(), component(profile));
        let labels = format!("app.kubernetes.io/component={component}");
        // From the API server's cache: what it knows without asking its store.
        let these = ListParams::default().labels(&labels).fields(&format!("spec.nodeName={}", self.node)).at("0");
        let pods: List<Pod> = self.server.request(of::<v1::Pod>(Some(namespace)).list(&these)?).await?;
        let alive = pods.items.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
        let Some(pod) = alive.max_by(|a, b| a.metadata.creation_timestamp.cmp(&b.metadata.creation_timestamp)) else {
            return Ok(Start::NoPod);
        };
        let these = ListParams::default().limit(100).fields(&format!("type=Warning,involvedObject.uid={}", pod.metadata.uid));
        let events: List<Event> = self.server.request(of::<v1::Event>(Some(namespace)).list(&these)?).await?;
        // RFC 3339 in UTC: the order of texts is that of times.
        let at = |event: &Event| {
            event.last_timestamp.clone().or_else(|| event.event_time.clone()).or_else(|| event.metadata.creation_timestamp.clone())
        };
        let warning = events.items.into_iter().max_by_key(at).and_then(|event| event.said.words());
        let status = pod.status;
        let states: Vec<_> = status.container_statuses.into_iter().map(|container| container.state).collect();
        let starts: Option<Vec<_>> = states.iter().map(|state| state.running.as_ref()?.started_at.clone()).collect();
        let stopped = states.into_iter().filter_map(|state| state.waiting.or(state.terminated)?.words()).next();
        let refused = Said { reason: status.reason, message: status.message }.words();
        Ok(Start::Pod { runs: starts.and_then(|starts| starts.into_iter().max()), stopped: refused.or(stopped), warning })
    }
}
