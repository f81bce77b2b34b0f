//! What others may see of a pod and of an event: state, and no environment, no volumes, no names.

use crate::fact::Redaction;
use serde_json::{Map, Value, json};

/// What is taken of each object, by the path to it.
const OF_CONTAINER: [&str; 7] = ["name", "image", "command", "args", "securityContext", "resources", "terminationMessagePolicy"];
const OF_SPEC: [&str; 6] = ["hostUsers", "securityContext", "runtimeClassName", "tolerations", "priorityClassName", "nodeSelector"];
const OF_CONTAINER_STATUS: [&str; 8] = ["name", "image", "ready", "started", "restartCount", "state", "lastState", "allocatedResources"];
const OF_STATUS: [&str; 5] = ["phase", "reason", "message", "conditions", "startTime"];
const OF_EVENT: [&str; 6] = ["type", "reason", "message", "count", "firstTimestamp", "lastTimestamp"];

fn taken(object: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), object.get(name)?.clone()))).collect()
}

fn each(list: &Value, names: &[&str]) -> Vec<Value> {
    list.as_array().into_iter().flatten().map(|item| Value::Object(taken(item, names))).collect()
}

/// A pod of ours.
pub fn pod(pod: &Value, by: &mut Redaction) -> Value {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let node = spec["nodeName"].as_str().map(|node| by.node(node));
    let mut outline = json!({
        "metadata": {
            "name": pod["metadata"]["name"],
            "creationTimestamp": pod["metadata"]["creationTimestamp"],
            "deletionTimestamp": pod["metadata"]["deletionTimestamp"],
            "component": pod["metadata"]["labels"]["app.kubernetes.io/component"],
        },
        "spec": taken(spec, &OF_SPEC),
        "status": taken(status, &OF_STATUS),
    });
    outline["spec"]["containers"] = each(&spec["containers"], &OF_CONTAINER).into();
    outline["status"]["containerStatuses"] = each(&status["containerStatuses"], &OF_CONTAINER_STATUS).into();
    texts(&mut outline, by);
    outline["spec"]["nodeName"] = json!(node);
    outline
}

/// An event of ours.
pub fn event(event: &Value, by: &mut Redaction) -> Value {
    let node = event["involvedObject"]["name"].as_str().map(|node| by.node(node));
    let mut outline = Value::Object(taken(event, &OF_EVENT));
    texts(&mut outline, by);
    outline["node"] = json!(node);
    outline
}

/// Each text without names.
fn texts(value: &mut Value, by: &mut Redaction) {
    match value {
        Value::String(text) => *text = by.text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, by)),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| texts(field, by)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_has_no_environment_and_no_names() {
        let secret = json!({
            "metadata": {"name": "agent-x", "labels": {"app.kubernetes.io/component": "agent", "team": "acme"}, "annotations": {"a": "acme"}},
            "spec": {
                "nodeName": "ip-10-0-0-1",
                "volumes": [{"secret": {"secretName": "acme"}}],
                "containers": [{"name": "agent", "image": "registry.acme.com/x:1", "env": [{"name": "A", "value": "acme"}]}],
                "initContainers": [{"env": [{"name": "A", "value": "acme"}]}],
            },
            "status": {"phase": "Running", "hostIP": "10.0.0.1", "message": "on ip-10-0-0-1", "containerStatuses": [{"ready": true}]},
        });
        let mut by = Redaction::default();
        let shown = pod(&secret, &mut by).to_string();
        for name in ["acme", "ip-10", "10.0.0.1", "env"] {
            assert!(!shown.contains(name), "{name}: {shown}");
        }
        assert!(shown.contains("node-1") && shown.contains("agent-x") && shown.contains("\"ready\":true"), "{shown}");
        let told = json!({"type": "Warning", "involvedObject": {"name": "ip-10-0-0-1"}, "message": "x", "metadata": {"name": "acme"}});
        let shown = event(&told, &mut by).to_string();
        assert!(shown.contains("node-1") && !shown.contains("acme"), "{shown}");
    }
}
