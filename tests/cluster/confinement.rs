//! What the agent's account may write, seen by what stands on the objects afterwards: a status code tells little, since
//! the API server ignores some fields and answers 200.

use crate::agent::{self, NAMESPACE, PREFIX, condition, log_of, pod_on, rolled_out};
use crate::cluster::Cluster;
use crate::processes::wait;
use crate::run::AGENT;
use buildkit_preflight::node::{COMPONENT, ConditionType, Key, Rule};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const NODE_POLICY: &str = "buildkit-preflight-own-node";
pub(crate) const EVENTS: &str = "/api/v1/namespaces/default/events";
/// What every attack tries to leave behind.
pub(crate) const FORGED: &str = "forged";
pub(crate) const FUTURE: &str = "2099-01-01T00:00:00Z";

/// An attack: what it is, the kind of patch, the patch of a node's status, and the rule that refuses it. Without one the API server
/// itself leaves the field as it is, and answers 200.
type Attack = (&'static str, &'static str, Value, Option<Rule>);

fn attacks() -> Vec<Attack> {
    let label = |key: &str, value: Value| json!({"metadata": {"labels": {key: value}}});
    let status = |field: &str, value: Value| json!({"status": {field: value}});
    let condition = |kind: &str, text: &str| json!({"status": {"conditions": [{"type": kind, "status": "False", "reason": "Forged", "message": text}]}});
    let own =
        |field: &str, value: Value| json!({"status": {"conditions": [{"type": "RootlessBuildKit", "status": "False", field: value}]}});
    let owner = json!([{"apiVersion": "v1", "kind": "Node", "name": FORGED, "uid": FORGED}]);
    vec![
        ("a foreign label", MERGE, label("example.com/zone", FORGED.into()), Some(Rule::Labels)),
        ("an unlisted key of our prefix", MERGE, label(&format!("{PREFIX}/other"), FORGED.into()), Some(Rule::Labels)),
        ("a label of Kubernetes", MERGE, label("kubernetes.io/hostname", FORGED.into()), Some(Rule::Labels)),
        ("taking a foreign label away", MERGE, label("kubernetes.io/hostname", Value::Null), Some(Rule::Labels)),
        ("an annotation", MERGE, json!({"metadata": {"annotations": {"example.com/a": FORGED}}}), Some(Rule::Rest)),
        ("a finalizer", MERGE, json!({"metadata": {"finalizers": ["example.com/forged"]}}), Some(Rule::Rest)),
        ("an owner", MERGE, json!({"metadata": {"ownerReferences": owner}}), Some(Rule::Rest)),
        ("a name's stem", MERGE, json!({"metadata": {"generateName": FORGED}}), Some(Rule::Rest)),
        ("others' field ownership", MERGE, json!({"metadata": {"managedFields": [{}]}}), None),
        ("a taint", MERGE, json!({"spec": {"taints": [{"key": FORGED, "effect": "NoSchedule"}]}}), None),
        ("cordoning", MERGE, json!({"spec": {"unschedulable": true}}), None),
        ("phase", MERGE, status("phase", "Terminated".into()), Some(Rule::Status)),
        ("capacity", MERGE, status("capacity", json!({"example.com/forged": "1"})), Some(Rule::Status)),
        ("allocatable", MERGE, status("allocatable", json!({"example.com/forged": "1"})), Some(Rule::Status)),
        ("addresses", STRATEGIC, status("addresses", json!([{"type": "Hostname", "address": FORGED}])), Some(Rule::Status)),
        ("volumesAttached", MERGE, status("volumesAttached", json!([{"name": FORGED, "devicePath": FORGED}])), Some(Rule::Status)),
        ("volumesInUse", MERGE, status("volumesInUse", json!([FORGED])), Some(Rule::Status)),
        ("images", MERGE, status("images", json!([{"names": [FORGED]}])), Some(Rule::Status)),
        ("runtimeHandlers", MERGE, status("runtimeHandlers", json!([{"name": FORGED}])), Some(Rule::Status)),
        ("nodeInfo", MERGE, status("nodeInfo", json!({"osImage": FORGED})), Some(Rule::Status)),
        ("daemonEndpoints", MERGE, status("daemonEndpoints", json!({"kubeletEndpoint": {"Port": 666}})), Some(Rule::Status)),
        ("the Ready condition", STRATEGIC, condition("Ready", FORGED), Some(Rule::Conditions)),
        (
            "taking the Ready condition away",
            STRATEGIC,
            json!({"status": {"conditions": [{"type": "Ready", "$patch": "delete"}]}}),
            Some(Rule::Conditions),
        ),
        ("a condition of nobody", STRATEGIC, condition("Forged", FORGED), Some(Rule::Conditions)),
        ("a message without bounds", STRATEGIC, condition("RootlessBuildKit", &FORGED.repeat(200)), Some(Rule::Texts)),
        ("a message whose characters are few and long", STRATEGIC, own("message", "\u{fffd}".repeat(400).into()), Some(Rule::Texts)),
        ("a message that a terminal obeys", STRATEGIC, own("message", "\u{1b}[2Jforged".into()), Some(Rule::Texts)),
        ("a message of two lines", STRATEGIC, own("message", "forged\nforged".into()), Some(Rule::Texts)),
        ("a message that is read from right to left", STRATEGIC, own("message", "\u{202e}forged".into()), Some(Rule::Texts)),
        ("a reason without bounds", STRATEGIC, own("reason", FORGED.repeat(200).into()), Some(Rule::Texts)),
        ("a reason of two words", STRATEGIC, own("reason", "For ged".into()), Some(Rule::Texts)),
        (
            "a status that is none",
            STRATEGIC,
            json!({"status": {"conditions": [{"type": "RootlessBuildKit", "status": FORGED}]}}),
            Some(Rule::Texts),
        ),
        ("a heartbeat in the future", STRATEGIC, own("lastHeartbeatTime", FUTURE.into()), Some(Rule::Times)),
        ("a transition in the future", STRATEGIC, own("lastTransitionTime", FUTURE.into()), Some(Rule::Times)),
        ("an own label by another kind of patch than apply", MERGE, label(&format!("{PREFIX}/tuned"), "true".into()), Some(Rule::Managers)),
    ]
}

