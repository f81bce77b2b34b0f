//! Changes of an object: applied to it, and as a patch to paste.

use super::manifest::Workload;
use serde_json::{Map, Value, json};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// A field of the pod's spec; null removes it.
    Pod(&'static [&'static str], Value),
    /// A field of a container; null removes it.
    Container(usize, &'static [&'static str], Value),
    /// A variable of a container.
    Variable(usize, &'static str, String),
    /// An emptyDir on a directory of a container.
    EmptyDir(usize, String),
    /// A volume of this name, whatever it was.
    Volume(String, Value),
    /// An annotation of the pod; None removes it.
    Annotation(String, Option<String>),
}

fn set(value: &mut Value, path: &[&str], to: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = to.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    set(&mut value[*first], rest, to);
}

/// The element of a list that has a key, made where there is none.
fn element<'a>(list: &'a mut Value, key: &str, name: &str) -> &'a mut Value {
    if !list.is_array() {
        *list = json!([]);
    }
    let Value::Array(elements) = list else { unreachable!("it was made one") };
    let at = elements.iter().position(|element| element[key] == name).unwrap_or_else(|| {
        elements.push(json!({ key: name }));
        elements.len() - 1
    });
    &mut elements[at]
}

/// A name for a volume on a directory.
fn volume_name(path: &str) -> String {
    path.trim_matches('/').replace(['/', '.', '_'], "-").replace("--", "-").to_lowercase()
}

impl Edit {
    /// Makes the change.
    pub(super) fn apply(&self, workload: &mut Workload) {
        let spec = &mut workload.spec;
        match self {
            Edit::Pod(path, value) => set(spec, path, value),
            Edit::Container(number, path, value) => set(&mut spec["containers"][number], path, value),
            Edit::Variable(number, name, value) => {
                *element(&mut spec["containers"][number]["env"], "name", name) = json!({"name": name, "value": value});
            }
            Edit::EmptyDir(number, path) => {
                let name = volume_name(path);
                *element(&mut spec["containers"][number]["volumeMounts"], "mountPath", path) = json!({"name": name, "mountPath": path});
                *element(&mut spec["volumes"], "name", &name) = json!({"name": name, "emptyDir": {}});
            }
            Edit::Volume(name, source) => *element(&mut spec["volumes"], "name", name) = source.clone(),
            Edit::Annotation(name, value) => set(&mut workload.annotations, &[name], &json!(value)),
        }
    }
}

/// Changes as one strategic merge patch, for `kubectl patch --patch-file`; where the API server knows no such patch for the kind,
/// a merge patch with its whole list of steps.
pub(super) fn patch(workload: &Workload, edits: &[Edit]) -> Option<Value> {
    if edits.is_empty() {
        return None;
    }
    let mut after = workload.clone();
    edits.iter().for_each(|edit| edit.apply(&mut after));
    let mut patch = json!({});
    let before = &workload.spec;
    for field in ["hostUsers", "securityContext", "nodeSelector", "runtimeClassName"] {
        if let Some(change) = difference(&before[field], &after.spec[field]) {
            set(&mut patch, &[workload.kind.pod.unwrap_or(workload.kind.spec), &[field][..]].concat(), &change);
        }
    }
    let is_crd = workload.kind.containers == "steps";
    for (list, written) in [("containers", workload.kind.containers), ("volumes", "volumes")] {
        let (old, new) = (&before[list], &after.spec[list]);
        if old == new {
            continue;
        }
        let change = if is_crd { as_steps(new) } else { elements(old, new, "name") };
        set(&mut patch, &[workload.kind.spec, &[written][..]].concat(), &change);
    }
    if let Some(change) = difference(&workload.annotations, &after.annotations) {
        let template = workload.kind.spec.split_last().map_or(&[][..], |(_, template)| template);
        set(&mut patch, &[template, &["metadata", "annotations"][..]].concat(), &change);
    }
    (patch != json!({})).then_some(patch)
}

/// Containers as steps again: where a step has a script, that is its command.
fn as_steps(containers: &Value) -> Value {
    let mut steps = containers.clone();
    for step in steps.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if step.contains_key("script") {
            step.retain(|field, _| field != "command" && field != "args");
        }
    }
    steps
}

