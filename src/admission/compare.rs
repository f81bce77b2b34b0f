//! What became of a pod's fields on their way through the API server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A field that did not come back as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Where it stands: `spec.containers[buildkitd].securityContext.procMount`.
    pub field: String,
    /// What was sent; null for a field that somebody added.
    pub sent: Option<Value>,
    /// What came back; null for a field that was dropped.
    pub got: Option<Value>,
}

/// What may change without a builder's taking notice: what a LimitRange or an autoscaler gives it, and where a mirror has the image.
const HARMLESS: [&str; 4] = ["resources", "image", "imagePullPolicy", "tolerations"];

/// What may be added to a security context: it says who owns volumes, and a builder's is its own.
const HARMLESS_ADDED: [&str; 3] = ["fsGroup", "fsGroupChangePolicy", "supplementalGroups"];

/// By what the elements of a list are told apart; other lists are compared as a whole.
fn key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "volumes" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "ports" => Some("containerPort"),
        _ => None,
    }
}

/// Compares the pod that was sent with the one that came back. Fields that were added count where they confine the builder,
/// run it otherwise or elsewhere: in security contexts, its runtime class, its nodes.
pub(super) fn changes(sent: &Value, got: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    let (sent, got) = (&sent["spec"], &got["spec"]);
    dropped("spec", sent, Some(got), &mut changes);
    let nothing = Map::new();
    let of_pod = got["securityContext"].as_object().unwrap_or(&nothing);
    let both = ["containers", "initContainers"].into_iter();
    for (list, container) in both.flat_map(|list| sent[list].as_array().into_iter().flatten().map(move |container| (list, container))) {
        let name = &container["name"];
        let Some(returned) = got[list].as_array().into_iter().flatten().find(|other| other["name"] == *name) else { continue };
        let before = &container["securityContext"];
        // What the pod says counts for the container where that says nothing itself.
        let path = format!("spec.{list}[{}].securityContext", name.as_str().unwrap_or_default());
        added(&path, before, returned["securityContext"].as_object().unwrap_or(&nothing), &mut changes);
        let effective: Map<_, _> =
            of_pod.iter().filter(|(field, _)| before[*field].is_null()).map(|(key, value)| (key.clone(), value.clone())).collect();
        added("spec.securityContext", &sent["securityContext"], &effective, &mut changes);
    }
    for field in ["runtimeClassName", "nodeSelector"] {
        if let (Value::Null, Some(added)) = (&sent[field], got.get(field).filter(|added| !added.is_null())) {
            changes.push(Change { field: format!("spec.{field}"), sent: None, got: Some(added.clone()) });
        }
    }
    told_once(&mut changes);
    // The pod's own fields first: those of a container may hang on them.
    changes.sort_by_key(|change| change.field.matches('.').count());
    changes
}

/// The guard has the builder's own shape, so what becomes of the one becomes of the other: it is told of the builder.
fn told_once(changes: &mut Vec<Change>) {
    let inner = |change: &Change| change.field.split_once("].").map(|(_, inner)| inner.to_owned());
    let of_builders: Vec<_> = changes.iter().filter(|change| change.field.starts_with("spec.containers[")).cloned().collect();
    changes.retain(|change| {
        let is_same = |other: &Change| inner(other) == inner(change) && (&other.sent, &other.got) == (&change.sent, &change.got);
        !change.field.starts_with("spec.initContainers[") || !of_builders.iter().any(is_same)
    });
}

/// Whether a field that is not there means this.
fn is_default(path: &str, value: &Value) -> bool {
    (path == "spec.hostUsers" && *value == true) || (path.ends_with(".procMount") && value == "Default")
}

