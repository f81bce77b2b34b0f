//! From the objects of a manifest to a pod for a node here. What the builder asks for stays as it is.

use super::images::{ROOTLESS, stands_for};
use serde_json::{Map, Value, json};

/// What only the cluster of its author has.
const ELSEWHERE: &[&str] = &[
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "schedulerName",
    "serviceAccountName",
    "serviceAccount",
    "imagePullSecrets",
];
/// Words by which Tekton and Shipwright name what they put in.
const VARIABLES: &[&str] = &["params.", "workspaces.", "context.", "tasks.", "results.", "inputs.", "outputs."];

/// All objects of a text.
pub(super) fn objects(text: &str) -> Vec<Value> {
    let documents = format!("\n{text}");
    let parsed = documents.split("\n---").filter_map(|document| serde_saphyr::from_str::<Value>(document).ok());
    let items = |object: Value| match object["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![object],
    };
    parsed.filter(Value::is_object).flat_map(items).collect()
}

/// Whether an object has a pod.
pub(super) fn has_pod(object: &Value) -> bool {
    template(object).is_some()
}

/// Metadata and spec of its pod.
fn template(object: &Value) -> Option<(Value, Value)> {
    let spec = &object["spec"];
    let of = |template: &Value| Some((template["metadata"].clone(), template["spec"].clone()));
    match object["kind"].as_str()? {
        "Pod" => Some((object["metadata"].clone(), spec.clone())),
        "CronJob" => of(&spec["jobTemplate"]["spec"]["template"]),
        "PodTemplate" => of(&object["template"]),
        "Task" | "BuildStrategy" | "ClusterBuildStrategy" => Some((Value::Null, of_steps(spec, &Value::Null))),
        "TaskRun" => Some((Value::Null, of_steps(&spec["taskSpec"], &spec["podTemplate"]))),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => of(&spec["template"]),
        _ => None,
    }
}

/// The pod that runs these steps, as Tekton and Shipwright make it.
fn of_steps(spec: &Value, pod: &Value) -> Value {
    let mut steps = spec["steps"].clone();
    for step in steps.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(script) = step.remove("script") {
            step.insert("command".into(), json!(["sh", "-c", script]));
            step.remove("args");
        }
    }
    let mut made = if pod.is_object() { pod.clone() } else { json!({}) };
    made["containers"] = steps;
    made["restartPolicy"] = json!("Never");
    made["volumes"] = if spec["volumes"].is_null() { pod["volumes"].clone() } else { spec["volumes"].clone() };
    with_variables(&mut made);
    made
}

fn with_variables(value: &mut Value) {
    match value {
        Value::String(text) => {
            while let Some(at) = VARIABLES.iter().find_map(|name| text.find(&format!("$({name}"))) {
                let Some(length) = text[at..].find(')') else { return };
                text.replace_range(at..=at + length, "/tmp");
            }
        }
        Value::Array(values) => values.iter_mut().for_each(with_variables),
        Value::Object(map) => map.values_mut().for_each(with_variables),
        _ => {}
    }
}

/// The pod of an object, for this node.
pub(super) fn pod(object: &Value, builder: &str, namespace: &str, node: &str) -> Value {
    let (metadata, mut spec) = template(object).unwrap_or_else(|| panic!("no pod: {object}"));
    let fields = spec.as_object_mut().expect("a pod's spec");
    ELSEWHERE.iter().for_each(|field| _ = fields.remove(*field));
    claims(fields, &object["spec"]["volumeClaimTemplates"]);
    if fields.get("volumes").is_some_and(Value::is_null) {
        fields.remove("volumes");
    }
    // Whoever counts on a node's name finds it: nodes here are called otherwise.
    spec["nodeSelector"]["kubernetes.io/hostname"] = json!(node);
    spec["terminationGracePeriodSeconds"] = json!(1);
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            if container["name"] == builder {
                container["image"] = json!(stands_for(container["image"].as_str().unwrap_or_default()));
            } else {
                stand_in(container, list == "initContainers");
            }
            container["imagePullPolicy"] = json!("Never");
            ask_for_little(container);
        }
    }
    if spec["initContainers"].is_null() {
        spec.as_object_mut().expect("a map").remove("initContainers");
    }
    let metadata = json!({"name": "builder", "namespace": namespace, "labels": metadata["labels"], "annotations": metadata["annotations"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// A StatefulSet's claims are volumes of its pods, before those that are written down; so are claims of a pod's own.
fn claims(spec: &mut Map<String, Value>, templates: &Value) {
    let names: Vec<_> = templates.as_array().into_iter().flatten().filter_map(|claim| claim["metadata"]["name"].as_str()).collect();
    let written = spec.get("volumes").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut volumes: Vec<_> = written.into_iter().filter(|volume| !names.iter().any(|name| volume["name"] == *name)).collect();
    let claim = |name: &str| json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
    for volume in volumes.iter_mut().filter(|volume| volume["ephemeral"].is_object()) {
        *volume = claim(volume["name"].as_str().unwrap_or_default());
    }
    volumes.extend(names.iter().map(|name| claim(name)));
    spec.insert("volumes".into(), volumes.into());
}

/// A container that is no builder: what changes files is done, with busybox in its image's place; the others wait or end at once.
fn stand_in(container: &mut Value, is_init: bool) {
    container["image"] = json!(ROOTLESS);
    let words = |field: &str| container[field].as_array().into_iter().flatten().filter_map(Value::as_str);
    let all: Vec<_> = words("command").chain(words("args")).collect();
    if is_init && all.iter().any(|word| ["chown", "chmod", "mkdir"].iter().any(|name| word.contains(name))) {
        container["command"] = json!(all);
    } else {
        container["command"] = if is_init { json!(["true"]) } else { json!(["sleep", "infinity"]) };
    }
    for field in ["args", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "workingDir"] {
        container.as_object_mut().expect("a container").remove(field);
    }
}

/// Nodes here are small. Limits stay; without requests they would be these.
fn ask_for_little(container: &mut Value) {
    let Some(resources) = container["resources"].as_object_mut() else { return };
    resources.remove("requests");
    let limits = resources.get("limits").and_then(Value::as_object).cloned().unwrap_or_default();
    let little = [("cpu", "1m"), ("memory", "1Mi")].into_iter().filter(|(name, _)| limits.contains_key(*name));
    let requests: Map<_, _> = little.map(|(name, amount)| (name.to_owned(), json!(amount))).collect();
    resources.insert("requests".into(), requests.into());
}
