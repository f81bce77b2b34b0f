//! A build runs where builders do.

use crate::fleet::requirements;
use crate::profile::Profile;
use serde_json::{Value, json};

const NODES: &str = "nodeAffinity";
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const TERMS: &str = "nodeSelectorTerms";
const EXPRESSIONS: &str = "matchExpressions";

/// The affinity of a Build, on nodes that are ready for a profile alone: each of its terms must hold, and our requirements too.
pub(super) fn with_ready_nodes(given: Option<&Value>, profile: Profile, prefix: &str) -> Value {
    let expression =
        |one: &crate::fleet::Requirement| json!({"key": one.key.with(prefix), "operator": one.operator.to_string(), "values": [one.value]});
    let ours: Vec<_> = requirements(profile, None).iter().map(expression).collect();
    let mut affinity = given.filter(|value| value.is_object()).cloned().unwrap_or_else(|| json!({}));
    let nodes = &mut affinity[NODES];
    if !nodes.is_object() {
        *nodes = json!({});
    }
    let required = &mut nodes[REQUIRED];
    match required.get_mut(TERMS).and_then(Value::as_array_mut) {
        None => *required = json!({TERMS: [{EXPRESSIONS: ours}]}),
        Some(terms) => terms.iter_mut().filter(|term| matches_a_node(term)).for_each(|term| {
            let mut all = term.get(EXPRESSIONS).and_then(Value::as_array).cloned().unwrap_or_default();
            all.extend(ours.iter().cloned());
            term[EXPRESSIONS] = all.into();
        }),
    }
    affinity
}

/// An empty term matches no node, and must not come to match all that are ready.
fn matches_a_node(term: &Value) -> bool {
    let has = |field: &str| term.get(field).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    has(EXPRESSIONS) || has("matchFields")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_gets_our_requirement() {
        let ours = json!({"key": "p.example/no-process-sandbox", "operator": "In", "values": ["ready"]});
        let of = |given: Option<&Value>| with_ready_nodes(given, Profile::NoProcessSandbox, "p.example");
        let alone = json!({NODES: {REQUIRED: {TERMS: [{EXPRESSIONS: [ours]}]}}});
        assert_eq!(of(None), alone);
        assert_eq!(of(Some(&json!({}))), alone);
        let zone = json!({"key": "zone", "operator": "In", "values": ["a"]});
        let field = json!([{"key": "metadata.name", "operator": "In", "values": ["n"]}]);
        let given = json!({
            "podAntiAffinity": {"x": 1},
            NODES: {"preferred": [1], REQUIRED: {TERMS: [{EXPRESSIONS: [zone]}, {"matchFields": field}, {}]}},
        });
        let wanted = json!({
            "podAntiAffinity": {"x": 1},
            NODES: {"preferred": [1], REQUIRED: {TERMS: [{EXPRESSIONS: [zone, ours]}, {"matchFields": field, EXPRESSIONS: [ours]}, {}]}},
        });
        assert_eq!(of(Some(&given)), wanted);
        let not_ready = with_ready_nodes(None, Profile::Privileged, "p.example");
        assert_eq!(not_ready[NODES][REQUIRED][TERMS][0][EXPRESSIONS][0]["operator"], "NotIn");
    }
}
