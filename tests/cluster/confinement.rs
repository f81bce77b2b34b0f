//! What the agent's account may write, seen by what stands on the objects afterwards: a status code tells little, since
//! the API server ignores some fields and answers 200.

use crate::agent::{self, NAMESPACE, PREFIX, condition, log_of, pod_on, rolled_out};
use crate::cluster::Cluster;
use crate::processes::wait;
use serde_json::{Value, json};

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const NODE_POLICY: &str = "buildkit-preflight-own-node";
/// What every attack tries to leave behind.
const FORGED: &str = "forged";

/// An attack: what it is, the kind of patch, and the patch of a node's status.
fn attacks() -> Vec<(&'static str, &'static str, Value)> {
    let label = |key: &str, value: Value| json!({"metadata": {"labels": {key: value}}});
    let status = |field: &str, value: Value| json!({"status": {field: value}});
    let condition = |kind: &str, text: &str| json!({"status": {"conditions": [{"type": kind, "status": "False", "reason": "Forged", "message": text}]}});
    vec![
        ("a foreign label", MERGE, label("example.com/zone", FORGED.into())),
        ("an unlisted key of our prefix", MERGE, label(&format!("{PREFIX}/other"), FORGED.into())),
        ("a label of Kubernetes", MERGE, label("kubernetes.io/hostname", FORGED.into())),
        ("taking a foreign label away", MERGE, label("kubernetes.io/hostname", Value::Null)),
        ("an annotation", MERGE, json!({"metadata": {"annotations": {"example.com/a": FORGED}}})),
        ("a finalizer", MERGE, json!({"metadata": {"finalizers": ["example.com/forged"]}})),
        (
            "an owner",
            MERGE,
            json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": FORGED, "uid": FORGED}]}}),
        ),
        ("others' field ownership", MERGE, json!({"metadata": {"managedFields": [{}]}})),
        ("a taint", MERGE, json!({"spec": {"taints": [{"key": FORGED, "effect": "NoSchedule"}]}})),
        ("cordoning", MERGE, json!({"spec": {"unschedulable": true}})),
        ("phase", MERGE, status("phase", "Terminated".into())),
        ("capacity", MERGE, status("capacity", json!({"example.com/forged": "1"}))),
        ("allocatable", MERGE, status("allocatable", json!({"example.com/forged": "1"}))),
        ("addresses", STRATEGIC, status("addresses", json!([{"type": "Hostname", "address": FORGED}]))),
        ("volumesAttached", MERGE, status("volumesAttached", json!([{"name": FORGED, "devicePath": FORGED}]))),
        ("volumesInUse", MERGE, status("volumesInUse", json!([FORGED]))),
        ("images", MERGE, status("images", json!([{"names": [FORGED]}]))),
        ("runtimeHandlers", MERGE, status("runtimeHandlers", json!([{"name": FORGED}]))),
        ("nodeInfo", MERGE, status("nodeInfo", json!({"osImage": FORGED}))),
        ("daemonEndpoints", MERGE, status("daemonEndpoints", json!({"kubeletEndpoint": {"Port": 666}}))),
        ("the Ready condition", STRATEGIC, condition("Ready", FORGED)),
        ("taking the Ready condition away", STRATEGIC, json!({"status": {"conditions": [{"type": "Ready", "$patch": "delete"}]}})),
        ("a condition of nobody", STRATEGIC, condition("Forged", FORGED)),
        ("a message without bounds", STRATEGIC, condition("RootlessBuildKit", &FORGED.repeat(200))),
        (
            "a reason without bounds",
            STRATEGIC,
            json!({"status": {"conditions": [{"type": "RootlessBuildKit", "status": "False", "reason": FORGED.repeat(200)}]}}),
        ),
        ("a status that is none", STRATEGIC, json!({"status": {"conditions": [{"type": "RootlessBuildKit", "status": FORGED}]}})),
        ("a name's stem", MERGE, json!({"metadata": {"generateName": FORGED}})),
    ]
}

/// A node without what the kubelet writes every few seconds.
fn at_rest(cluster: &Cluster, name: &str) -> Value {
    let mut node = cluster.get(&["node", name]);
    node["metadata"]["resourceVersion"].take();
    for condition in node["status"]["conditions"].as_array_mut().expect("conditions") {
        condition["lastHeartbeatTime"].take();
    }
    let managers = cluster.get(&["node", name, "--show-managed-fields"])["metadata"]["managedFields"].clone();
    let managers: Vec<_> = managers.as_array().into_iter().flatten().map(|entry| json!([entry["manager"], entry["subresource"]])).collect();
    json!([node, managers])
}

