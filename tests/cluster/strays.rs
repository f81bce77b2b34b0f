//! What others put under our names is no proof: autoscalers and platforms copy labels from one node to the next.

use crate::agent::{self, PREFIX, condition, deployed, label, verdict};
use crate::cluster::Cluster;
use crate::out_of_cluster::{Machine, Outside, node_without_a_kubelet};
use crate::processes::wait;
use buildkit_preflight::node::{ConditionType, Key, Values};
use serde_json::{Map, Value, json};

const NODE: &str = "node4";
const PORT: u16 = 8097;
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// What the best of all nodes would say.
fn best() -> (Map<String, Value>, Vec<Value>) {
    let value = |key: Key| match key.row().expect("a row").values {
        Values::Words(words) => words[0].to_owned(),
        Values::Number => "65536".to_owned(),
        Values::Like(example) => example.to_owned(),
    };
    let labels = Key::ALL.into_iter().map(|key| (key.with(PREFIX), value(key).into())).collect();
    let condition = |kind: ConditionType| json!({"type": kind.name(), "status": "True", "reason": "Proven", "message": "by nobody"});
    (labels, ConditionType::ALL.into_iter().map(condition).collect())
}

/// Puts it on the Node as somebody else.
fn stamp(cluster: &Cluster, labels: &Value, conditions: &Value) {
    let path = format!("/api/v1/nodes/{NODE}/status?fieldManager=karpenter");
    let patch = json!({"metadata": {"labels": labels}, "status": {"conditions": conditions}});
    let (code, answer) = cluster.request("PATCH", &path, None, STRATEGIC, &patch.to_string());
    assert_eq!(code, 200, "{answer}");
}

/// What of it stands on a Node.
fn stands(node: &Value) -> usize {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    labels.into_iter().filter(|(key, _)| key.starts_with(PREFIX)).count()
        + conditions.into_iter().filter(|one| one["type"].as_str().is_some_and(|kind| kind.starts_with("RootlessBuildKit"))).count()
}

pub(crate) fn a_ready_that_nobody_proved_is_withdrawn_before_the_probe(cluster: &Cluster) {
    deployed(cluster);
    let _node = node_without_a_kubelet(cluster, NODE, "strays");
    let (labels, conditions) = best();
    let (labels, conditions) = (json!(labels), json!(conditions));
    stamp(cluster, &labels, &conditions);
    assert_eq!(stands(&agent::node(cluster, NODE)), Key::ALL.len() + ConditionType::ALL.len());
    let watch = cluster.watch_node(NODE);
    let machine = Machine { node: NODE, pod: "strays", port: PORT, limit: Some("0") };
    let agent = Outside::start(cluster, &machine);
    verdict(cluster, NODE, "not-ready");

    // Each version of the Node was seen: first nothing of ours was on it, then what the agent has proven.
    let said = |node: &Value| label(node, "no-process-sandbox");
    let versions = wait("the watch has come to the proof", 30, || {
        let versions: Vec<_> = watch.events().into_iter().map(|event| event["object"].clone()).collect();
        if versions.iter().any(|node| said(node).as_deref() == Some("not-ready")) { Ok(versions) } else { Err(format!("{versions:?}")) }
    });
    let clean = versions.iter().position(|node| stands(node) == 0).expect("a Node without a word");
    let proven = versions.iter().position(|node| said(node).as_deref() == Some("not-ready")).expect("a Node with a proof");
    assert!(clean < proven, "{clean} {proven}");
    assert!(versions[clean..].iter().all(|node| said(node).as_deref() != Some("ready")));
    let log = agent.heard();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text} in {log}"));
    assert!(at("took off the Node what others had put there") < at("judged"), "before the probe: {log}");
    // What stood there was no reason to look twice.
    assert!(!log.contains("seems to be no longer ready"), "{log}");

    // While the agent runs: what is stamped anew, and what is taken away.
    stamp(cluster, &labels, &conditions);
    let is_put_right = |what: &str| {
        wait(what, 60, || {
            let node = agent::node(cluster, NODE);
            let says = condition(&node);
            let foreign = label(&node, "userns").is_some() || says["message"] == "by nobody";
            let is_said = label(&node, "no-process-sandbox").as_deref() == Some("not-ready") && says["status"] == "False";
            if is_said && !foreign { Ok(()) } else { Err(format!("{}", node["metadata"]["labels"])) }
        });
    };
    is_put_right("what was stamped is withdrawn again");
    cluster.kubectl(&["label", "node", NODE, &format!("{PREFIX}/no-process-sandbox-")]).expect("kubectl label");
    is_put_right("what was taken away is said again");
    let metrics = cluster.api.fetch(&format!("http://127.0.0.1:{PORT}/metrics")).expect("metrics").1;
    assert!(metrics.contains("buildkit_preflight_foreign_words_withdrawn_total 2"), "{metrics}");
}
