//! What became of a pod's fields on their way through the API server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

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

/// A change, and how to make it in the pod that was sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) change: Change,
    path: Path,
    /// Whether it is worth a word where builds do not notice it: much of what is added is what the API server fills in.
    pub(super) is_told: bool,
}

/// The way to a field.
#[derive(Clone, Debug, Default, PartialEq)]
struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// The element of a list in which a key has this value.
    Element(&'static str, Value),
}

/// What may change without a builder's taking notice: what a LimitRange or an autoscaler gives it, and where a mirror has the image.
const HARMLESS: [&str; 4] = ["resources", "image", "imagePullPolicy", "tolerations"];

/// What may be added to a security context without a word: it says who owns volumes, and a builder's is its own.
const SILENTLY_ADDED: [&str; 3] = ["fsGroup", "fsGroupChangePolicy", "supplementalGroups"];

/// By what the elements of a list are told apart; other lists are compared as a whole.
fn key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "volumes" | "env" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "ports" => Some("containerPort"),
        _ => None,
    }
}

impl Path {
    fn field(&self, name: &str) -> Self {
        Path([&self.0[..], &[Step::Field(name.to_owned())]].concat())
    }

    fn element(&self, key: &'static str, value: &Value) -> Self {
        Path([&self.0[..], &[Step::Element(key, value.clone())]].concat())
    }

    fn of(fields: &[&str]) -> Self {
        Path(fields.iter().map(|field| Step::Field((*field).to_owned())).collect())
    }

    /// The name of the field, where it ends with one.
    fn last(&self) -> &str {
        match self.0.last() {
            Some(Step::Field(name)) => name,
            _ => "",
        }
    }
}

/// `spec.containers[buildkitd].args`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) => write!(f, "{}{name}", if number > 0 { "." } else { "" })?,
                Step::Element(_, Value::String(name)) => write!(f, "[{name}]")?,
                Step::Element(_, value) => write!(f, "[{value}]")?,
            }
        }
        Ok(())
    }
}

impl Difference {
    fn new(path: Path, sent: Option<&Value>, got: Option<&Value>, is_told: bool) -> Self {
        Difference { change: Change { field: path.to_string(), sent: sent.cloned(), got: got.cloned() }, path, is_told }
    }

    /// What confines the guard of our pods, as a change of the builder: it has the builder's own shape, and ends where that would fail.
    pub(super) fn of_guard(&self) -> Option<Self> {
        let field = |step: &Step, name: &str| matches!(step, Step::Field(field) if field == name);
        match &self.path.0[..] {
            [spec, list, Step::Element(_, name), inner, ..]
                if field(list, "initContainers") && name == "guard" && field(inner, "securityContext") =>
            {
                let builder = [spec.clone(), Step::Field("containers".into()), Step::Element("name", json!("buildkitd"))];
                Some(Difference { path: Path([&builder[..], &self.path.0[3..]].concat()), ..self.clone() })
            }
            _ => None,
        }
    }

    /// The pod with this change alone.
    pub(super) fn made_in(&self, pod: &Value) -> Value {
        let mut pod = pod.clone();
        set(&mut pod, &self.path.0, self.change.got.clone().unwrap_or(Value::Null));
        pod
    }
}

fn set(at: &mut Value, path: &[Step], to: Value) {
    match path {
        [] => *at = to,
        [Step::Field(name), rest @ ..] => {
            if !at.is_object() {
                *at = json!({});
            }
            set(&mut at[name], rest, to);
        }
        [Step::Element(key, value), rest @ ..] => {
            let Value::Array(elements) = at else {
                *at = json!([to]);
                return;
            };
            match elements.iter().position(|element| element[*key] == *value) {
                Some(number) if rest.is_empty() && to.is_null() => drop(elements.remove(number)),
                Some(number) => set(&mut elements[number], rest, to),
                None => elements.push(to),
            }
        }
    }
}