/// Whether an answer is the refusal of a rule; without one, no refusal.
pub(crate) fn is_refused_by((status, answer): &(u16, Value), rule: Option<Rule>) -> bool {
    let text = answer["message"].as_str().unwrap_or_default();
    rule.map_or_else(|| (200..300).contains(status), |rule| *status == 422 && text.contains(rule.refusal()))
}

/// A node without what the kubelet writes every few seconds.
fn at_rest(cluster: &Cluster, name: &str) -> Value {
    let mut node = cluster.get(&["node", name]);
    node["metadata"]["resourceVersion"].take();
    // The kubelet tells of images some time after they came.
    node["status"]["images"].take();
    for condition in node["status"]["conditions"].as_array_mut().expect("conditions") {
        condition["lastHeartbeatTime"].take();
    }
    let managers = cluster.get(&["node", name, "--show-managed-fields"])["metadata"]["managedFields"].clone();
    // An apply of nothing leaves an entry that owns nothing, which is harmless.
    let owns = |entry: &&Value| entry["fieldsV1"].as_object().is_some_and(|fields| !fields.is_empty());
    let managers = managers.as_array().into_iter().flatten().filter(owns);
    let mut managers: Vec<_> = managers.map(|entry| json!([entry["manager"], entry["subresource"]])).collect();
    // They are listed by the time of their last write, and an agent or a kubelet may write in between.
    managers.sort_by_key(ToString::to_string);
    json!([node, managers])
}

/// Demands that a node stands as it stood, and names what does not.
fn assert_at_rest(cluster: &Cluster, name: &str, before: &Value, after: &str) {
    let now = at_rest(cluster, name);
    assert!(now == *before, "{after}: {:#?}", differences(before, &now, String::new()));
}

