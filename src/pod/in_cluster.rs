//! The pod that a cluster gets to see of an object, and the object as that pod comes back.

use super::image::Variant;
use super::manifest::{Kind, Workload};
use serde_json::{Map, Value, json};

/// What a step of Tekton's or Shipwright's has that a container has too. Their controllers add to it: a pod of theirs is never known
/// beforehand.
const OF_STEPS: [&str; 10] =
    ["name", "image", "imagePullPolicy", "command", "args", "env", "envFrom", "workingDir", "volumeMounts", "securityContext"];
/// What such an object has that a pod's spec has too.
const OF_PODS: [&str; 9] = [
    "volumes",
    "hostUsers",
    "securityContext",
    "nodeSelector",
    "tolerations",
    "affinity",
    "runtimeClassName",
    "serviceAccountName",
    "priorityClassName",
];

fn only(fields: &Value, names: &[&str]) -> Map<String, Value> {
    let there = fields.as_object().into_iter().flatten().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_null());
    there.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Workload {
    /// A pod as an object.
    pub fn of_pod(pod: &Value) -> Self {
        let text = |field: &str| pod["metadata"][field].as_str().map(str::to_owned);
        Workload {
            kind: Kind::pod(),
            name: text("name").or_else(|| text("generateName")).unwrap_or_default(),
            namespace: text("namespace"),
            annotations: pod["metadata"]["annotations"].clone(),
            labels: pod["metadata"]["labels"].clone(),
            spec: pod["spec"].clone(),
            claims: Vec::new(),
            configs: Vec::new(),
            enforced: None,
        }
    }

    /// The pod that becomes of it. Its name is made by the API server, since a pod of the object's name may be there.
    pub fn pod(&self) -> Value {
        let is_name = !self.name.is_empty() && self.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let name = if is_name { self.name.trim_matches('-') } else { "builder" };
        let mut metadata = json!({"generateName": format!("{name}-")});
        for (field, value) in [("annotations", &self.annotations), ("labels", &self.labels)] {
            if value.as_object().is_some_and(|fields| !fields.is_empty()) {
                metadata[field] = value.clone();
            }
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": self.pod_spec()})
    }

    fn pod_spec(&self) -> Value {
        if self.kind.containers != "containers" {
            let mut spec = only(&self.spec, &OF_PODS);
            let volumes = self.spec["volumes"].as_array().into_iter().flatten().cloned().map(|mut volume| {
                // Shipwright's own.
                volume.as_object_mut().map(|fields| (fields.remove("overridable"), fields.remove("description")));
                volume
            });
            spec.insert("volumes".into(), volumes.collect());
            let containers = self.spec["containers"].as_array().into_iter().flatten().map(|step| only(step, &OF_STEPS).into());
            spec.insert("containers".into(), containers.collect::<Vec<Value>>().into());
            return spec.into();
        }
        let mut spec = self.spec.clone();
        let is_there = |name: &str| spec["volumes"].as_array().into_iter().flatten().any(|volume| volume["name"] == name);
        // As the controller of StatefulSets names them.
        let claims = self.claims.iter().filter(|claim| !is_there(claim));
        let claims: Vec<_> = claims
            .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{claim}-{}-0", self.name)}}))
            .collect();
        if !claims.is_empty() {
            let mut volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
            volumes.extend(claims);
            spec["volumes"] = volumes.into();
        }
        spec
    }

    /// The object as the API server made its pod: containers stand where the object has them, and those that were added behind them.
    pub(super) fn returned(&self, pod: &Value) -> Self {
        // It may come from anything that calls itself an API server.
        let mut spec = Value::Object(pod["spec"].as_object().cloned().unwrap_or_default());
        let mut rest = spec["containers"].as_array().cloned().unwrap_or_default();
        let sent = self.spec["containers"].as_array().into_iter().flatten();
        let mut containers: Vec<_> = sent
            .map(|sent| {
                let at = rest.iter().position(|container| container.is_object() && container["name"] == sent["name"]);
                let mut container = at.map_or_else(|| json!({"name": sent["name"]}), |at| rest.remove(at));
                // A mirror's name says nothing of what was copied there.
                let variant = |container: &Value| Variant::of(container["image"].as_str().unwrap_or_default());
                if at.is_some() && variant(&container) == Variant::Unknown {
                    container["image"] = sent["image"].clone();
                }
                container
            })
            .collect();
        containers.append(&mut rest);
        spec["containers"] = containers.into();
        Workload { annotations: pod["metadata"]["annotations"].clone(), labels: pod["metadata"]["labels"].clone(), spec, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use crate::pod::workloads;
    use serde_json::json;

    fn pod(object: serde_json::Value) -> serde_json::Value {
        workloads("f", &object.to_string()).expect("one").remove(0).pod()
    }

    #[test]
    fn the_pod_is_what_the_objects_controller_makes() {
        let template =
            json!({"metadata": {"labels": {"app": "b"}, "annotations": {"c": "d"}}, "spec": {"containers": [{"name": "x", "image": "y"}]}});
        let set = json!({"kind": "StatefulSet", "metadata": {"name": "b"}, "spec": {"template": template, "volumeClaimTemplates": [{"metadata": {"name": "state"}}]}});
        let made = pod(set);
        assert_eq!(made["metadata"], json!({"generateName": "b-", "labels": {"app": "b"}, "annotations": {"c": "d"}}));
        assert_eq!(made["spec"]["volumes"], json!([{"name": "state", "persistentVolumeClaim": {"claimName": "state-b-0"}}]));
        // Where it ran says nothing of where it may run.
        let live = json!({"kind": "Pod", "metadata": {"name": "b", "uid": "u"}, "spec": {"nodeName": "n", "containers": [{"name": "x"}]}});
        assert_eq!(pod(live)["spec"], json!({"containers": [{"name": "x"}]}));
        let bound = json!({"kind": "Pod", "metadata": {"name": "B$"}, "spec": {"nodeName": "n", "containers": [{"name": "x"}]}});
        assert_eq!(
            (pod(bound.clone())["spec"]["nodeName"].clone(), pod(bound)["metadata"]["generateName"].clone()),
            (json!("n"), json!("builder-"))
        );
        let task = json!({"kind": "Task", "spec": {"params": [], "stepTemplate": {"env": []}, "volumes": [{"name": "v", "overridable": true}], "steps": [{"name": "x", "image": "y", "script": "id", "onError": "continue"}]}});
        let spec = json!({"containers": [{"name": "x", "image": "y", "command": ["sh", "-c"], "args": ["id"], "env": []}], "volumes": [{"name": "v"}]});
        assert_eq!(pod(task)["spec"], spec);
    }

    #[test]
    fn what_comes_back_stands_where_the_object_has_it() {
        let object = json!({"kind": "Pod", "spec": {"containers": [{"name": "a"}, {"name": "b", "image": "moby/buildkit:rootless"}]}});
        let workload = workloads("f", &object.to_string()).expect("one").remove(0);
        let pod = json!({"metadata": {"annotations": {"c": "d"}}, "spec": {"containers": [{"name": "mesh"}, {"name": "b", "image": "mirror.example/x:1"}, {"name": "a"}]}});
        let returned = workload.returned(&pod);
        assert_eq!(
            returned.spec["containers"],
            json!([{"name": "a", "image": null}, {"name": "b", "image": "moby/buildkit:rootless"}, {"name": "mesh"}])
        );
        assert_eq!(returned.annotations, json!({"c": "d"}));
        for nonsense in [json!(1), json!({"spec": "x"}), json!({"spec": {"containers": ["a", 1, {"name": "b", "image": {}}]}})] {
            assert_eq!(workload.returned(&nonsense).spec["containers"][1]["name"], "b", "{nonsense}");
        }
    }
}