/// What to send so that the one becomes the other; None where nothing is to be done.
fn difference(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        (old, new) if old == new => None,
        (Value::Object(before), Value::Object(after)) => {
            let mut change = Map::new();
            for key in before.keys().chain(after.keys()) {
                let (old, new) = (before.get(key).unwrap_or(&Value::Null), after.get(key).unwrap_or(&Value::Null));
                let by = match key.as_str() {
                    "env" => Some("name"),
                    "volumeMounts" => Some("mountPath"),
                    _ => None,
                };
                let list = by.filter(|_| old.is_array() || new.is_array()).map(|by| elements(old, new, by));
                let inner = if old == new { None } else { list.or_else(|| difference(old, new)) };
                if let Some(inner) = inner {
                    change.insert(key.clone(), inner);
                }
            }
            Some(change.into())
        }
        (_, new) => Some(new.clone()),
    }
}

/// The elements that changed, each with the key by which the API server finds it. What is no object has none.
fn elements(old: &Value, new: &Value, key: &str) -> Value {
    let old = old.as_array().map(Vec::as_slice).unwrap_or_default();
    let changed = new.as_array().into_iter().flatten().filter(|element| element.is_object()).filter_map(|element| {
        let before = old.iter().find(|other| other[key] == element[key]).unwrap_or(&Value::Null);
        let mut change = difference(before, element)?;
        // Another kind of volume stands beside the old one unless that is taken away.
        if let (Some(before), Some(_)) = (before.as_object(), element.as_object()) {
            for gone in before.keys().filter(|field| element[*field].is_null()) {
                change[gone] = Value::Null;
            }
        }
        change[key] = element[key].clone();
        Some(change)
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::workloads;

    fn deployment() -> Workload {
        let text = "kind: Deployment\nspec: {template: {spec: {volumes: [{name: s, emptyDir: {medium: Memory}}], containers: [{name: a}, {name: b, args: [x], env: [{name: E, value: v}]}]}}}\n";
        workloads("f", text).expect("one").remove(0)
    }

    #[test]
    fn a_patch_says_only_what_changes() {
        let rows = [
            (Edit::Pod(&["securityContext", "fsGroup"], json!(1000)), json!({"securityContext": {"fsGroup": 1000}})),
            (Edit::Container(1, &["args"], json!(["x", "y"])), json!({"containers": [{"name": "b", "args": ["x", "y"]}]})),
            (Edit::Variable(1, "F", "w".into()), json!({"containers": [{"name": "b", "env": [{"name": "F", "value": "w"}]}]})),
            (
                Edit::EmptyDir(0, "/run/user/1000".into()),
                json!({
                    "containers": [{"name": "a", "volumeMounts": [{"name": "run-user-1000", "mountPath": "/run/user/1000"}]}],
                    "volumes": [{"name": "run-user-1000", "emptyDir": {}}],
                }),
            ),
            (
                Edit::Volume("s".into(), json!({"name": "s", "emptyDir": {"medium": ""}})),
                json!({"volumes": [{"name": "s", "emptyDir": {"medium": ""}}]}),
            ),
        ];
        for (edit, expected) in rows {
            assert_eq!(patch(&deployment(), &[edit]), Some(json!({"spec": {"template": {"spec": expected}}})));
        }
        let annotation = patch(&deployment(), &[Edit::Annotation("a".into(), Some("b".into()))]);
        assert_eq!(annotation, Some(json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}})));
        assert_eq!(patch(&deployment(), &[]), None);
    }

    #[test]
    fn a_list_may_have_anything() {
        let text = "kind: Pod\nspec: {volumes: [x, 1], containers: [{name: a, volumeMounts: [x, [], 1], env: [x]}]}\n";
        let pod = workloads("f", text).expect("one").remove(0);
        let edits = [Edit::EmptyDir(0, "/tmp".into()), Edit::Variable(0, "F", "w".into())];
        let container = json!({"name": "a", "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}], "env": [{"name": "F", "value": "w"}]});
        let patched = json!({"spec": {"containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]}});
        assert_eq!(patch(&pod, &edits), Some(patched));
    }

    #[test]
    fn steps_are_sent_whole() {
        let task = workloads("f", "kind: Task\nspec: {steps: [{name: a, image: i}, {name: b}]}\n").expect("one").remove(0);
        let edit = Edit::Container(0, &["securityContext", "runAsUser"], json!(1000));
        let steps = json!([{"name": "a", "image": "i", "securityContext": {"runAsUser": 1000}}, {"name": "b"}]);
        assert_eq!(patch(&task, &[edit]), Some(json!({"spec": {"steps": steps}})));
    }
}
