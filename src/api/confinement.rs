//! Whether the admission policies are there that confine the agent's account: each rule is tried with a dry run that breaks it.

use super::node_writer::{EVENTS_NAMESPACE, event_object};
use super::{Error, NodeWriter, of};
use crate::node::{ConditionType, Key, MESSAGE_BYTES, Rule};
use crate::publish::{Event, Topic};
use k8s_openapi::api::core::v1;
use kube::api::{Patch, PatchParams, PostParams};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// What a name, a key or a manager is called that belongs to nobody.
const FOREIGN: &str = "confinement-test.invalid";

/// A time that no clock shows.
const FAR_FUTURE: &str = "2999-01-01T00:00:00Z";

/// What came of trying a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The rule refused what was tried.
    Refused,
    /// Nothing could be tried, for this reason.
    NotTried(String),
}

impl NodeWriter {
    /// Tries, as a dry run, what a rule of the admission policies must refuse. `uid` is the Node's.
    ///
    /// # Errors
    /// [`Error::Unconfined`] where it is not refused, [`Error::Undecided`] where somebody else refuses it, and what else can
    /// happen to a request.
    pub async fn try_rule(&self, rule: Rule, uid: &str, now: &str) -> Result<Tried, Error> {
        let tried = match rule {
            Rule::OwnNode => match self.canary_pods().another_node().await {
                Ok(Some(node)) => self.dry_run(&node, self.parameters(), Patch::Merge(json!({}))).await,
                Ok(None) => return Ok(Tried::NotTried("no other node is known".into())),
                Err(error) => return Ok(Tried::NotTried(error.to_string())),
            },
            Rule::Labels => self.merge(json!({"metadata": {"labels": {format!("{FOREIGN}/agent"): "foreign"}}})).await,
            Rule::Rest => self.merge(json!({"metadata": {"annotations": {format!("{FOREIGN}/agent"): "foreign"}}})).await,
            Rule::Status => self.merge(json!({"status": {"volumesInUse": [FOREIGN]}})).await,
            Rule::Conditions => self.condition("ConfinementTest", "message", "foreign").await,
            Rule::Texts => self.condition(ConditionType::RootlessBuildKit.name(), "message", "\u{1b}").await,
            Rule::Times => self.condition(ConditionType::RootlessBuildKit.name(), "lastHeartbeatTime", FAR_FUTURE).await,
            Rule::Managers => {
                let label = json!({"metadata": {"labels": {self.key(Key::Tuned): "confinement-test"}}});
                self.dry_run(self.node(), PatchParams::apply(FOREIGN), Patch::Merge(label)).await
            }
            Rule::EventNames => self.event(|event| event["metadata"]["name"] = FOREIGN.into(), uid, now).await,
            Rule::EventFields => self.event(|event| event["message"] = "x".repeat(MESSAGE_BYTES + 1).into(), uid, now).await,
            Rule::EventTimes => self.event(|event| event["lastTimestamp"] = FAR_FUTURE.into(), uid, now).await,
        };
        let what = rule.attack();
        match tried {
            Ok(IgnoredAny) => Err(Error::Unconfined { what, policy: rule.policy() }),
            Err(Error::Refused { code: 403 | 422, message, .. }) if message.contains(rule.refusal()) => Ok(Tried::Refused),
            // The pod is older than the Node, which was made anew, and its token still tells the uid of the one before.
            Err(Error::Refused { code: 403 | 422, message, .. })
                if rule.policy() == Rule::EventNames.policy() && message.contains(Rule::EventNames.refusal()) =>
            {
                Ok(Tried::NotTried("this pod's token tells of an earlier Node of this name".into()))
            }
            // It was not refused before it was seen that such an event is there.
            Err(Error::Refused { code: 409, .. }) if rule.policy() == Rule::EventFields.policy() => {
                Err(Error::Unconfined { what, policy: rule.policy() })
            }
            // The pod that told of another node is gone, and that node as well.
            Err(Error::Refused { code: 404, .. }) if rule == Rule::OwnNode => Ok(Tried::NotTried("the other node is gone".into())),
            // A rule that comes after it in the same policy: the one that was tried is not there.
            Err(Error::Refused { code: 403 | 422, message, .. }) if Rule::ALL.iter().any(|other| message.contains(other.refusal())) => {
                Err(Error::Unconfined { what, policy: rule.policy() })
            }
            // Not any refusal will do: RBAC refuses all, and another policy or webhook may refuse this and allow the next.
            Err(Error::Refused { code: 403 | 422, message, .. }) => Err(Error::Undecided { what, policy: rule.policy(), message }),
            Err(error) => Err(error),
        }
    }

    async fn merge(&self, patch: Value) -> Result<IgnoredAny, Error> {
        self.dry_run(self.node(), self.parameters(), Patch::Merge(patch)).await
    }

    async fn condition(&self, kind: &str, field: &str, value: &str) -> Result<IgnoredAny, Error> {
        let condition = json!({"type": kind, "status": "Unknown", field: value});
        self.dry_run(self.node(), self.parameters(), Patch::Strategic(json!({"status": {"conditions": [condition]}}))).await
    }

    async fn dry_run(&self, node: &str, parameters: PatchParams, patch: Patch<Value>) -> Result<IgnoredAny, Error> {
        self.server().request(of::<v1::Node>(None).patch_subresource("status", node, &parameters.dry_run(), &patch)?).await
    }

    /// An event of the agent's own, but for one field.
    async fn event(&self, spoil: impl FnOnce(&mut Value), uid: &str, now: &str) -> Result<IgnoredAny, Error> {
        let topic = Topic::all().into_iter().next().ok_or_else(|| Error::NoAccess("no events are known".into()))?;
        let event = Event { topic, since: None, message: "confinement test".into() };
        let mut object = event_object(&event, self.node(), uid, now);
        spoil(&mut object);
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        self.server().request(of::<v1::Event>(Some(EVENTS_NAMESPACE)).create(&parameters, object.to_string().into_bytes())?).await
    }
}
