//! What each platform and policy engine allows to be done about it.

use serde_json::Value;

/// The service account of a pod.
pub(super) fn account(pod: &Value) -> &str {
    pod["spec"]["serviceAccountName"].as_str().filter(|name| !name.is_empty()).unwrap_or("default")
}

/// Which security context constraint allows a pod. `nested-container` is made for containers in containers; it wants a pod user
/// namespace, and allows SETUID, SETGID, any user of it and any seccomp profile (openshift/cluster-kube-apiserver-operator#1847).
pub(super) fn constraint(pod: &Value, namespace: &str) -> String {
    let account = account(pod);
    let add = |name: &str| format!("oc adm policy add-scc-to-user {name} --serviceaccount {account} --namespace {namespace}");
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let is_privileged = containers.into_iter().any(|container| container["securityContext"]["privileged"] == true);
    match (pod["spec"]["hostUsers"] == false, is_privileged) {
        (true, false) => format!("{} (OpenShift 4.20 and newer; before: {})", add("nested-container"), add("privileged")),
        (_, true) => add("privileged"),
        (false, false) => {
            format!(
                "use the profile procmount, for which the SCC nested-container is enough (OpenShift 4.20 and newer), or: {}",
                add("privileged")
            )
        }
    }
}

pub(super) fn kyverno(namespace: &str) -> String {
    format!(
        "add a PolicyException of Kyverno for builders in namespace {namespace}, or exclude them in the policy: kubectl get clusterpolicies,policies --all-namespaces"
    )
}

pub(super) fn gatekeeper_mutator(_: &Value, namespace: &str) -> String {
    format!("add {namespace} to spec.match.excludedNamespaces of the mutator: kubectl get assign,assignmetadata,modifyset")
}

pub(super) fn gatekeeper(namespace: &str) -> String {
    format!("add {namespace} to spec.match.excludedNamespaces of the constraint: kubectl get constraints")
}

/// Its own policies can't be changed.
pub(super) const AUTOPILOT: &str =
    "Autopilot's own policies hold in each namespace: use a rootless builder (profile no-process-sandbox), or nodes of GKE Standard";

/// A webhook that is known.
pub(super) struct Webhook {
    /// A part of its name.
    pub(super) part: &'static str,
    /// What exempts the builders of a namespace.
    pub(super) fix: fn(namespace: &str) -> String,
}

/// The first whose part is in the name counts; the last one is anybody's.
pub(super) const WEBHOOKS: &[Webhook] = &[
    Webhook { part: "kyverno", fix: kyverno },
    Webhook { part: "gatekeeper.sh", fix: gatekeeper },
    Webhook { part: ".gke.io", fix: |_| AUTOPILOT.into() },
    Webhook { part: "", fix: |_| "exempt builders in this namespace from the webhook".into() },
];
