//! Objects that have pods, as their files have them.

use crate::yaml::{self, Invalid, Node, Spot};
use serde_json::{Map, Value, json};

/// A kind of object that has a pod in it.
#[derive(Debug)]
pub struct Kind {
    /// `kind`.
    pub name: &'static str,
    /// Where its pod's spec is.
    pub spec: &'static [&'static str],
    /// The list of its containers: Tekton and Shipwright call them steps.
    pub containers: &'static str,
    /// Where the pod's own fields are, if elsewhere; None where the object has no place for them.
    pub pod: Option<&'static [&'static str]>,
}

const TEMPLATE: &[&str] = &["spec", "template", "spec"];

const fn of_pods(name: &'static str, spec: &'static [&'static str]) -> Kind {
    Kind { name, spec, containers: "containers", pod: Some(spec) }
}

/// The kinds, from the API reference of Kubernetes, Tekton (`tekton.dev/v1`) and Shipwright (`shipwright.io/v1beta1`).
const KINDS: &[Kind] = &[
    of_pods("Pod", &["spec"]),
    of_pods("Deployment", TEMPLATE),
    of_pods("StatefulSet", TEMPLATE),
    of_pods("DaemonSet", TEMPLATE),
    of_pods("ReplicaSet", TEMPLATE),
    of_pods("ReplicationController", TEMPLATE),
    of_pods("Job", TEMPLATE),
    of_pods("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
    of_pods("PodTemplate", &["template", "spec"]),
    Kind { name: "Task", spec: &["spec"], containers: "steps", pod: None },
    Kind { name: "ClusterTask", spec: &["spec"], containers: "steps", pod: None },
    Kind { name: "TaskRun", spec: &["spec", "taskSpec"], containers: "steps", pod: Some(&["spec", "podTemplate"]) },
    Kind { name: "BuildStrategy", spec: &["spec"], containers: "steps", pod: None },
    Kind { name: "ClusterBuildStrategy", spec: &["spec"], containers: "steps", pod: None },
];

/// An object with a pod in it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it is.
    pub kind: &'static Kind,
    /// Its name, or what names are made of.
    pub name: String,
    /// Its namespace, where it says one.
    pub namespace: Option<String>,
    /// The pod's annotations.
    pub annotations: Value,
    /// The pod's labels.
    pub labels: Value,
    /// The pod's spec, its containers as `containers` whatever the object calls them.
    pub spec: Value,
    /// Names of volumes that are claims of a StatefulSet.
    pub claims: Vec<String>,
    /// Texts of ConfigMaps that stand beside it, by their names.
    pub configs: Vec<(String, String)>,
    /// The level of Pod Security that its namespace enforces, where that stands beside it.
    pub enforced: Option<String>,
}

/// Reads all objects that have pods; lists are taken apart, other objects passed over.
pub fn workloads(file: &str, text: &str) -> Result<Vec<Workload>, Invalid> {
    let whole = Spot { file: file.into(), place: None, path: String::new() };
    let mut objects = Vec::new();
    for document in yaml::documents(file, text)? {
        let spot = Spot { place: document.place, ..whole.clone() };
        take_apart(&document, &spot, &mut objects)?;
    }
    let configs: Vec<_> =
        objects.iter().filter(|(object, _)| object["kind"] == "ConfigMap").filter_map(|(object, _)| config(object)).collect();
    let mut found = Vec::new();
    for (object, spot) in &objects {
        if let Some(kind) = KINDS.iter().find(|kind| object["kind"] == kind.name) {
            let mut workload = workload(kind, object, &configs, spot)?;
            workload.enforced = objects.iter().find_map(|(object, _)| enforced(object, workload.namespace.as_deref()));
            found.push(workload);
        }
    }
    if found.is_empty() {
        let kinds: Vec<_> = objects.iter().filter_map(|(object, _)| object["kind"].as_str()).collect();
        let there = if kinds.is_empty() { "is empty".into() } else { format!("has {}", kinds.join(", ")) };
        let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(whole
            .invalid(format!("no object here has a pod: the file {there}"))
            .hint(format!("name a file with one of {}", known.join(", "))));
    }
    Ok(found)
}

fn take_apart(document: &Node, spot: &Spot, objects: &mut Vec<(Value, Spot)>) -> Result<(), Invalid> {
    let object = document.json();
    let Some(fields) = object.as_object() else {
        return Err(spot.invalid("this is no object of Kubernetes: it has no `kind`"));
    };
    let kind =
        fields.get("kind").and_then(Value::as_str).ok_or_else(|| spot.invalid("this is no object of Kubernetes: it has no `kind`"))?;
    match (kind.ends_with("List"), fields.get("items").and_then(Value::as_array)) {
        (true, Some(items)) => {
            for item in items {
                take_apart(&Node::from(item), spot, objects)?;
            }
        }
        _ => objects.push((object, spot.clone())),
    }
    Ok(())
}

fn config(object: &Value) -> Option<(String, String)> {
    let texts = object["data"].as_object()?.values().filter_map(Value::as_str);
    Some((object["metadata"]["name"].as_str()?.to_owned(), texts.collect::<Vec<_>>().join("\n")))
}

/// What a namespace of this name enforces, if the object is that.
fn enforced(object: &Value, name: Option<&str>) -> Option<String> {
    let metadata = Some(&object["metadata"]).filter(|metadata| object["kind"] == "Namespace" && metadata["name"].as_str() == name)?;
    metadata["labels"]["pod-security.kubernetes.io/enforce"].as_str().map(str::to_owned)
}

/// What is at a path; null where nothing is.
fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, part| &value[*part])
}

