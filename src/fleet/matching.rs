//! Whether a scheduler would take a node for a pod: `nodeSelector`, required node affinity, taints and cordons. What hangs on other
//! pods (affinity to them, free resources) changes by the minute and is left out.

use crate::node::{Taint, View};
use serde_json::Value;

/// What a cordon is beside the node's field (k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeunschedulable).
const CORDON: &str = "node.kubernetes.io/unschedulable";

/// Why a pod with this spec does not come to a node; None where nothing speaks against it.
pub(super) fn mismatch(node: &View, spec: &Value) -> Option<String> {
    let named = spec["nodeName"].as_str().filter(|name| !name.is_empty());
    if let Some(name) = named.filter(|name| *name != node.name) {
        return Some(format!("spec.nodeName names the node {name}"));
    }
    let cordon = Taint { key: CORDON.into(), value: String::new(), effect: "NoSchedule".into() };
    // Where the node is named, no scheduler is asked.
    let is_cordoned = node.scheduling.is_cordoned && named.is_none() && !is_tolerated(&cordon, spec);
    let cordoned = || is_cordoned.then(|| format!("it is cordoned (kubectl uncordon {})", node.name));
    selector(node, spec).or_else(|| affinity(node, spec)).or_else(cordoned).or_else(|| taint(node, spec, named.is_some()))
}

fn selector(node: &View, spec: &Value) -> Option<String> {
    let wanted = spec["nodeSelector"].as_object()?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    wanted.iter().find_map(|(key, value)| {
        let there = node.scheduling.labels.get(key);
        let has = || there.map_or_else(|| "no such label".into(), |value| format!("{key}={value}"));
        (there != Some(&text(value))).then(|| format!("spec.nodeSelector wants {key}={}, and it has {}", text(value), has()))
    })
}

fn affinity(node: &View, spec: &Value) -> Option<String> {
    let terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].as_array()?;
    let missing: Vec<_> = terms.iter().map(|term| missing(node, term)).collect::<Option<Vec<_>>>()?;
    Some(format!("spec.affinity wants {}", missing.join(", or ")))
}

