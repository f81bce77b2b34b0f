use super::*;
use crate::node::{DEFAULT_PREFIX, Key};
use crate::render::template::objects;
use serde_json::{Value as Object, json};

/// A pool whose value some readers of YAML take for a number.
fn pool() -> Pool {
    Pool { key: "example.org/build_pool".into(), value: "1e3".into() }
}

fn class() -> NodeClass {
    NodeClass { group: "karpenter.example".into(), kind: "Class".into(), name: "yes".into() }
}

fn read(text: &str) -> Vec<Object> {
    objects("a manifest", text).expect("YAML")
}

#[test]
fn the_rule_waits_for_the_condition_of_a_profile_on_the_pool_alone() {
    for profile in Profile::ALL.iter().copied() {
        let text = readiness_rule("n", profile, &pool()).expect("a manifest");
        let condition = ConditionType::of(profile).name();
        let spec = json!({
            "conditions": [{"type": condition, "requiredStatus": "True"}],
            "enforcementMode": "continuous",
            "taint": {"key": "readiness.k8s.io/rootless-buildkit", "value": "pending", "effect": "NoSchedule"},
            "nodeSelector": {"matchLabels": {"example.org/build_pool": "1e3"}},
        });
        assert_eq!(read(&text)[0]["spec"], spec, "{profile}");
    }
}

#[test]
fn karpenter_makes_tainted_nodes_of_the_pool_and_learns_no_verdict() {
    let text = karpenter("n", &pool(), &class(), 7).expect("a manifest");
    let spec = &read(&text)[0]["spec"];
    let template = &spec["template"];
    assert_eq!(template["metadata"]["labels"], json!({"example.org/build_pool": "1e3"}));
    let taint = json!({"key": TAINT_KEY, "value": TAINT_VALUE, "effect": "NoSchedule"});
    // Karpenter makes no node for a pod that does not tolerate one of `taints`.
    assert_eq!((&template["spec"]["startupTaints"], &template["spec"]["taints"]), (&json!([taint]), &Object::Null));
    assert_eq!(template["spec"]["nodeClassRef"], json!({"group": "karpenter.example", "kind": "Class", "name": "yes"}));
    assert_eq!(spec["limits"], json!({"nodes": "7"}));
    for key in Key::ALL {
        assert!(!text.contains(&key.with(DEFAULT_PREFIX)), "{key:?}");
    }
}

#[test]
fn cluster_autoscaler_knows_the_taint_and_what_a_first_node_will_be() {
    let told = read(&cluster_autoscaler(&pool()).expect("settings"));
    let whole = "readiness.k8s.io/rootless-buildkit=pending:NoSchedule";
    assert_eq!(
        told,
        [
            json!({"args": ["--startup-taint-prefix=readiness.k8s.io/"]}),
            json!({"tags": {
                "k8s.io/cluster-autoscaler/node-template/label/example.org/build_pool": "1e3",
                "k8s.io/cluster-autoscaler/node-template/taint/readiness.k8s.io/rootless-buildkit": "pending:NoSchedule",
            }}),
            json!({"tags": {
                "k8s.io_cluster-autoscaler_node-template_label_example.org_build~2pool": "1e3",
                "k8s.io_cluster-autoscaler_node-template_taint_readiness.k8s.io_rootless-buildkit": "pending:NoSchedule",
            }}),
            json!({"annotations": {
                "capacity.cluster-autoscaler.kubernetes.io/labels": "example.org/build_pool=1e3",
                "capacity.cluster-autoscaler.kubernetes.io/taints": whole,
            }}),
            json!({
                "NODE_LABELS": "example.org/build_pool=1e3",
                "AUTOSCALER_ENV_VARS": format!("node_labels=example.org/build_pool=1e3;node_taints={whole}"),
            }),
        ]
    );
}
