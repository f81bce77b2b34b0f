//! What a Node says, read once: our labels without their prefix, our conditions, who said them, and what the kubelet says.

use super::conditions::{CONDITIONS, ConditionType, Status};
use super::labels::Key;
use super::names::manager;
use super::object::{Node, NodeCondition, NodeStatus, Taint};
use super::pool::Pool;
use crate::check::Ready;
use crate::fact::{Fact, Kubelet, OsRelease, RuntimeHandler};
use crate::profile::Profile;
use std::collections::{BTreeMap, BTreeSet};

/// What makes a condition a word of somebody's.
const SAID: [&str; 4] = ["f:status", "f:reason", "f:message", "f:lastHeartbeatTime"];

/// A Node, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The node's name.
    pub name: String,
    /// Its uid, without which `kubectl describe node` does not show an event.
    pub uid: String,
    /// Which version of the object this is.
    pub resource_version: String,
    /// When the Node was made, in RFC 3339.
    pub created: Option<String>,
    /// The pool that it belongs to.
    pub pool: Option<Pool>,
    /// Our labels.
    pub ours: BTreeMap<Key, String>,
    /// Our conditions.
    pub conditions: BTreeMap<ConditionType, StandingCondition>,
    /// What the kubelet says of the node.
    pub kubelet: Kubelet,
    /// The operating system, as the kubelet gives it for people.
    pub os: Fact<OsRelease>,
    /// Which profile's agent was the last to write which condition.
    pub said: BTreeSet<(Profile, ConditionType)>,
    /// Those of our labels that none of our agents has put there.
    pub stray_labels: BTreeSet<Key>,
    /// What a scheduler goes by.
    pub scheduling: Scheduling,
}

/// What a scheduler goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// All labels, ours too.
    pub labels: BTreeMap<String, String>,
    /// Whether `kubectl cordon` was called.
    pub is_cordoned: bool,
    /// What keeps pods off that do not tolerate it.
    pub taints: Vec<Taint>,
}

/// One of our conditions as it stands on a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandingCondition {
    /// Its status, if it is one of the three.
    pub status: Option<Status>,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// Since when it has been that.
    pub last_transition_time: Option<String>,
    /// When it was last written.
    pub last_heartbeat_time: Option<String>,
}