fn workload(kind: &'static Kind, object: &Value, configs: &[(String, String)], spot: &Spot) -> Result<Workload, Invalid> {
    let metadata = &object["metadata"];
    let name = ["name", "generateName"].iter().find_map(|field| metadata[*field].as_str()).unwrap_or("unnamed").to_owned();
    let within = |path: &str, message: &str| Spot { path: format!("{}.{path}", kind.spec.join(".")), ..spot.clone() }.invalid(message);
    let mut spec = at(object, kind.spec).clone();
    let fields = spec.as_object_mut().ok_or_else(|| Spot { path: kind.spec.join("."), ..spot.clone() }.invalid("has no pod's spec"))?;
    if kind.containers == "steps" {
        steps(fields, kind, object);
    }
    let containers = fields.get("containers").and_then(Value::as_array).filter(|list| !list.is_empty());
    let containers = containers.ok_or_else(|| within(kind.containers, "is no list of containers"))?;
    for (number, container) in containers.iter().enumerate() {
        if !container.is_object() {
            return Err(within(&format!("{}[{number}]", kind.containers), "is no container"));
        }
        for list in ["args", "command"] {
            let is_right = container[list].is_null() || container[list].as_array().is_some_and(|words| words.iter().all(Value::is_string));
            if !is_right {
                return Err(within(&format!("{}[{number}].{list}", kind.containers), "is no list of texts"));
            }
        }
    }
    let template = kind.spec.split_last().map_or(object, |(_, template)| at(object, template));
    let of_pod = if kind.containers == "steps" { metadata } else { &template["metadata"] };
    // An object that is there has the node that a scheduler has chosen.
    if !metadata["uid"].is_null() {
        fields.remove("nodeName");
    }
    let claims = object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
    let claims = claims.filter_map(|claim| claim["metadata"]["name"].as_str().map(str::to_owned)).collect();
    let namespace = metadata["namespace"].as_str().map(str::to_owned);
    Ok(Workload {
        kind,
        name,
        namespace,
        annotations: of_pod["annotations"].clone(),
        labels: of_pod["labels"].clone(),
        spec,
        claims,
        configs: configs.to_vec(),
        enforced: None,
    })
}