/// As the agent's own requests.
fn status_path(node: &str) -> String {
    format!("/api/v1/nodes/{node}/status?fieldManager=buildkit-preflight/no-process-sandbox")
}

pub(crate) fn the_account_writes_only_what_is_ours(cluster: &Cluster) {
    agent::deployed(cluster);
    let pod = pod_on(cluster, "node1");
    let token = cluster.token(NAMESPACE, "agent", Some(&pod));
    let patch = |node: &str, token: &str, kind: &str, patch: &Value| {
        cluster.request("PATCH", &status_path(node), Some(token), kind, &patch.to_string())
    };
    let ours = |value: Value| json!({"metadata": {"labels": {format!("{PREFIX}/tuned"): value}}});

    // The control: what is ours goes through, so that what follows is refused for what it is.
    let before = at_rest(cluster, "node1");
    assert_eq!(patch("node1", &token, MERGE, &ours("true".into())).0, 200);
    assert_eq!(agent::label(&agent::node(cluster, "node1"), "tuned").as_deref(), Some("true"));
    patch("node1", &token, MERGE, &ours(Value::Null));
    assert_eq!(at_rest(cluster, "node1"), before);

    for (what, kind, attack) in attacks() {
        let (status, answer) = patch("node1", &token, kind, &attack);
        assert_eq!(at_rest(cluster, "node1"), before, "{what}: {status} {answer:#}");
        let whole = cluster.request("PATCH", "/api/v1/nodes/node1", Some(&token), kind, &attack.to_string());
        assert_eq!(at_rest(cluster, "node1"), before, "{what}: {whole:?}");
    }
    // Taking part in the ownership of what stands there already: its owner could not take it away any more.
    let labels = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1", "labels": {"kubernetes.io/os": "linux"}}});
    for manager in ["buildkit-preflight/no-process-sandbox", "forged"] {
        let path = format!("/api/v1/nodes/node1/status?fieldManager={manager}&force=true");
        let answer = cluster.request("PATCH", &path, Some(&token), "application/apply-patch+yaml", &labels.to_string());
        assert_eq!(at_rest(cluster, "node1"), before, "another's label as {manager}: {answer:?}");
    }
    let other = at_rest(cluster, "node2");
    let answer = patch("node2", &token, MERGE, &ours("true".into()));
    assert_eq!(at_rest(cluster, "node2"), other, "another node: {answer:?}");
    let unbound = cluster.token(NAMESPACE, "agent", None);
    let answer = patch("node1", &unbound, MERGE, &ours("true".into()));
    assert_eq!(at_rest(cluster, "node1"), before, "a token bound to no pod: {answer:?}");
    assert_eq!(cluster.request("GET", "/api/v1/nodes/node1", Some(&token), "", "").0, 403, "it may not read");
}

pub(crate) fn the_account_tells_only_of_its_node(cluster: &Cluster) {
    agent::deployed(cluster);
    let token = cluster.token(NAMESPACE, "agent", Some(&pod_on(cluster, "node1")));
    let unbound = cluster.token(NAMESPACE, "agent", None);
    let tell = |token: &str, name: &str, about: Value| {
        let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"}, "involvedObject": about,
            "reason": "Forged", "message": FORGED, "type": "Warning", "firstTimestamp": null, "lastTimestamp": null});
        cluster.request("POST", "/api/v1/namespaces/default/events", Some(token), "application/json", &event.to_string())
    };
    let node = |name: &str| {
        let uid = agent::node(cluster, name)["metadata"]["uid"].clone();
        json!({"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid})
    };
    assert_eq!(tell(&token, "own", node("node1")).0, 201, "the control");
    tell(&token, "other-node", node("node2"));
    tell(&token, "pod", json!({"apiVersion": "v1", "kind": "Pod", "name": "node1", "namespace": "default"}));
    tell(&unbound, "unbound", node("node1"));
    let forged = |name: &str, more: Value| {
        let mut event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"}, "involvedObject": node("node1"),
            "reason": "Forged", "message": FORGED, "type": "Warning"});
        event.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        cluster.request("POST", "/api/v1/namespaces/default/events", Some(&token), "application/json", &event.to_string())
    };
    forged("long", json!({"message": FORGED.repeat(200)}));
    forged("others-name", json!({"source": {"component": "kubelet"}}));
    forged("related", json!({"related": {"kind": "Pod", "name": FORGED}}));
    forged("annotated", json!({"metadata": {"name": "annotated", "namespace": "default", "annotations": {"a": FORGED}}}));
    let new = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "new", "namespace": "default"},
        "regarding": node("node2"), "reason": "Forged", "note": FORGED, "type": "Warning", "action": "Forged",
        "reportingController": "example.com/forged", "reportingInstance": FORGED, "eventTime": "2026-01-01T00:00:00.000000Z"});
    cluster.request("POST", "/apis/events.k8s.io/v1/namespaces/default/events", Some(&token), "application/json", &new.to_string());
    let events = cluster.get(&["events", "-n", "default", "--field-selector", "reason=Forged"]);
    let names: Vec<_> = events["items"].as_array().expect("a list").iter().map(|event| &event["metadata"]["name"]).collect();
    assert_eq!(names, ["own"]);
    cluster.delete(&["event/own"]);
}