impl View {
    /// Reads a Node whose labels of ours have this prefix.
    pub fn new(node: Node, prefix: &str) -> Self {
        let Node { mut metadata, spec, status } = node;
        let pool = Pool::of(&metadata.labels);
        let scheduling = Scheduling { labels: metadata.labels.clone(), is_cordoned: spec.unschedulable, taints: spec.taints };
        let ours: BTreeMap<_, _> = Key::ALL.into_iter().filter_map(|key| Some((key, metadata.labels.remove(&key.with(prefix))?))).collect();
        let managers: Vec<_> = CONDITIONS.iter().map(|row| manager(row.profile)).collect();
        let is_owned = |key: &Key| {
            let field = format!("f:{}", key.with(prefix));
            let by_us = metadata.managed_fields.iter().filter(|managed| managers.contains(&managed.manager));
            by_us.into_iter().any(|managed| managed.fields_v1["f:metadata"]["f:labels"].get(&field).is_some())
        };
        let stray_labels = ours.keys().copied().filter(|key| !is_owned(key)).collect();
        let conditions = CONDITIONS.iter().filter_map(|row| {
            let condition = status.conditions.iter().find(|condition| condition.kind == row.name)?;
            Some((row.kind, standing(condition.clone())))
        });
        let conditions: BTreeMap<_, _> = conditions.collect();
        // As fieldsV1 writes the element of a list. Whoever applies comes to own all of it; of one who did so before, what has the
        // same value now is still its own too: the type, and perhaps the second.
        let owns = |profile: Profile, kind: ConditionType| {
            let (manager, element) = (manager(profile), format!(r#"k:{{"type":"{kind}"}}"#));
            metadata.managed_fields.iter().filter(|managed| managed.manager == manager).any(|managed| {
                let fields = &managed.fields_v1["f:status"]["f:conditions"][&element];
                SAID.iter().all(|field| fields.get(field).is_some())
            })
        };
        let speakers = CONDITIONS.iter().map(|row| row.profile);
        let pairs = speakers.flat_map(|profile| conditions.keys().map(move |kind| (profile, *kind)));
        let said = pairs.filter(|(profile, kind)| owns(*profile, *kind)).collect();
        View {
            kubelet: kubelet(&status),
            os: os(&status),
            name: metadata.name,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            created: metadata.creation_timestamp,
            pool,
            ours,
            conditions,
            said,
            stray_labels,
            scheduling,
        }
    }

    /// Those of our conditions that are the word of none of our agents: all that stands there, or a part of it, is another's.
    pub fn stray_conditions(&self) -> impl Iterator<Item = ConditionType> {
        self.conditions.keys().copied().filter(|kind| !self.said.iter().any(|(_, said)| said == kind))
    }

    /// Whether something stands under our names that none of our agents has put there.
    pub fn has_strays(&self) -> bool {
        !self.stray_labels.is_empty() || self.stray_conditions().next().is_some()
    }

    /// Whether an agent of ours has put it there that builders of the profile run here. What others put there is no proof.
    pub fn is_proven(&self, profile: Profile) -> bool {
        let by_label = self.verdict(profile) == Some(Ready::Ready) && !self.stray_labels.contains(&Key::Verdict(profile));
        let kind = ConditionType::of(profile);
        let is_ours = self.said.iter().any(|(_, said)| *said == kind);
        by_label || is_ours && self.condition(kind).is_some_and(|condition| condition.status == Some(Status::True))
    }

    /// One of our labels.
    pub fn label(&self, key: Key) -> Option<&str> {
        self.ours.get(&key).map(String::as_str)
    }

    /// A profile's verdict, if it is one of the three words.
    pub fn verdict(&self, profile: Profile) -> Option<Ready> {
        let label = self.label(Key::Verdict(profile))?;
        Ready::ALL.iter().copied().find(|ready| ready.id() == label)
    }

    /// How many IDs the node's own user namespace has. Absent where no agent has told that it has one.
    pub fn node_ids(&self) -> Fact<u64> {
        match self.label(Key::NodeIds).filter(|_| !self.stray_labels.contains(&Key::NodeIds)) {
            Some(ids) => ids
                .parse()
                .map_or_else(|_| Fact::Failed(format!("the label {}={ids} is not a number", Key::NodeIds.name()).into()), Fact::Known),
            None => Fact::Absent,
        }
    }

    /// Whether the canary of a profile is sent here.
    pub fn is_candidate(&self, profile: Profile) -> bool {
        self.label(Key::Candidate(profile)) == Some("true")
    }

    /// One of our conditions.
    pub fn condition(&self, kind: ConditionType) -> Option<&StandingCondition> {
        self.conditions.get(&kind)
    }

    /// One of our conditions, where the agent of this profile was the last one to write it.
    pub fn said_by(&self, profile: Profile, kind: ConditionType) -> Option<&StandingCondition> {
        self.condition(kind).filter(|_| self.said.contains(&(profile, kind)))
    }

    /// Whether what an agent wants to say would be the same on the other Node: all that another agent, or the kubelet, may have
    /// changed and on which it depends.
    pub fn says_the_same_to_agents(&self, other: &View) -> bool {
        let speakers =
            |view: &View, profile| [Profile::NoProcessSandbox, profile].map(|by| view.said_by(by, ConditionType::of(profile)).is_some());
        let is_same = |profile: Profile| {
            let keys = [Key::Candidate(profile), Key::Verdict(profile), Key::PodIds, Key::NodeIds];
            keys.into_iter().all(|key| self.label(key) == other.label(key))
                && self.condition(ConditionType::of(profile)) == other.condition(ConditionType::of(profile))
                && speakers(self, profile) == speakers(other, profile)
        };
        self.uid == other.uid && self.kubelet == other.kubelet && Profile::CANARIES.iter().copied().all(is_same)
    }
}

fn standing(condition: NodeCondition) -> StandingCondition {
    let NodeCondition { kind: _, status, reason, message, last_transition_time, last_heartbeat_time } = condition;
    StandingCondition { status: status.parse().ok(), reason, message, last_transition_time, last_heartbeat_time }
}

fn kubelet(status: &NodeStatus) -> Kubelet {
    let info = &status.node_info;
    let handler = status.runtime_handlers.iter().find(|handler| handler.name.is_empty());
    let claimed = handler.and_then(|handler| handler.features.as_ref()?.user_namespaces);
    Kubelet {
        version: Fact::Known(info.kubelet_version.clone()).and_then(TryInto::try_into),
        runtime: match info.container_runtime_version.as_str() {
            // What the kubelet writes where the runtime did not answer.
            version if version.is_empty() || version.ends_with("Unknown") => Fact::Absent,
            version => Fact::Known(version.to_owned()).and_then(TryInto::try_into),
        },
        pod_user_namespaces: claimed.map_or(Fact::Absent, Fact::Known),
        runtime_handlers: listed(&status.runtime_handlers, |handler| {
            let features = handler.features.as_ref();
            RuntimeHandler {
                name: handler.name.clone(),
                user_namespaces: features.and_then(|features| features.user_namespaces),
                recursive_read_only_mounts: features.and_then(|features| features.recursive_read_only_mounts),
            }
        }),
        declared_features: listed(&status.declared_features, String::clone),
        in_user_namespace: info.running_in_user_namespace.map_or(Fact::Absent, Fact::Known),
    }
}

/// A list of the kubelet's. One that is empty looks to the API server like one that is not there.
fn listed<T, U>(list: &[T], each: impl FnMut(&T) -> U) -> Fact<Vec<U>> {
    if list.is_empty() { Fact::Absent } else { Fact::Known(list.iter().map(each).collect()) }
}

fn os(status: &NodeStatus) -> Fact<OsRelease> {
    Fact::Known(status.node_info.os_image.clone())
        .and_then(|image| OsRelease::from_image(&image).ok_or_else(|| format!("the Node's osImage {image:?} is of no known system")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::DEFAULT_PREFIX;
    use serde_json::{Value, json};

    fn view(object: Value) -> View {
        View::new(serde_json::from_value(object).expect("a node"), DEFAULT_PREFIX)
    }

    #[test]
    fn the_last_to_write_a_condition_owns_all_of_it() {
        let entry = |manager: &str, fields: &[&str]| {
            let fields: serde_json::Map<_, _> = fields.iter().map(|field| (format!("f:{field}"), json!({}))).collect();
            json!({"manager": manager, "operation": "Apply", "fieldsV1": {"f:status": {"f:conditions": {
                "k:{\"type\":\"RootlessBuildKitProcMount\"}": fields
            }}}})
        };
        let node = view(json!({
            "metadata": {"name": "n", "uid": "u", "resourceVersion": "7", "managedFields": [
                {"manager": "kubelet", "fieldsV1": {"f:status": {}}}, {"manager": "nobody"},
                entry("buildkit-preflight/no-process-sandbox", &["type", "lastHeartbeatTime", "status"]),
                entry("buildkit-preflight/procmount", &["type", "lastHeartbeatTime", "status", "reason", "message"]),
            ]},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True"}]},
        }));
        let said = |profile, kind| node.said_by(profile, kind).is_some();
        assert!(said(Profile::ProcMount, ConditionType::ProcMount));
        assert!(!said(Profile::NoProcessSandbox, ConditionType::ProcMount));
        assert!(!said(Profile::ProcMount, ConditionType::Userns));
        assert_eq!(node.resource_version, "7");
    }

    #[test]
    fn what_others_put_there_is_no_proof() {
        let node = |manager: &str, complete: bool| {
            let mut said = json!({"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}});
            if !complete {
                said.as_object_mut().expect("fields").remove("f:status");
            }
            let labels = json!({"f:buildkit-preflight.dev/no-process-sandbox": {}});
            let conditions = json!({"k:{\"type\":\"RootlessBuildKit\"}": said});
            let fields = json!({"f:metadata": {"f:labels": labels}, "f:status": {"f:conditions": conditions}});
            json!({
                "metadata": {
                    "name": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
                    "labels": {"buildkit-preflight.dev/no-process-sandbox": "ready", "karpenter.sh/nodepool": "build"},
                    "managedFields": [{"manager": manager, "fieldsV1": fields}],
                },
                "status": {"conditions": [{"type": "RootlessBuildKit", "status": "True"}]},
            })
        };
        let ours = view(node("buildkit-preflight/no-process-sandbox", true));
        assert!(ours.is_proven(Profile::NoProcessSandbox) && !ours.has_strays() && !ours.is_proven(Profile::Userns));
        let theirs = view(node("karpenter", true));
        assert!(!theirs.is_proven(Profile::NoProcessSandbox) && theirs.has_strays());
        // Somebody has changed the status alone.
        let changed = view(node("buildkit-preflight/no-process-sandbox", false));
        assert!(changed.has_strays());
        assert_eq!(ours.pool.map(|pool| pool.to_string()).as_deref(), Some("karpenter.sh/nodepool=build"));
        assert_eq!(ours.created.as_deref(), Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn only_labels_below_the_prefix_are_ours() {
        let labels = json!({
            "buildkit-preflight.dev/no-process-sandbox": "ready", "other.dev/procmount": "ready", "buildkit-preflight.dev/note": "mine",
            "buildkit-preflight.dev/userns": "by-hand", "buildkit-preflight.dev/userns-candidate": "true", "kernel": "6.1",
        });
        let node = view(json!({"metadata": {"name": "n", "uid": "u", "labels": labels}}));
        let keys: Vec<_> = node.ours.keys().copied().collect();
        assert_eq!(keys, [Key::Verdict(Profile::NoProcessSandbox), Key::Verdict(Profile::Userns), Key::Candidate(Profile::Userns)]);
        assert_eq!((node.verdict(Profile::NoProcessSandbox), node.verdict(Profile::Userns)), (Some(Ready::Ready), None));
        assert!(node.is_candidate(Profile::Userns) && !node.is_candidate(Profile::ProcMount));
    }

    #[test]
    fn a_node_tells_whether_it_lives_in_a_user_namespace() {
        let node =
            |info: Value| view(json!({"metadata": {"name": "n", "uid": "u"}, "status": {"nodeInfo": info}})).kubelet.in_user_namespace;
        assert_eq!(node(json!({"runningInUserNamespace": true})), Fact::Known(true));
        assert_eq!(node(json!({"runningInUserNamespace": false})), Fact::Known(false));
        assert_eq!(node(json!({})), Fact::Absent, "before 1.37");
        let ids = |label: &str, ours: bool| {
            let manager = if ours { "buildkit-preflight/no-process-sandbox" } else { "somebody" };
            let fields = json!({"f:metadata": {"f:labels": {"f:buildkit-preflight.dev/node-ids": {}}}});
            let metadata = json!({"name": "n", "uid": "u", "labels": {"buildkit-preflight.dev/node-ids": label}, "managedFields": [{"manager": manager, "fieldsV1": fields}]});
            view(json!({"metadata": metadata})).node_ids()
        };
        assert_eq!(ids("65536", true), Fact::Known(65_536));
        assert!(ids("many", true).unreadable().is_some());
        assert_eq!(ids("65536", false), Fact::Absent, "no word of ours");
    }

    #[test]
    fn a_node_names_its_handlers_and_what_it_declares() {
        let kubelet = |status: Value| view(json!({"metadata": {"name": "n", "uid": "u"}, "status": status})).kubelet;
        let told = kubelet(json!({
            "declaredFeatures": ["VolumeBindMountOptions"],
            "runtimeHandlers": [
                {"name": "", "features": {"recursiveReadOnlyMounts": true, "userNamespaces": true}},
                {"name": "kata", "features": {"userNamespaces": false}},
                {"name": "runsc"},
            ],
        }));
        let handler = |name: &str, user_namespaces, recursive_read_only_mounts| RuntimeHandler {
            name: name.into(),
            user_namespaces,
            recursive_read_only_mounts,
        };
        let handlers = vec![handler("", Some(true), Some(true)), handler("kata", Some(false), None), handler("runsc", None, None)];
        assert_eq!((told.runtime_handlers, told.pod_user_namespaces), (Fact::Known(handlers), Fact::Known(true)));
        assert_eq!(told.declared_features, Fact::Known(vec!["VolumeBindMountOptions".to_owned()]));
        let silent = kubelet(json!({}));
        assert_eq!((silent.runtime_handlers, silent.declared_features), (Fact::Absent, Fact::Absent));
    }

    #[test]
    fn versions_that_the_kubelet_does_not_know_are_absent() {
        let runtime = |version: &str| {
            let info = json!({"kubeletVersion": "v1.33.5-eks-113cf36", "containerRuntimeVersion": version});
            view(json!({"metadata": {"name": "n", "uid": "u"}, "status": {"nodeInfo": info}})).kubelet.runtime
        };
        assert_eq!((runtime("containerd://Unknown"), runtime("Unknown"), runtime("")), (Fact::Absent, Fact::Absent, Fact::Absent));
        assert_eq!(runtime("containerd://1.7.28+azure").known().map(|runtime| runtime.version()), Some((1, 7, 28)));
        assert!(matches!(runtime("containerd"), Fact::Failed(_)));
    }

    #[test]
    fn what_the_kubelet_writes_every_few_seconds_changes_nothing_for_agents() {
        let node = |labels: Value, version: &str, resource_version: &str| {
            view(json!({
                "metadata": {"name": "n", "uid": "u", "labels": labels, "resourceVersion": resource_version},
                "status": {"nodeInfo": {"kubeletVersion": version}},
            }))
        };
        let before = node(json!({"a": "b"}), "v1.36.3", "1");
        assert!(before.says_the_same_to_agents(&node(json!({"a": "c"}), "v1.36.3", "2")));
        assert!(!before.says_the_same_to_agents(&node(json!({"a": "b"}), "v1.36.4", "2")));
        assert!(!before.says_the_same_to_agents(&node(json!({"buildkit-preflight.dev/userns": "ready"}), "v1.36.3", "2")));
    }
}