fn dropped(path: &str, sent: &Value, got: Option<&Value>, changes: &mut Vec<Change>) {
    match (sent, got) {
        (Value::Object(sent), Some(Value::Object(got))) => {
            for (field, value) in sent.iter().filter(|(field, _)| !HARMLESS.contains(&field.as_str())) {
                dropped(&format!("{path}.{field}"), value, got.get(field), changes);
            }
        }
        (Value::Array(sent), Some(Value::Array(got))) if key(last(path)).is_some() => {
            let key = key(last(path)).unwrap_or_default();
            for element in sent {
                let name = element[key].as_str().map_or_else(|| element[key].to_string(), str::to_owned);
                dropped(&format!("{path}[{name}]"), element, got.iter().find(|other| other[key] == element[key]), changes);
            }
        }
        (sent, got) => {
            if got != Some(sent) && !(got.is_none_or(Value::is_null) && is_default(path, sent)) {
                changes.push(Change { field: path.to_owned(), sent: Some(sent.clone()), got: got.cloned() });
            }
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

fn added(path: &str, sent: &Value, got: &Map<String, Value>, changes: &mut Vec<Change>) {
    for (field, value) in got.iter().filter(|(field, _)| sent[*field].is_null() && !HARMLESS_ADDED.contains(&field.as_str())) {
        let field = format!("{path}.{field}");
        if !is_default(&field, value) && *value != json!({}) && !changes.iter().any(|change| change.field == field) {
            changes.push(Change { field, sent: None, got: Some(value.clone()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use crate::render::{BuilderOptions, builder_pod};

    /// A pod, and what a change of its spec makes different.
    fn after(profile: Profile, change: impl Fn(&mut Value)) -> Vec<String> {
        let sent = builder_pod(&BuilderOptions { profile, ..BuilderOptions::default() }).expect("a pod");
        let mut got = sent.clone();
        // As the API server fills it up.
        got["spec"]["serviceAccountName"] = "default".into();
        got["spec"]["securityContext"] = json!({});
        got["spec"]["tolerations"] = json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]);
        got["spec"]["containers"][0]["terminationMessagePath"] = "/dev/termination-log".into();
        got["spec"]["containers"][0]["ports"][0]["protocol"] = "TCP".into();
        change(&mut got["spec"]);
        let text = |value: Option<Value>| value.map_or_else(|| "-".into(), |value| value.to_string());
        changes(&sent, &got).into_iter().map(|change| format!("{}: {} {}", change.field, text(change.sent), text(change.got))).collect()
    }

    #[test]
    fn what_the_api_server_fills_in_is_no_change() {
        for profile in Profile::ALL {
            assert_eq!(after(profile, |_| {}), [""; 0], "{profile}");
        }
    }

    #[test]
    fn a_field_that_is_dropped_or_changed_is_named() {
        type Row = (fn(&mut Value), &'static str);
        let rows: [Row; 8] = [
            (|spec| drop(spec["hostUsers"].take()), "spec.hostUsers: false null"),
            (|spec| drop(spec.as_object_mut().expect("a spec").remove("hostUsers")), "spec.hostUsers: false -"),
            (
                |spec| spec["containers"][0]["securityContext"]["procMount"] = "Default".into(),
                "spec.containers[buildkitd].securityContext.procMount: \"Unmasked\" \"Default\"",
            ),
            (
                |spec| drop(spec["containers"][0]["securityContext"].as_object_mut().expect("one").remove("appArmorProfile")),
                "spec.containers[buildkitd].securityContext.appArmorProfile: {\"type\":\"Unconfined\"} -",
            ),
            (
                |spec| spec["containers"][0]["securityContext"]["seccompProfile"]["type"] = "RuntimeDefault".into(),
                "spec.containers[buildkitd].securityContext.seccompProfile.type: \"Unconfined\" \"RuntimeDefault\"",
            ),
            (
                |spec| spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = false.into(),
                "spec.containers[buildkitd].securityContext.allowPrivilegeEscalation: - false",
            ),
            (|spec| spec["securityContext"] = json!({"runAsNonRoot": true, "fsGroup": 5}), "spec.securityContext.runAsNonRoot: - true"),
            (|spec| spec["runtimeClassName"] = "gvisor".into(), "spec.runtimeClassName: - \"gvisor\""),
        ];
        for (change, expected) in rows {
            assert_eq!(after(Profile::ProcMount, change), [expected]);
        }
        let mount = "spec.containers[buildkitd].volumeMounts[/home/user/.local/share/buildkit]: ";
        let gone = after(Profile::NoProcessSandbox, |spec| spec["containers"][0]["volumeMounts"] = json!([]));
        assert!(gone.len() == 1 && gone[0].starts_with(mount) && gone[0].ends_with(" -"), "{gone:?}");
    }

    #[test]
    fn what_a_builder_does_not_notice_is_no_change() {
        let changes = after(Profile::NoProcessSandbox, |spec| {
            spec.as_object_mut().expect("a spec").remove("hostUsers");
            spec["containers"][0]["resources"] = json!({"limits": {"cpu": "2"}, "requests": {"cpu": "2", "memory": "1Gi"}});
            spec["containers"][0]["image"] = "mirror.example/moby/buildkit:v0".into();
            spec["containers"][0]["env"] = json!([{"name": "HTTPS_PROXY", "value": "x"}]);
            spec["containers"][0]["securityContext"]["procMount"] = "Default".into();
            spec["containers"].as_array_mut().expect("a list").push(json!({"name": "sidecar", "securityContext": {"runAsUser": 5}}));
            // The container's own says otherwise.
            spec["securityContext"] = json!({"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 5});
        });
        assert_eq!(changes, [""; 0]);
    }
}