/// The first thing that a term wants and the node has not; None where it has all. A term without any is none that a node has.
fn missing(node: &View, term: &Value) -> Option<String> {
    let list = |field: &str| term[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    if expressions.is_empty() && fields.is_empty() {
        return Some("what no node has".into());
    }
    let label = |key: &str| node.scheduling.labels.get(key).map(String::as_str);
    let field = |key: &str| (key == "metadata.name").then_some(node.name.as_str());
    let unmet = |ask: &&Value| !is_met(ask, label(ask["key"].as_str().unwrap_or_default()));
    let unmet_field = |ask: &&Value| !is_met(ask, field(ask["key"].as_str().unwrap_or_default()));
    expressions.iter().find(unmet).or_else(|| fields.iter().find(unmet_field)).map(shown)
}

fn values(ask: &Value) -> Vec<&str> {
    ask["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn shown(ask: &Value) -> String {
    let word = |field: &str| ask[field].as_str().unwrap_or_default();
    format!("{} {} {}", word("key"), word("operator"), values(ask).join(", ")).trim_end().to_owned()
}

/// As k8s.io/component-helpers/scheduling/corev1/nodeaffinity has it: a label that is not there is in no list.
fn is_met(ask: &Value, value: Option<&str>) -> bool {
    let values = values(ask);
    let number = |text: &str| text.parse::<i64>().ok();
    let bound = values.first().and_then(|text| number(text));
    match ask["operator"].as_str().unwrap_or_default() {
        "In" => value.is_some_and(|value| values.contains(&value)),
        "NotIn" => value.is_none_or(|value| !values.contains(&value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value > bound),
        "Lt" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

fn taint(node: &View, spec: &Value, is_named: bool) -> Option<String> {
    let stops = |taint: &&Taint| match taint.effect.as_str() {
        "NoExecute" => true,
        // A cordon that ends leaves it for a moment; the node's own field was looked at.
        "NoSchedule" => !is_named && taint.key != CORDON,
        _ => false,
    };
    let taint = node.scheduling.taints.iter().filter(stops).find(|taint| !is_tolerated(taint, spec))?;
    Some(format!("its taint {taint} is not tolerated"))
}

fn is_tolerated(taint: &Taint, spec: &Value) -> bool {
    let tolerations = spec["tolerations"].as_array().into_iter().flatten();
    tolerations.into_iter().any(|toleration| {
        let word = |field: &str| toleration[field].as_str().unwrap_or_default();
        let (key, effect) = (word("key"), word("effect"));
        let number = |text: &str| text.parse::<i64>().ok();
        let both = || number(&taint.value).zip(number(word("value")));
        let is_of_value = match word("operator") {
            "Exists" => true,
            // Alpha in Kubernetes 1.35.
            "Lt" => both().is_some_and(|(taint, bound)| taint < bound),
            "Gt" => both().is_some_and(|(taint, bound)| taint > bound),
            _ => taint.value == word("value"),
        };
        (key == taint.key || key.is_empty() && word("operator") == "Exists") && (effect.is_empty() || effect == taint.effect) && is_of_value
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::DEFAULT_PREFIX;
    use serde_json::json;

    fn node(spec: Value) -> View {
        let labels = json!({"kubernetes.io/os": "linux", "cores": "8", "pool": "builds"});
        View::new(
            serde_json::from_value(json!({"metadata": {"name": "n", "uid": "u", "labels": labels}, "spec": spec})).expect("a node"),
            DEFAULT_PREFIX,
        )
    }

    fn required(terms: Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn a_node_is_taken_as_the_scheduler_takes_it() {
        let expression = |key: &str, operator: &str, values: &[&str]| json!({"key": key, "operator": operator, "values": values});
        let term = |ask: Value| json!({"matchExpressions": [ask]});
        let tainted = json!({"taints": [{"key": "dedicated", "value": "builds", "effect": "NoSchedule"}, {"key": "x", "effect": "PreferNoSchedule"}]});
        let cordoned = json!({"unschedulable": true, "taints": [{"key": CORDON, "effect": "NoSchedule"}]});
        let rows: Vec<(Value, Value, Option<&str>)> = vec![
            (json!({}), json!({}), None),
            (json!({}), json!({"nodeSelector": {"pool": "builds"}}), None),
            (json!({}), json!({"nodeSelector": {"pool": "web"}}), Some("spec.nodeSelector wants pool=web, and it has pool=builds")),
            (json!({}), json!({"nodeSelector": {"zone": "a"}}), Some("spec.nodeSelector wants zone=a, and it has no such label")),
            (json!({}), required(json!([term(expression("pool", "In", &["web", "builds"]))])), None),
            (json!({}), required(json!([term(expression("pool", "NotIn", &["builds"]))])), Some("spec.affinity wants pool NotIn builds")),
            (json!({}), required(json!([term(expression("zone", "NotIn", &["a"]))])), None),
            (json!({}), required(json!([term(expression("zone", "Exists", &[]))])), Some("spec.affinity wants zone Exists")),
            (json!({}), required(json!([term(expression("pool", "DoesNotExist", &[])), term(expression("cores", "Gt", &["4"]))])), None),
            (json!({}), required(json!([term(expression("cores", "Gt", &["8"]))])), Some("spec.affinity wants cores Gt 8")),
            (json!({}), required(json!([term(expression("cores", "Lt", &["9"]))])), None),
            (json!({}), required(json!([{}])), Some("spec.affinity wants what no node has")),
            (json!({}), required(json!([{"matchFields": [expression("metadata.name", "In", &["n"])]}])), None),
            (json!({}), json!({"nodeName": "other"}), Some("spec.nodeName names the node other")),
            (tainted.clone(), json!({}), Some("its taint dedicated=builds:NoSchedule is not tolerated")),
            (tainted.clone(), json!({"tolerations": [{"key": "dedicated", "value": "builds"}]}), None),
            (
                tainted.clone(),
                json!({"tolerations": [{"key": "dedicated", "value": "web"}]}),
                Some("its taint dedicated=builds:NoSchedule is not tolerated"),
            ),
            (
                tainted.clone(),
                json!({"tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}]}),
                Some("its taint dedicated=builds:NoSchedule is not tolerated"),
            ),
            (tainted, json!({"nodeName": "n"}), None),
            (cordoned.clone(), json!({}), Some("it is cordoned (kubectl uncordon n)")),
            (cordoned, json!({"tolerations": [{"operator": "Exists"}]}), None),
            (
                json!({"taints": [{"key": "gone", "effect": "NoExecute"}]}),
                json!({"nodeName": "n"}),
                Some("its taint gone:NoExecute is not tolerated"),
            ),
        ];
        for (node_spec, spec, expected) in rows {
            assert_eq!(mismatch(&node(node_spec.clone()), &spec).as_deref(), expected, "{node_spec} {spec}");
        }
    }
}
