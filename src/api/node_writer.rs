use super::{CanaryPods, Error, Ours, Server, of};
use crate::node::{COMPONENT, Key, Node, View, manager};
use crate::profile::Profile;
use crate::publish::{Condition, Desired, Event};
use k8s_openapi::api::core::v1;
use kube::api::{Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value, json};

/// Writes to one Node what belongs to one profile's agent.
pub struct NodeWriter {
    server: Server,
    node: String,
    prefix: String,
    manager: String,
}

impl NodeWriter {
    /// A writer to a node; `profile` is the one that its agent proves.
    pub fn new(server: Server, node: String, prefix: String, profile: Profile) -> Self {
        NodeWriter { server, node, prefix, manager: manager(profile) }
    }

    /// Patches labels and status in one request: the subresource `status` takes both.
    async fn patch<T: DeserializeOwned>(&self, parameters: PatchParams, patch: Patch<Value>) -> Result<T, Error> {
        self.server.request(of::<v1::Node>(None).patch_subresource("status", &self.node, &parameters, &patch)?).await
    }

    pub(super) fn parameters(&self) -> PatchParams {
        PatchParams::apply(&self.manager)
    }

    /// The pods of canaries on the node.
    pub fn canary_pods(&self) -> CanaryPods {
        CanaryPods::new(self.server.clone(), self.node.clone())
    }

    /// Sends a patch that is answered with the Node, whose labels lose their prefix here.
    async fn view(&self, parameters: PatchParams, patch: Patch<Value>) -> Result<View, Error> {
        let node: Node = self.patch(parameters, patch).await?;
        Ok(View::new(node, &self.prefix))
    }

    /// The Node as it is. A patch that changes nothing is answered with the whole object, so no right to read is needed.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn read(&self) -> Result<View, Error> {
        self.view(self.parameters(), Patch::Merge(json!({}))).await
    }

    /// Writes labels and conditions in one request. What this writer owned and does not carry any more is removed.
    /// `before` is the Node as it was, `now` the time in RFC 3339. Where it hangs on what others said, a Node that has changed
    /// meanwhile is refused with 409.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn apply(&self, desired: &Desired, before: &View, now: &str) -> Result<View, Error> {
        let labels: Map<String, Value> = desired.labels.iter().map(|(key, value)| (key.with(&self.prefix), json!(value))).collect();
        let condition = |condition: &Condition| {
            let stands = before.condition(condition.kind).filter(|before| before.status == Some(condition.status));
            let since = stands.and_then(|before| before.last_transition_time.as_deref()).unwrap_or(now);
            json!({
                "type": condition.kind.name(),
                "status": condition.status.to_string(),
                "reason": condition.reason,
                "message": condition.message,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since,
            })
        };
        let conditions: Vec<_> = desired.conditions.iter().map(condition).collect();
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "Node",
            // The uid: another Node of the same name is refused with 409, since nothing here is about it.
            "metadata": {"name": self.node, "uid": before.uid, "labels": labels},
            "status": {"conditions": conditions},
        });
        if desired.only_if_unchanged {
            object["metadata"]["resourceVersion"] = json!(before.resource_version);
        }
        // With force: a label that somebody set by hand would block the apply for good.
        self.view(self.parameters().force(), Patch::Apply(object)).await
    }

    /// Takes off the Node what stands there under our names and was put there by none of our agents: what nobody here wants to say,
    /// an apply leaves as it is. `node` is the Node as it stands; one that has changed meanwhile is refused with 409. None where
    /// there is nothing to take off.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn remove_strays(&self, node: &View) -> Result<Option<View>, Error> {
        let strays = Ours::stray(node, &self.prefix);
        if strays.is_empty() {
            return Ok(None);
        }
        let mut patch = strays.removal();
        patch["metadata"]["uid"] = json!(node.uid);
        patch["metadata"]["resourceVersion"] = json!(node.resource_version);
        self.view(self.parameters(), Patch::Strategic(patch)).await.map(Some)
    }

    /// Tells an event about the Node of this uid, once: a change that was told already is not told again. What happens again brings
    /// the event up to date that told of it before.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tell(&self, event: &Event, uid: &str, now: &str) -> Result<(), Error> {
        match self.make_event(event, uid, now).await {
            Err(Error::Refused { code: 409, .. }) => {}
            made => return made,
        }
        match self.tell_again(event, uid, now).await {
            // It expired in between.
            Err(Error::Refused { code: 404, .. }) => self.make_event(event, uid, now).await,
            told => told,
        }
    }

    async fn make_event(&self, event: &Event, uid: &str, now: &str) -> Result<(), Error> {
        let object = event_object(event, &self.node, uid, now);
        let parameters = PostParams { field_manager: Some(COMPONENT.into()), ..PostParams::default() };
        let made = of::<v1::Event>(Some(EVENTS_NAMESPACE)).create(&parameters, object.to_string().into_bytes())?;
        self.server.request(made).await.map(|IgnoredAny| ())
    }

    /// Brings an event up to date that is there.
    async fn tell_again(&self, event: &Event, uid: &str, now: &str) -> Result<(), Error> {
        // As with the Node: a patch of nothing reads.
        let before: Told = self.patch_event(&event.name(uid), json!({})).await?;
        if event.is_told_by(before.last_timestamp.as_deref()) {
            return Ok(());
        }
        let again = json!({
            "metadata": {"resourceVersion": before.metadata.resource_version},
            "message": event.message,
            "lastTimestamp": now,
            "count": before.count.saturating_add(1),
        });
        self.patch_event(&event.name(uid), again).await.map(|IgnoredAny| ())
    }

    async fn patch_event<T: DeserializeOwned>(&self, name: &str, patch: Value) -> Result<T, Error> {
        let parameters = PatchParams::apply(COMPONENT);
        self.server.request(of::<v1::Event>(Some(EVENTS_NAMESPACE)).patch(name, &parameters, &Patch::Merge(patch))?).await
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn key(&self, key: Key) -> String {
        key.with(&self.prefix)
    }
}

/// Where Kubernetes keeps events about objects that have no namespace.
pub(super) const EVENTS_NAMESPACE: &str = "default";

/// What is read of an event that was told before.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    metadata: Version,
    #[serde(default)]
    last_timestamp: Option<String>,
    #[serde(default)]
    count: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

/// An event about a node's Node, as it is told for the first time.
pub(super) fn event_object(event: &Event, node: &str, uid: &str, now: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event.name(uid), "namespace": EVENTS_NAMESPACE},
        // Without a namespace and with the real uid: else `kubectl describe node` does not find it.
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid},
        "type": event.topic.severity().name(),
        "reason": event.topic.reason(),
        "message": event.message,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": node,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}