/// Steps as containers: what `stepTemplate` and a step's `script` mean is written out.
fn steps(spec: &mut Map<String, Value>, kind: &Kind, object: &Value) {
    let template = spec.get("stepTemplate").cloned().unwrap_or(Value::Null);
    let steps = spec.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let written_out = |step: Value| {
        let mut step = step;
        if let (Some(fields), Some(defaults)) = (step.as_object_mut(), template.as_object()) {
            for (field, value) in defaults {
                fields.entry(field.clone()).or_insert_with(|| value.clone());
            }
        }
        if let Some(script) = step["script"].as_str().map(str::to_owned) {
            step["command"] = json!(["sh", "-c"]);
            step["args"] = json!([script]);
        }
        step
    };
    spec.insert("containers".into(), steps.into_iter().map(written_out).collect());
    if let Some(pod) = kind.pod.and_then(|path| at(object, path).as_object()) {
        for (field, value) in pod {
            spec.entry(field.clone()).or_insert_with(|| value.clone());
        }
    }
}

impl Kind {
    /// That of a pod itself.
    pub(super) fn pod() -> &'static Self {
        &KINDS[0]
    }
}

impl Workload {
    /// What it is called: `Deployment/buildkitd`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind.name, self.name)
    }

    /// The path of a pod's field in the object.
    pub(super) fn pod_path(&self, field: &str) -> String {
        format!("{}.{field}", self.kind.pod.unwrap_or(self.kind.spec).join("."))
    }

    /// The path of a container's field in the object.
    pub(super) fn container_path(&self, number: usize, field: &str) -> String {
        let end = if field.is_empty() { String::new() } else { format!(".{field}") };
        format!("{}.{}[{number}]{end}", self.kind.spec.join("."), self.kind.containers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "{metadata: {annotations: {a: b}}, spec: {containers: [{name: x, image: y}]}}";

    #[test]
    fn each_kind_has_its_pod_where_its_api_has_it() {
        for (text, path) in [
            ("kind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: x}]}\n".to_owned(), "spec.containers[0].args"),
            (format!("kind: Deployment\nspec: {{template: {POD}}}\n"), "spec.template.spec.containers[0].args"),
            (
                format!("kind: CronJob\nspec: {{jobTemplate: {{spec: {{template: {POD}}}}}}}\n"),
                "spec.jobTemplate.spec.template.spec.containers[0].args",
            ),
            ("kind: Task\nspec: {stepTemplate: {env: []}, steps: [{name: x, script: id}]}\n".into(), "spec.steps[0].args"),
            (
                "kind: TaskRun\nspec: {podTemplate: {hostUsers: false}, taskSpec: {steps: [{name: x}]}}\n".into(),
                "spec.taskSpec.steps[0].args",
            ),
            (
                format!("kind: List\nitems: [{{kind: Service}}, {{kind: Job, spec: {{template: {POD}}}}}]\n"),
                "spec.template.spec.containers[0].args",
            ),
        ] {
            let found = workloads("f.yaml", &text).expect(&text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].container_path(0, "args"), path, "{text}");
        }
        let run =
            workloads("f", "kind: TaskRun\nspec: {podTemplate: {hostUsers: false}, taskSpec: {steps: [{script: id}]}}\n").expect("one");
        assert_eq!((&run[0].spec["hostUsers"], run[0].pod_path("hostUsers").as_str()), (&json!(false), "spec.podTemplate.hostUsers"));
        assert_eq!(run[0].spec["containers"][0]["args"], json!(["id"]));
    }

    #[test]
    fn what_has_no_pod_is_refused_with_its_place() {
        for (text, message) in [
            ("a: 1\n", "f.yaml:1:1: this is no object of Kubernetes: it has no `kind`"),
            ("- a\n", "f.yaml:1:1: this is no object of Kubernetes: it has no `kind`"),
            ("", "f.yaml: no object here has a pod: the file is empty"),
            ("kind: Service\n---\nkind: Secret\n", "f.yaml: no object here has a pod: the file has Service, Secret"),
            ("kind: Pod\n", "f.yaml:1:1: spec: has no pod's spec"),
            ("kind: Pod\nspec: {}\n", "f.yaml:1:1: spec.containers: is no list of containers"),
            ("kind: Pod\nspec: {containers: [1]}\n", "f.yaml:1:1: spec.containers[0]: is no container"),
            ("kind: Pod\nspec: {containers: [{args: x}]}\n", "f.yaml:1:1: spec.containers[0].args: is no list of texts"),
        ] {
            assert_eq!(workloads("f.yaml", text).expect_err(text).to_string(), message);
        }
    }
}
