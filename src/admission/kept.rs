//! What a builder of ours is told and where it is to run: no shape shows that it is lost.

use super::compare::Change;
use serde_json::Value;

/// A field that says so.
struct Rule {
    /// Part of the field's path; the first rule whose part is in it counts.
    part: &'static str,
    is_kept: fn(&Change) -> bool,
}

const RULES: &[Rule] = &[
    // It copies a program into a volume, and ends.
    Rule { part: "initContainers[guard-program]", is_kept: |_| true },
    Rule { part: "nodeSelectorTerms", is_kept: keeps_terms },
    Rule { part: ".args", is_kept: keeps_all },
    Rule { part: ".command", is_kept: |_| false },
    Rule { part: "volumeMounts", is_kept: |_| false },
    Rule { part: "spec.volumes", is_kept: |_| false },
    Rule { part: "spec.affinity", is_kept: |_| false },
    // It was sent: without it a builder runs where nobody wanted it.
    Rule { part: "spec.nodeSelector", is_kept: |_| false },
];

/// Whether a change leaves what was asked for. What is added takes nothing away.
pub(super) fn is_kept(change: &Change) -> bool {
    let is_whole_container = change.field.ends_with(']') && change.field.starts_with("spec.containers[") && !change.field.contains("].");
    match RULES.iter().find(|rule| change.field.contains(rule.part)) {
        _ if change.sent.is_none() => true,
        Some(rule) => (rule.is_kept)(change),
        None => !is_whole_container,
    }
}

fn list(value: &Option<Value>) -> Vec<Value> {
    value.as_ref().and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Whether each place that is left is one that was asked for, with more asked of it.
fn keeps_terms(change: &Change) -> bool {
    let asks = |term: &Value| term["matchExpressions"].as_array().cloned().unwrap_or_default();
    let (sent, got) = (list(&change.sent), list(&change.got));
    let keeps = |term: &Value| sent.iter().any(|wanted| asks(wanted).iter().all(|ask| asks(term).contains(ask)));
    !got.is_empty() && got.iter().all(keeps)
}

/// Whether all that was sent is there, in its order.
fn keeps_all(change: &Change) -> bool {
    let (sent, got) = (list(&change.sent), list(&change.got));
    let mut rest = got.iter();
    !sent.is_empty() && sent.iter().all(|word| rest.any(|other| other == word))
}