/// Where two values differ, as JSON pointers, with both values.
fn differences(a: &Value, b: &Value, at: String) -> Vec<String> {
    let none = Value::Null;
    let below =
        |key: &str, a: Option<&Value>, b: Option<&Value>| differences(a.unwrap_or(&none), b.unwrap_or(&none), format!("{at}/{key}"));
    match (a, b) {
        _ if a == b => Vec::new(),
        (Value::Object(a), Value::Object(b)) => {
            let more = b.keys().filter(|key| !a.contains_key(*key));
            a.keys().chain(more).flat_map(|key| below(key, a.get(key), b.get(key))).collect()
        }
        (Value::Array(a), Value::Array(b)) => {
            (0..a.len().max(b.len())).flat_map(|index| below(&index.to_string(), a.get(index), b.get(index))).collect()
        }
        _ => vec![format!("{at}: {a} became {b}")],
    }
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
    // As one of our managers that owns nothing here.
    let path = "/api/v1/nodes/node1/status?fieldManager=buildkit-preflight/userns&force=true";
    let ours = |metadata: Value| {
        let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata});
        cluster.request("PATCH", path, Some(&token), APPLY, &object.to_string())
    };

    // The control: what is ours goes through, so that what follows is refused for what it is.
    let before = at_rest(cluster, "node1");
    assert_eq!(ours(json!({"name": "node1", "labels": {format!("{PREFIX}/tuned"): "true"}})).0, 200);
    assert_eq!(agent::label(&agent::node(cluster, "node1"), "tuned").as_deref(), Some("true"));
    assert_eq!(ours(json!({"name": "node1"})).0, 200);
    assert_at_rest(cluster, "node1", &before, "after a label that came and went");

    for (what, kind, attack, rule) in attacks() {
        let answer = patch("node1", &token, kind, &attack);
        assert!(is_refused_by(&answer, rule), "{what}: {rule:?}, {answer:#?}");
        assert_at_rest(cluster, "node1", &before, what);
        let whole = cluster.request("PATCH", "/api/v1/nodes/node1", Some(&token), kind, &attack.to_string());
        assert_eq!(whole.0, 403, "{what}: {whole:?}");
        assert_at_rest(cluster, "node1", &before, what);
    }
    // What stands as it stood is of any form, but not there once more: the Node would grow without bounds.
    let twice = json!([{"op": "add", "path": "/status/conditions/-", "value": condition(&agent::node(cluster, "node1"))}]);
    let answer = patch("node1", &token, JSON, &twice);
    assert!(is_refused_by(&answer, Some(Rule::Texts)), "{answer:?}");
    // Taking part in the ownership of what stands there already: its owner could not take it away any more.
    let labels = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1", "labels": {"kubernetes.io/os": "linux"}}});
    for manager in ["buildkit-preflight/no-process-sandbox", "forged"] {
        let path = format!("/api/v1/nodes/node1/status?fieldManager={manager}&force=true");
        let answer = cluster.request("PATCH", &path, Some(&token), APPLY, &labels.to_string());
        assert_at_rest(cluster, "node1", &before, &format!("another's label as {manager}: {answer:?}"));
    }
    let other = at_rest(cluster, "node2");
    let label = json!({"metadata": {"labels": {format!("{PREFIX}/tuned"): "true"}}});
    for (what, kind, attack) in
        [("a label", MERGE, label.clone()), ("nothing", MERGE, json!({})), ("a kind", MERGE, json!({"kind": "Pod"}))]
    {
        let answer = patch("node2", &token, kind, &attack);
        assert_at_rest(cluster, "node2", &other, "another node");
        // What is no patch of a Node is refused before admission, and the refusal quotes the Node: docs/security.md says so.
        assert!(is_refused_by(&answer, Some(Rule::OwnNode)) || what == "a kind" && answer.0 == 422, "{what}: {answer:?}");
    }
    let unbound = cluster.token(NAMESPACE, "agent", None);
    let answer = patch("node1", &unbound, MERGE, &label);
    assert!(is_refused_by(&answer, Some(Rule::OwnNode)), "{answer:?}");
    assert_at_rest(cluster, "node1", &before, "a token bound to no pod");
    assert_eq!(cluster.request("GET", "/api/v1/nodes/node1", Some(&token), "", "").0, 403, "it may not read");
}

