//! Whether the admission policies are there that confine the agent's account: each rule is tried with a dry run that breaks it.

use super::error::said;
use super::node_writer::{EVENTS_NAMESPACE, event_object};
use super::server::Refusal;
use super::{Error, NodeWriter, of};
use crate::node::{ConditionType, Key, MESSAGE_BYTES, Rule};
use crate::publish::{Event, Topic};
use k8s_openapi::api::core::v1;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// What a name, a key or a manager is called that belongs to nobody.
const FOREIGN: &str = "confinement-test.invalid";

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
        // What stands already is no change, and refused by nobody: no two tries are alike.
        let mark = now.replace(':', ".");
        let far_future = format!("29{}", now.get(2..).unwrap_or_default());
        let ours = ConditionType::RootlessBuildKit.name();
        let tried = match rule {
            Rule::OwnNode => match self.canary_pods().another_node().await {
                Ok(Some(node)) => self.dry_run(&node, self.parameters(), Patch::Merge(json!({}))).await,
                Ok(None) => return Ok(Tried::NotTried("no other node is known".into())),
                Err(error) => return Ok(Tried::NotTried(error.to_string())),
            },
            Rule::Labels => self.merge(json!({"metadata": {"labels": {format!("{FOREIGN}/agent"): mark}}})).await,
            Rule::Rest => self.merge(json!({"metadata": {"annotations": {format!("{FOREIGN}/agent"): mark}}})).await,
            Rule::Status => self.merge(json!({"status": {"volumesInUse": [format!("{FOREIGN}/{mark}")]}})).await,
            Rule::Conditions => self.condition("ConfinementTest", "message", "foreign", now).await,
            Rule::Texts => self.condition(ours, "message", "\u{1b}", now).await,
            Rule::Times => self.condition(ours, "lastHeartbeatTime", &far_future, now).await,
            Rule::Managers => {
                let label = json!({"metadata": {"labels": {self.key(Key::Tuned): mark}}});
                self.dry_run(self.node(), PatchParams::apply(FOREIGN), Patch::Merge(label)).await
            }
            Rule::EventNames => self.event(|event| event["metadata"]["name"] = FOREIGN.into(), uid, now).await,
            Rule::EventFields => self.event(|event| event["message"] = "x".repeat(MESSAGE_BYTES + 1).into(), uid, now).await,
            Rule::EventTimes => self.event(|event| event["lastTimestamp"] = far_future.into(), uid, now).await,
        };
        let what = rule.attack();
        let Some(refusal) = tried? else { return Err(Error::Unconfined { what, policy: rule.policy() }) };
        // By the whole message: the name of the node, which stands before the rule's text, may be long.
        let by = Rule::ALL.into_iter().find(|rule| refusal.message.contains(rule.refusal()));
        match (refusal.code, by) {
            (403 | 422, Some(by)) if by == rule => Ok(Tried::Refused),
            // The pod is older than the Node, which was made anew, and its token still tells the uid of the one before.
            (403 | 422, Some(Rule::EventNames)) if Rule::EventNames.is_asked_before(rule) => {
                Ok(Tried::NotTried("this pod's token tells of an earlier Node of this name".into()))
            }
            // Of the rules that refuse, the API server tells the first: this says nothing of those behind it.
            (403 | 422, Some(by)) if by.is_asked_before(rule) => {
                Ok(Tried::NotTried(format!("an earlier rule refuses it: {}", by.refusal())))
            }
            // A rule that comes after it: the one that was tried is not there.
            (403 | 422, Some(_)) => Err(Error::Unconfined { what, policy: rule.policy() }),
            // It was not refused before it was seen that such an event is there.
            (409, _) if rule.policy() == Rule::EventFields.policy() => Err(Error::Unconfined { what, policy: rule.policy() }),
            // The pod that told of another node is gone, and that node as well.
            (404, _) if rule == Rule::OwnNode => Ok(Tried::NotTried("the other node is gone".into())),
            // Not any refusal will do: RBAC refuses all, and another policy or webhook may refuse this and allow the next.
            (403 | 422, None) => Err(Error::Undecided { what, policy: rule.policy(), message: said(refusal.message) }),
            _ => Err(refusal.into()),
        }
    }

    async fn merge(&self, patch: Value) -> Result<Option<Refusal>, Error> {
        self.dry_run(self.node(), self.parameters(), Patch::Merge(patch)).await
    }

    /// A condition that breaks no rule but by its type and one field, whatever stands there under this type.
    async fn condition(&self, kind: &str, field: &str, value: &str, now: &str) -> Result<Option<Refusal>, Error> {
        let mut condition = json!({"type": kind, "status": "Unknown", "reason": "ConfinementTest", "message": "confinement test",
            "lastHeartbeatTime": now, "lastTransitionTime": now});
        condition[field] = value.into();
        self.dry_run(self.node(), self.parameters(), Patch::Strategic(json!({"status": {"conditions": [condition]}}))).await
    }

    async fn dry_run(&self, node: &str, parameters: PatchParams, patch: Patch<Value>) -> Result<Option<Refusal>, Error> {
        self.server().refusal(of::<v1::Node>(None).patch_subresource("status", node, &parameters.dry_run(), &patch)?).await
    }

    /// An event of the agent's own, but for one field.
    async fn event(&self, spoil: impl FnOnce(&mut Value), uid: &str, now: &str) -> Result<Option<Refusal>, Error> {
        let topic = Topic::all().into_iter().next().ok_or_else(|| Error::NoAccess("no events are known".into()))?;
        let event = Event { topic, since: None, message: "confinement test".into() };
        let mut object = event_object(&event, self.node(), uid, now);
        spoil(&mut object);
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        self.server().refusal(of::<v1::Event>(Some(EVENTS_NAMESPACE)).create(&parameters, object.to_string().into_bytes())?).await
    }
}
