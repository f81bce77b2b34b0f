//! What a plan needs of the namespace: without it, its pod would wait until the build times out.

use super::model::Fetch;
use super::plan::Plan;
use crate::yaml::{Invalid, Spot};
use serde_json::Value;

/// The kinds of objects that a pod waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A PersistentVolumeClaim.
    Claim,
}

impl NeedKind {
    /// As Kubernetes calls it.
    pub fn id(self) -> &'static str {
        match self {
            NeedKind::Secret => "Secret",
            NeedKind::ConfigMap => "ConfigMap",
            NeedKind::Claim => "PersistentVolumeClaim",
        }
    }
}

/// An object that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its kind.
    pub kind: NeedKind,
    /// Its name.
    pub name: String,
    /// What names it.
    pub spot: Spot,
}

impl Need {
    /// It does not exist.
    pub fn missing(&self, namespace: &str) -> Invalid {
        self.spot.invalid(format!("{} `{}` does not exist in namespace {namespace}", self.kind.id(), self.name))
    }
}

/// Where a volume names an object.
const VOLUMES: [(NeedKind, &str, &str); 3] = [
    (NeedKind::Secret, "secret", "secretName"),
    (NeedKind::ConfigMap, "configMap", "name"),
    (NeedKind::Claim, "persistentVolumeClaim", "claimName"),
];

/// The same of an environment variable, and of the environment of a container.
const VARIABLES: [(NeedKind, &str, &str); 2] =
    [(NeedKind::Secret, "secretKeyRef", "name"), (NeedKind::ConfigMap, "configMapKeyRef", "name")];
const ENVIRONMENTS: [(NeedKind, &str, &str); 2] = [(NeedKind::Secret, "secretRef", "name"), (NeedKind::ConfigMap, "configMapRef", "name")];

/// All objects that must exist, each once.
pub fn needs(plan: &Plan) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let mut add = |value: &Value, rows: &[(NeedKind, &str, &str)], spot: &Spot| {
        for (kind, field, name) in rows {
            let source = value.get(field).filter(|source| source.get("optional") != Some(&Value::Bool(true)));
            let Some(name) = source.and_then(|source| source.get(name)).and_then(Value::as_str) else { continue };
            if !needs.iter().any(|need| need.kind == *kind && need.name == name) {
                needs.push(Need { kind: *kind, name: name.to_owned(), spot: spot.clone() });
            }
        }
    };
    plan.volumes.iter().for_each(|volume| add(&volume.value, &VOLUMES, &volume.name.spot));
    let customs = plan.build.sources.iter().filter_map(|source| match &source.fetch {
        Fetch::Custom(container) => Some(container),
        Fetch::Git { .. } => None,
    });
    for container in customs.chain(&plan.steps) {
        let list = |field: &str| container.value.get(field).and_then(Value::as_array).into_iter().flatten();
        list("env").filter_map(|variable| variable.get("valueFrom")).for_each(|from| add(from, &VARIABLES, &container.spot));
        list("envFrom").for_each(|from| add(from, &ENVIRONMENTS, &container.spot));
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{plan, read_build};

    #[test]
    fn what_a_pod_would_wait_for_is_named_once() {
        let text = "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {name: a}
spec:
  source:
    custom: {image: a, envFrom: [{secretRef: {name: from}}, {configMapRef: {name: map}}]}
  steps:
  - image: b
    env:
    - {name: A, valueFrom: {secretKeyRef: {name: key, key: k}}}
    - {name: B, valueFrom: {configMapKeyRef: {name: map, key: k}}}
    - {name: C, valueFrom: {secretKeyRef: {name: other, key: k, optional: true}}}
    - {name: D, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  volumes:
  - {name: a, secret: {secretName: mounted}}
  - {name: b, secret: {secretName: maybe, optional: true}}
  - {name: c, configMap: {name: config}}
  - {name: d, persistentVolumeClaim: {claimName: claim}}
  - {name: e, emptyDir: {}}
  - {name: f, secret: {secretName: mounted}}
";
        let plan = plan(read_build("b.yaml", text).expect("a Build"), None).expect("a plan");
        let all = needs(&plan);
        let found: Vec<_> = all.iter().map(|need| (need.kind.id(), need.name.as_str())).collect();
        let wanted = [
            ("Secret", "mounted"),
            ("ConfigMap", "config"),
            ("PersistentVolumeClaim", "claim"),
            ("Secret", "from"),
            ("ConfigMap", "map"),
            ("Secret", "key"),
        ];
        assert_eq!(found, wanted);
        assert_eq!(all[0].missing("ns").to_string(), "b.yaml:15:12: spec.volumes[0].name: Secret `mounted` does not exist in namespace ns");
        assert_eq!(all[5].missing("ns").to_string(), "b.yaml:8:5: spec.steps[0]: Secret `key` does not exist in namespace ns");
    }
}