/// What stands on the Node under our names and was put there by hand is right or gone with the next write.
pub(crate) fn what_is_put_under_our_names_by_hand_goes(cluster: &Cluster) {
    agent::deployed(cluster);
    // Beside a canary and without one; that of userns is not deployed.
    for (node, canary) in [("node1", true), ("node2", true), ("node1", false)] {
        if !canary {
            cluster.delete(&["-n", NAMESPACE, "daemonset/canary-procmount"]);
            cluster.kubectl(&["set", "env", "-n", NAMESPACE, "daemonset/agent", "CANARIES-"]).expect("kubectl set env");
            agent::rolled_out(cluster);
        }
        let said = |object: &Value| {
            let labels = object["metadata"]["labels"].as_object().expect("labels");
            let labels: BTreeMap<_, _> =
                labels.iter().filter(|(key, _)| key.starts_with(PREFIX)).map(|(k, v)| (k.clone(), v.clone())).collect();
            let conditions = object["status"]["conditions"].as_array().expect("conditions").iter();
            let ours = conditions.filter(|condition| condition["type"].as_str().is_some_and(|kind| kind.starts_with("RootlessBuildKit")));
            let conditions: BTreeMap<_, _> =
                ours.map(|condition| (condition["type"].to_string(), json!([condition["status"], condition["reason"]]))).collect();
            (labels, conditions)
        };
        let (labels, conditions) = said(&agent::node(cluster, node));
        let forged: serde_json::Map<_, _> = Key::ALL.iter().map(|key| (key.with(PREFIX), FORGED.into())).collect();
        // Of a form that the agent may not write itself.
        let by_hand: Vec<_> = ConditionType::ALL
            .iter()
            .map(|kind| {
                json!({"type": kind.name(), "status": "None", "reason": "By-hand", "message": format!("a\n{}", "b".repeat(2000)),
                    "lastHeartbeatTime": FUTURE})
            })
            .collect();
        let patch = json!({"metadata": {"labels": forged}, "status": {"conditions": by_hand}});
        let path = format!("/api/v1/nodes/{node}/status?fieldManager=kubectl-edit");
        let answer = cluster.request("PATCH", &path, None, STRATEGIC, &patch.to_string());
        assert_eq!(answer.0, 200, "{answer:?}");
        for component in ["agent", "canary-procmount"] {
            let selector = format!("app.kubernetes.io/component={component}");
            cluster.delete(&["pods", "-n", NAMESPACE, "-l", &selector, "--field-selector", &format!("spec.nodeName={node}")]);
        }
        wait("nothing of it is left", 90, || {
            let now = said(&agent::node(cluster, node));
            let left = now.0.values().any(|value| value == FORGED) || now.1.values().any(|condition| condition[1] == "By-hand");
            // Nor is that of procmount, in the end.
            let is_a_canarys = |key: &str| key.ends_with("/pod-ids") || !canary && key.ends_with("/procmount");
            let is_said = |before: &String| now.0.contains_key(before) || is_a_canarys(before);
            // No canary of userns is deployed, so nobody says anything of it.
            let left = left || now.0.contains_key(&format!("{PREFIX}/userns")) || now.1.contains_key(r#""RootlessBuildKitUserns""#);
            if !left && labels.keys().all(is_said) { Ok(()) } else { Err(format!("{now:?}, before {labels:?} {conditions:?}")) }
        });
    }
    agent::deploy(cluster, AGENT);
}

/// How a policy is put out of force, whose absence the agent says of, and what it says was not refused.
fn ways_to_open() -> Vec<(&'static str, Vec<String>, Rule)> {
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let account = r#"[{"op": "replace", "path": "/spec/matchConditions/0/expression", "value": "request.userInfo.username == 'system:serviceaccount:x:y'"}]"#;
    let node = format!("validatingadmissionpolicy/{NODE_POLICY}");
    let audit = r#"{"spec": {"validationActions": ["Audit"]}}"#;
    vec![
        ("its binding deleted", text(&["delete", &format!("validatingadmissionpolicybinding/{NODE_POLICY}")]), Rule::OwnNode),
        ("for another account", text(&["patch", &node, "--type=json", "-p", account]), Rule::OwnNode),
        (
            "the events' binding only audits",
            text(&["patch", "validatingadmissionpolicybinding/buildkit-preflight-own-events", "--type=merge", "-p", audit]),
            Rule::EventNames,
        ),
    ]
}

/// The number of a rule in its policy, and the way to cut it out.
fn cut_out(cluster: &Cluster, rule: Rule) -> Vec<String> {
    let policy = format!("validatingadmissionpolicy/{}", rule.policy());
    let validations = cluster.get(&[&policy])["spec"]["validations"].clone();
    let at = validations.as_array().expect("validations").iter().position(|validation| validation["message"] == rule.refusal());
    let patch = format!(r#"[{{"op": "remove", "path": "/spec/validations/{}"}}]"#, at.unwrap_or_else(|| panic!("no {rule:?}")));
    vec!["patch".into(), policy, "--type=json".into(), "-p".into(), patch]
}

pub(crate) fn without_its_policy_the_agent_is_silent(cluster: &Cluster) {
    agent::deployed(cluster);
    let whole = ways_to_open().into_iter().map(|(what, way, rule)| (what.to_owned(), way, rule));
    // The rest of them is tried against a server of the test's own: tests/agent.
    let rules = [Rule::OwnNode, Rule::Conditions];
    let parts = rules.map(|rule| (format!("without the rule {rule:?}"), cut_out(cluster, rule), rule));
    for (what, way, rule) in whole.chain(parts) {
        cluster.kubectl(&way.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let before = condition(&agent::node(cluster, "node1"));
        wait("the API server knows", 60, || if tries(cluster, rule) { Err("still confined".into()) } else { Ok(()) });
        cluster.delete(&["-n", NAMESPACE, &format!("pod/{}", pod_on(cluster, "node1"))]);
        wait(&format!("{what}: the agent says why it publishes nothing"), 60, || {
            let lines = log_of(cluster, "node1");
            let said = |line: &Value| {
                line["error"].as_str().is_some_and(|error| error.contains(rule.attack()) && error.contains("was not refused"))
            };
            if lines.iter().any(said) { Ok(()) } else { Err(format!("{lines:?}")) }
        });
        let pod = cluster.get(&["pod", "-n", NAMESPACE, &pod_on(cluster, "node1")]);
        let ready = pod["status"]["conditions"].as_array().expect("conditions").iter().find(|condition| condition["type"] == "Ready");
        assert_eq!(ready.expect("a condition")["status"], "False", "not ready");
        assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0, "no crash loop");
        let node = agent::node(cluster, "node1");
        assert_eq!(condition(&node), before, "{what}: nothing was written");
        assert_eq!(agent::label(&node, "no-process-sandbox").as_deref(), Some("ready"), "and nothing taken away");

        let file = agent::repository().join("manifests/agent/policy.yaml").display().to_string();
        cluster.kubectl(&["apply", "-f", &file]).unwrap_or_else(|error| panic!("{error}"));
        wait("the API server knows again", 60, || if tries(cluster, rule) { Ok(()) } else { Err("not confined".to_owned()) });
        rolled_out(cluster);
    }
}

/// Whether a rule refuses what breaks it, as the API server sees it now: it learns of a policy some time after it is stored.
fn tries(cluster: &Cluster, rule: Rule) -> bool {
    let token = cluster.token(NAMESPACE, "agent", Some(&pod_on(cluster, "node1")));
    let status = |node: &str, manager: &str| format!("/api/v1/nodes/{node}/status?fieldManager={manager}&dryRun=All");
    let manager = "buildkit-preflight/no-process-sandbox";
    let (path, kind, body) = match rule {
        Rule::OwnNode => (status("node2", manager), MERGE, json!({})),
        Rule::Conditions => {
            (status("node1", manager), STRATEGIC, json!({"status": {"conditions": [{"type": "Forged", "status": "Unknown"}]}}))
        }
        _ => {
            let uid = agent::node(cluster, "node1")["metadata"]["uid"].clone();
            let name = format!("{COMPONENT}.{}.sysctltugofwar", uid.as_str().expect("a uid"));
            let about = json!({"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": uid});
            let event = json!({"metadata": {"name": if rule == Rule::EventNames { FORGED } else { &name }, "namespace": "default"},
                "involvedObject": about, "type": FORGED, "source": {"component": COMPONENT}, "count": 1});
            let answer = cluster.request("POST", &format!("{EVENTS}?dryRun=All"), Some(&token), "application/json", &event.to_string());
            return is_refused_by(&answer, Some(rule));
        }
    };
    is_refused_by(&cluster.request("PATCH", &path, Some(&token), kind, &body.to_string()), Some(rule))
}
