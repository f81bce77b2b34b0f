use super::{CanaryPods, Error, Server, of};
use crate::node::{Node, REFUSAL, View, manager};
use crate::profile::Profile;
use crate::publish::{Condition, Desired, Event};
use k8s_openapi::api::core::v1;
use kube::api::{Patch, PatchParams, PostParams};
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

    fn parameters(&self) -> PatchParams {
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

    /// Tries, as a dry run, what the admission policy must refuse: a label that is not ours.
    ///
    /// # Errors
    /// [`Error::Unconfined`] where it is not refused, and a refusal by somebody else.
    pub async fn check_confinement(&self) -> Result<(), Error> {
        let foreign = json!({"metadata": {"labels": {"confinement-test.invalid/agent": "foreign"}}});
        let tried: Result<IgnoredAny, _> = self.patch(self.parameters().dry_run(), Patch::Merge(foreign)).await;
        match tried {
            Ok(_) => Err(Error::Unconfined),
            // Not any refusal: RBAC refuses all, and another policy or webhook may refuse this label and allow the next.
            Err(Error::Refused { code: 403 | 422, message, .. }) if message.contains(REFUSAL) => Ok(()),
            Err(error) => Err(error),
        }
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

    /// Tells an event about the Node, once: one that was told already is no error.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tell(&self, event: &Event, uid: &str, now: &str) -> Result<(), Error> {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": event.name, "namespace": NAMESPACE},
            // Without a namespace and with the real uid: else `kubectl describe node` does not find it.
            "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": self.node, "uid": uid},
            "type": event.severity.name(),
            "reason": event.reason,
            "message": event.message,
            "source": {"component": COMPONENT, "host": self.node},
            "reportingComponent": COMPONENT,
            "reportingInstance": self.node,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        });
        let parameters = PostParams { field_manager: Some(self.manager.clone()), ..PostParams::default() };
        let asked = of::<v1::Event>(Some(NAMESPACE)).create(&parameters, object.to_string().into_bytes())?;
        let told: Result<IgnoredAny, _> = self.server.request(asked).await;
        match told {
            Err(Error::Refused { code: 409, .. }) => Ok(()),
            told => told.map(|_| ()),
        }
    }
}

/// Where Kubernetes keeps events about objects that have no namespace.
const NAMESPACE: &str = "default";
const COMPONENT: &str = "buildkit-preflight";
