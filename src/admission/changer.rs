//! Who changed a pod, where it signs.

use super::compare::Change;
use super::remedy::{self, AUTOPILOT};
use serde_json::Value;

/// Somebody who changes pods, and leaves an annotation.
struct Changer {
    /// How the annotation's key begins.
    annotation: &'static str,
    /// What it is called, by the annotation's value.
    name: fn(&str) -> String,
    /// What keeps it from doing so.
    fix: fn(pod: &Value, namespace: &str) -> String,
}

/// Those that are known, the more particular ones first.
const CHANGERS: &[Changer] = &[
    // openshift/apiserver-library-go: each pod has the name of the constraint that admitted it.
    Changer { annotation: "openshift.io/scc", name: |value| format!("SCC {value}"), fix: remedy::constraint },
    // Where it was started with --mutation-annotations.
    Changer { annotation: "gatekeeper.sh/mutations", name: |value| format!("Gatekeeper: {value}"), fix: remedy::gatekeeper_mutator },
    Changer { annotation: "policies.kyverno.io/", name: |_| "Kyverno".into(), fix: |_, namespace| remedy::kyverno(namespace) },
    Changer { annotation: "autopilot.gke.io/", name: |_| "GKE Autopilot".into(), fix: |_, _| AUTOPILOT.into() },
];

/// What to do where nobody signed.
const FIND: &str = "find the webhook or policy that changes the pod, and exempt builders from it: kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies";

/// Who made a change, as far as is known, and what keeps it from being made.
pub(super) fn of(change: &Change, sent: &Value, got: &Value, namespace: &str) -> (Option<String>, String) {
    let new: Vec<_> = got["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| sent["metadata"]["annotations"][key.as_str()].is_null())
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    let last = change.field.rsplit('.').next().unwrap_or_default();
    let signed = |changer: &Changer| new.iter().find(|(key, _)| key.starts_with(changer.annotation)).map(|(_, value)| *value);
    // Several may sign. Who names the field did it.
    let named = CHANGERS.iter().find(|changer| signed(changer).is_some_and(|value| value.contains(last)));
    match named.or_else(|| CHANGERS.iter().find(|changer| signed(changer).is_some())) {
        Some(changer) => (signed(changer).map(changer.name), (changer.fix)(sent, namespace)),
        None => (None, FIND.into()),
    }
}
