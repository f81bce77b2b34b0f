//! What the agent needs of the Node object, and the facts in it.

use super::names::{ConditionType, Key, manager};
use crate::fact::{Fact, Kubelet, OsRelease};
use crate::profile::Profile;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What makes a condition a word of somebody's.
const SAID: [&str; 4] = ["f:status", "f:reason", "f:message", "f:lastHeartbeatTime"];

/// A Node, as far as it concerns us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Node {
    /// Name, uid and labels.
    pub metadata: Metadata,
    /// What the kubelet and others say of it.
    #[serde(default)]
    pub status: NodeStatus,
}

/// `metadata` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The node's name.
    pub name: String,
    /// Its uid, without which `kubectl describe node` does not show an event.
    pub uid: String,
    /// Which version of the object this is.
    #[serde(default)]
    pub resource_version: String,
    /// All labels, ours and others'.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Who owns which fields.
    #[serde(default)]
    managed_fields: Vec<Managed>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Managed {
    manager: String,
    fields_v1: Value,
}

/// `status` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// All conditions, ours and others'.
    pub conditions: Vec<NodeCondition>,
    node_info: NodeInfo,
    runtime_handlers: Vec<RuntimeHandler>,
}

/// One condition as it stands on a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeCondition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// Since when it has been that.
    pub last_transition_time: Option<String>,
    /// When it was last written.
    pub last_heartbeat_time: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: String,
    container_runtime_version: String,
    os_image: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct RuntimeHandler {
    /// Empty for the default handler.
    name: String,
    features: Option<Features>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Features {
    user_namespaces: Option<bool>,
}

impl Node {
    /// One of our labels, as it stands there.
    pub fn label(&self, prefix: &str, key: Key) -> Option<&str> {
        self.metadata.labels.get(&key.with(prefix)).map(String::as_str)
    }

    /// One of our conditions, as it stands there.
    pub fn condition(&self, kind: ConditionType) -> Option<&NodeCondition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind.name())
    }

    /// One of our conditions, where this manager was the last one to write it.
    pub fn said_by(&self, manager: &str, kind: ConditionType) -> Option<&NodeCondition> {
        // As fieldsV1 writes the element of a list. Whoever applies comes to own all of it; of one who did so before, what has the
        // same value now is still its own too: the type, and perhaps the second.
        let element = format!(r#"k:{{"type":"{kind}"}}"#);
        let owns = |managed: &Managed| {
            let fields = &managed.fields_v1["f:status"]["f:conditions"][&element];
            managed.manager == manager && SAID.iter().all(|field| fields.get(field).is_some())
        };
        self.condition(kind).filter(|_| self.metadata.managed_fields.iter().any(owns))
    }

    /// All on the Node that another agent than the one that writes may have changed, or the kubelet, and on which it depends what
    /// is to be said.
    pub fn ground(&self, prefix: &str) -> impl Eq + use<> {
        let own = manager(Profile::NoProcessSandbox);
        let of = |profile: Profile| {
            let keys = [Key::candidate(profile), Some(Key::Verdict(profile)), Some(Key::PodIds)];
            let labels = keys.map(|key| key.and_then(|key| self.label(prefix, key)).map(str::to_owned));
            let said = ConditionType::of(profile).map(|kind| {
                let by = [&own, &manager(profile)].map(|manager| self.said_by(manager, kind).is_some());
                (self.condition(kind).cloned(), by)
            });
            (labels, said)
        };
        (self.kubelet(), Profile::CANARIES.map(of))
    }

    /// What the kubelet says of the node.
    pub fn kubelet(&self) -> Kubelet {
        let info = &self.status.node_info;
        let handler = self.status.runtime_handlers.iter().find(|handler| handler.name.is_empty());
        let claimed = handler.and_then(|handler| handler.features.as_ref()?.user_namespaces);
        Kubelet {
            version: Fact::Known(info.kubelet_version.clone()),
            runtime: match info.container_runtime_version.as_str() {
                // What the kubelet writes where the runtime did not answer.
                version if version.is_empty() || version.ends_with("Unknown") => Fact::Absent,
                version => Fact::Known(version.to_owned()).and_then(TryInto::try_into),
            },
            pod_user_namespaces: claimed.map_or(Fact::Absent, Fact::Known),
        }
    }

    /// The operating system, as the kubelet gives it for people.
    pub fn os(&self) -> Fact<OsRelease> {
        Fact::Known(self.status.node_info.os_image.clone())
            .and_then(|image| OsRelease::from_image(&image).ok_or_else(|| format!("the Node's osImage {image:?} is of no known system")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_to_write_a_condition_owns_all_of_it() {
        let entry = |manager: &str, fields: &[&str]| {
            let fields: serde_json::Map<_, _> = fields.iter().map(|field| (format!("f:{field}"), json!({}))).collect();
            json!({"manager": manager, "operation": "Apply", "fieldsV1": {"f:status": {"f:conditions": {
                "k:{\"type\":\"RootlessBuildKitProcMount\"}": fields
            }}}})
        };
        let node: Node = serde_json::from_value(json!({
            "metadata": {"name": "n", "uid": "u", "resourceVersion": "7", "managedFields": [
                {"manager": "kubelet", "fieldsV1": {"f:status": {}}}, {"manager": "nobody"},
                entry("buildkit-preflight/no-process-sandbox", &["type", "lastHeartbeatTime", "status"]),
                entry("buildkit-preflight/procmount", &["type", "lastHeartbeatTime", "status", "reason", "message"]),
            ]},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True"}]},
        }))
        .expect("a node");
        let said = |manager: &str, kind| node.said_by(manager, kind).is_some();
        assert!(said("buildkit-preflight/procmount", ConditionType::ProcMount));
        assert!(!said("buildkit-preflight/no-process-sandbox", ConditionType::ProcMount));
        assert!(!said("buildkit-preflight/procmount", ConditionType::Userns));
        assert_eq!(node.metadata.resource_version, "7");
    }
}