/// Compares the pod that was sent with the one that came back. What was added is told where it confines the builder, runs it
/// otherwise or elsewhere: in security contexts, its runtime class, its nodes.
pub(super) fn differences(sent: &Value, got: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    let (sent, got) = (&sent["spec"], &got["spec"]);
    let spec = Path::of(&["spec"]);
    dropped(&spec, sent, Some(got), &mut all);
    let nothing = Map::new();
    let of_pod = got["securityContext"].as_object().unwrap_or(&nothing);
    let both = ["containers", "initContainers"].into_iter();
    for (list, container) in both.flat_map(|list| sent[list].as_array().into_iter().flatten().map(move |container| (list, container))) {
        let name = &container["name"];
        let Some(returned) = got[list].as_array().into_iter().flatten().find(|other| other["name"] == *name) else { continue };
        let before = &container["securityContext"];
        // What the pod says counts for the container where that says nothing itself.
        let path = spec.field(list).element("name", name).field("securityContext");
        confining(&path, before, returned["securityContext"].as_object().unwrap_or(&nothing), &mut all);
        let effective: Map<_, _> =
            of_pod.iter().filter(|(field, _)| before[*field].is_null()).map(|(key, value)| (key.clone(), value.clone())).collect();
        confining(&spec.field("securityContext"), &sent["securityContext"], &effective, &mut all);
    }
    for field in ["runtimeClassName", "nodeSelector"] {
        if let (Value::Null, Some(added)) = (&sent[field], got.get(field).filter(|added| !added.is_null())) {
            all.push(Difference::new(spec.field(field), None, Some(added), true));
        }
    }
    added(&spec, sent, got, &mut all);
    told_once(&mut all);
    // The pod's own fields first: those of a container may hang on them.
    all.sort_by_key(|difference| difference.change.field.matches('.').count());
    all
}

/// The guard has the builder's own shape, so what becomes of the one becomes of the other: it is told of the builder.
fn told_once(all: &mut Vec<Difference>) {
    let inner = |change: &Change| change.field.split_once("].").map(|(_, inner)| inner.to_owned());
    let changes = all.iter().map(|difference| &difference.change);
    let of_builders: Vec<_> = changes.filter(|change| change.field.starts_with("spec.containers[")).cloned().collect();
    all.retain(|Difference { change, .. }| {
        let is_same = |other: &Change| inner(other) == inner(change) && (&other.sent, &other.got) == (&change.sent, &change.got);
        !change.field.starts_with("spec.initContainers[") || !of_builders.iter().any(is_same)
    });
}

/// Whether a field that is not there means this.
fn is_default(path: &Path, value: &Value) -> bool {
    match path.last() {
        "hostUsers" => *value == true,
        "procMount" => value == "Default",
        _ => false,
    }
}

fn dropped(path: &Path, sent: &Value, got: Option<&Value>, all: &mut Vec<Difference>) {
    match (sent, got) {
        (Value::Object(sent), Some(Value::Object(got))) => {
            for (field, value) in sent.iter().filter(|(field, _)| !HARMLESS.contains(&field.as_str())) {
                dropped(&path.field(field), value, got.get(field), all);
            }
        }
        (Value::Array(sent), Some(Value::Array(got))) if key(path.last()).is_some() => {
            let key = key(path.last()).unwrap_or_default();
            for element in sent {
                dropped(&path.element(key, &element[key]), element, got.iter().find(|other| other[key] == element[key]), all);
            }
        }
        (sent, got) => {
            if got != Some(sent) && !(got.is_none_or(Value::is_null) && (sent.is_null() || is_default(path, sent))) {
                all.push(Difference::new(path.clone(), Some(sent), got, true));
            }
        }
    }
}

/// What is added to a security context.
fn confining(path: &Path, sent: &Value, got: &Map<String, Value>, all: &mut Vec<Difference>) {
    for (field, value) in got.iter().filter(|(field, _)| sent[*field].is_null() && !SILENTLY_ADDED.contains(&field.as_str())) {
        let path = path.field(field);
        if !is_default(&path, value) && *value != json!({}) && !all.iter().any(|other| other.path == path) {
            all.push(Difference::new(path, None, Some(value), true));
        }
    }
}

/// What is added anywhere else.
fn added(path: &Path, sent: &Value, got: &Value, all: &mut Vec<Difference>) {
    match (sent, got) {
        (Value::Object(sent), Value::Object(got)) => {
            for (field, value) in got.iter().filter(|(field, _)| !HARMLESS.contains(&field.as_str())) {
                added(&path.field(field), sent.get(field).unwrap_or(&Value::Null), value, all);
            }
        }
        (Value::Array(sent), Value::Array(got)) if key(path.last()).is_some() => {
            let key = key(path.last()).unwrap_or_default();
            for element in got {
                let before = sent.iter().find(|other| other[key] == element[key]).unwrap_or(&Value::Null);
                added(&path.element(key, &element[key]), before, element, all);
            }
        }
        (Value::Null, got) if !got.is_null() && !all.iter().any(|other| other.path == *path) => {
            all.push(Difference::new(path.clone(), None, Some(got), false));
        }
        _ => {}
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
        let told = differences(&sent, &got).into_iter().filter(|difference| difference.is_told).map(|difference| difference.change);
        told.map(|change| format!("{}: {} {}", change.field, text(change.sent), text(change.got))).collect()
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