/// Whether a foreign label would be refused, as the API server sees it now: it learns of a policy some time after it is stored.
fn confined(cluster: &Cluster) -> bool {
    let token = cluster.token(NAMESPACE, "agent", Some(&pod_on(cluster, "node1")));
    let foreign = json!({"metadata": {"labels": {"example.com/zone": FORGED}}}).to_string();
    cluster.request("PATCH", &(status_path("node1") + "&dryRun=All"), Some(&token), MERGE, &foreign).0 != 200
}

/// How often an agent has tried a foreign label, and was not refused.
fn attempts(cluster: &Cluster) -> usize {
    let entries = cluster.audit("buildkit-preflight/");
    let is_one = |entry: &&Value| {
        entry["requestURI"].as_str().is_some_and(|uri| uri.contains("dryRun=All")) && entry["responseStatus"]["code"] == 200
    };
    entries.iter().filter(is_one).count()
}

pub(crate) fn without_its_policy_the_agent_is_silent(cluster: &Cluster) {
    agent::deployed(cluster);
    let wrong = r#"[{"op": "replace", "path": "/spec/matchConditions/0/expression", "value": "request.userInfo.username == 'system:serviceaccount:x:y'"}]"#;
    let policy = format!("validatingadmissionpolicy/{NODE_POLICY}");
    let ways: [&[&str]; 2] =
        [&["delete", &format!("validatingadmissionpolicybinding/{NODE_POLICY}")], &["patch", &policy, "--type=json", "-p", wrong]];
    for way in ways {
        cluster.kubectl(way).unwrap_or_else(|error| panic!("{error}"));
        wait("the API server knows", 60, || if confined(cluster) { Err("still confined".into()) } else { Ok(()) });
        let before = condition(&agent::node(cluster, "node1"));
        let before_attempts = attempts(cluster);
        cluster.delete(&["-n", NAMESPACE, &format!("pod/{}", pod_on(cluster, "node1"))]);
        wait("the agent says why it publishes nothing", 60, || {
            let lines = log_of(cluster, "node1");
            let said = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("no admission policy confines"));
            // It tries again and again, and stays silent.
            let tried = attempts(cluster) - before_attempts;
            if lines.iter().any(said) && tried >= 3 { Ok(()) } else { Err(format!("{tried} attempts, {lines:?}")) }
        });
        let pod = cluster.get(&["pod", "-n", NAMESPACE, &pod_on(cluster, "node1")]);
        let ready = pod["status"]["conditions"].as_array().expect("conditions").iter().find(|condition| condition["type"] == "Ready");
        assert_eq!(ready.expect("a condition")["status"], "False", "not ready");
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0, "no crash loop");
        let node = agent::node(cluster, "node1");
        assert_eq!(condition(&node), before, "nothing was written");
        assert_eq!(agent::label(&node, "no-process-sandbox").as_deref(), Some("ready"), "and nothing taken away");

        let file = agent::repository().join("manifests/agent/policy.yaml").display().to_string();
        cluster.kubectl(&["apply", "-f", &file]).unwrap_or_else(|error| panic!("{error}"));
        rolled_out(cluster);
    }
}
