//! What the agent's account may tell in events, seen by what is stored.

use crate::agent::{self, NAMESPACE, pod_on};
use crate::cluster::Cluster;
use crate::confinement::{EVENTS, FORGED, FUTURE, MERGE, is_refused_by};
use crate::processes::wait;
use buildkit_preflight::node::{COMPONENT, ConditionType, Rule};
use buildkit_preflight::publish::Topic;
use serde_json::{Value, json};

/// What it wants of a forged event: a path below the event, and the value there.
fn event_attacks(node2: &Value) -> Vec<(&'static str, &'static str, Value, Rule)> {
    let uid = node2["metadata"]["uid"].as_str().expect("a uid");
    let huge = || Value::from(FORGED.repeat(200_000));
    let owns = |fields: Value| json!([{"manager": COMPONENT, "operation": "Update", "apiVersion": "v1", "time": FUTURE, "fieldsType": "FieldsV1", "fieldsV1": fields}]);
    vec![
        ("a name of nobody", "/metadata/name", FORGED.into(), Rule::EventNames),
        ("the name of another node's event", "/metadata/name", format!("{COMPONENT}.{uid}.rootlessbuildkitready").into(), Rule::EventNames),
        ("about another node", "/involvedObject/name", "node2".into(), Rule::EventNames),
        ("about another uid", "/involvedObject/uid", uid.into(), Rule::EventNames),
        ("about a pod", "/involvedObject/kind", "Pod".into(), Rule::EventNames),
        ("about a field without bounds", "/involvedObject/fieldPath", huge(), Rule::EventNames),
        ("about a version without bounds", "/involvedObject/resourceVersion", huge(), Rule::EventNames),
        ("about an API without bounds", "/involvedObject/apiVersion", huge(), Rule::EventNames),
        ("a type without bounds", "/type", huge(), Rule::EventFields),
        ("a host without bounds", "/source/host", huge(), Rule::EventFields),
        ("in another's name", "/source/component", "kubelet".into(), Rule::EventFields),
        ("a reporter without bounds", "/reportingInstance", huge(), Rule::EventFields),
        ("reported in another's name", "/reportingComponent", "kubelet".into(), Rule::EventFields),
        ("a message without bounds", "/message", FORGED.repeat(200).into(), Rule::EventFields),
        ("a message that a terminal obeys", "/message", "\u{1b}[2J".into(), Rule::EventFields),
        ("a reason without bounds", "/reason", FORGED.repeat(200).into(), Rule::EventFields),
        ("less than once", "/count", 0.into(), Rule::EventFields),
        ("a series", "/series", json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}), Rule::EventFields),
        ("related", "/related", json!({"kind": "Pod", "name": FORGED}), Rule::EventFields),
        ("an annotation", "/metadata/annotations", json!({"a": FORGED}), Rule::EventFields),
        ("a label", "/metadata/labels", json!({"a": FORGED}), Rule::EventFields),
        ("a finalizer", "/metadata/finalizers", json!(["example.com/forged"]), Rule::EventFields),
        (
            "fields without bounds that it owns",
            "/metadata/managedFields",
            owns(json!({format!("f:{}", FORGED.repeat(9999)): {}})),
            Rule::EventFields,
        ),
        ("first told in the future", "/firstTimestamp", FUTURE.into(), Rule::EventTimes),
        ("last told in the future", "/lastTimestamp", FUTURE.into(), Rule::EventTimes),
        ("last told long ago", "/lastTimestamp", "1999-01-01T00:00:00Z".into(), Rule::EventTimes),
    ]
}

/// Puts a value there, with all that leads to it.
fn put(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    for key in path.split('/').skip(1) {
        place = &mut place[key];
    }
    *place = value;
}

/// What the agent's account can store of events: as many as there are names, each of at most so many bytes in JSON, of which its
/// message is 1,024. docs/security.md says so.
const MOST_EVENTS: usize = 28;
const MOST_BYTES: usize = 2048;

pub(crate) fn the_account_tells_only_of_its_node(cluster: &Cluster) {
    agent::deployed(cluster);
    let token = cluster.token(NAMESPACE, "agent", Some(&pod_on(cluster, "node1")));
    let node = agent::node(cluster, "node1");
    let uid = node["metadata"]["uid"].as_str().expect("a uid");
    let tell = |token: &str, event: &Value| {
        cluster.request("POST", &format!("{EVENTS}?fieldManager={COMPONENT}"), Some(token), "application/json", &event.to_string())
    };
    let now = || jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).expect("a time").to_string();
    let name = |topic: Topic| format!("{COMPONENT}.{uid}.{}", topic.id());
    let event = |topic: Topic, message: &str| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name(topic), "namespace": "default"}, "type": "Warning",
            "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": uid}, "reason": topic.reason(),
            "message": message, "source": {"component": COMPONENT}, "reportingComponent": COMPONENT, "reportingInstance": "node1",
            "firstTimestamp": now(), "lastTimestamp": now(), "count": 1})
    };
    // All topics but what the agents have told: those of tune, and of canaries that are not deployed.
    let unused = |topic: &Topic| {
        matches!(
            topic,
            Topic::Set(_) | Topic::NotSet(_) | Topic::Became(ConditionType::Userns | ConditionType::Privileged | ConditionType::Rootful, _)
        )
    };
    let topics: Vec<_> = Topic::all().into_iter().filter(unused).collect();
    let stored = || -> Vec<Value> { cluster.get(&["events", "-n", "default"])["items"].as_array().expect("a list").clone() };
    let before = stored().len();

    for (what, path, value, rule) in event_attacks(&agent::node(cluster, "node2")) {
        let mut forged = event(topics[0], FORGED);
        put(&mut forged, path, value.clone());
        let answer = tell(&token, &forged);
        assert!(is_refused_by(&answer, Some(rule)), "{what}: {rule:?}, {answer:#?}");
    }
    let unbound = cluster.token(NAMESPACE, "agent", None);
    assert!(is_refused_by(&tell(&unbound, &event(topics[0], FORGED)), Some(Rule::EventNames)), "a token bound to no pod");
    let new = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name(topics[0]), "namespace": "default"},
        "regarding": {"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": uid}, "reason": "Forged", "note": FORGED, "type": "Warning", "action": "Forged",
        "reportingController": COMPONENT, "reportingInstance": "node1", "eventTime": now().replace('Z', ".000000Z")});
    let answer =
        cluster.request("POST", "/apis/events.k8s.io/v1/namespaces/default/events", Some(&token), "application/json", &new.to_string());
    assert_eq!(answer.0, 403, "{answer:?}");
    assert_eq!(stored().len(), before, "nothing of that is stored");

    // The control, and the most that can be stored: each name that is left once, as large as it may be.
    let largest = "\u{fffd}".repeat(341) + "x";
    for topic in &topics {
        let answer = tell(&token, &event(*topic, &largest));
        assert_eq!(answer.0, 201, "{answer:?}");
        assert_eq!(tell(&token, &event(*topic, FORGED)).0, 409, "the same name again");
    }
    // One that is there is not made into another.
    let patch = |value: Value| {
        let path = format!("{EVENTS}/{}?fieldManager={COMPONENT}", name(topics[0]));
        cluster.request("PATCH", &path, Some(&token), MERGE, &value.to_string())
    };
    wait("one can be brought up to date, a second after it was told", 10, || {
        let answer = patch(json!({"lastTimestamp": now(), "count": 2, "message": largest}));
        if answer.0 == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    });
    let again = || patch(json!({"count": jiff::Timestamp::now().subsec_nanosecond() + 1, "message": FORGED}));
    assert!((0..5).map(|_| again()).any(|answer| is_refused_by(&answer, Some(Rule::EventTimes))), "once a second at most");
    for (what, path, value, rule) in event_attacks(&agent::node(cluster, "node2")) {
        let mut forged = json!({});
        put(&mut forged, path, value);
        let answer = patch(forged);
        // Some fields the API server lets nobody change.
        let refused = is_refused_by(&answer, Some(rule)) || matches!(answer.0, 400 | 422);
        assert!(refused, "{what}: {rule:?}, {answer:#?}");
    }
    let others = format!(
        "{EVENTS}/{COMPONENT}.{}.rootlessbuildkitnotready?fieldManager={COMPONENT}",
        agent::node(cluster, "node2")["metadata"]["uid"].as_str().expect("a uid")
    );
    let answer = cluster.request("PATCH", &others, Some(&token), MERGE, "{}");
    assert!(is_refused_by(&answer, Some(Rule::EventNames)), "another node's event: {answer:?}");

    let events = stored();
    let ours: Vec<_> = events.iter().filter(|event| event["metadata"]["name"].as_str().is_some_and(|name| name.contains(uid))).collect();
    let bytes = ours.iter().map(|event| event.to_string().len()).max().expect("events");
    println!("        {} of {MOST_EVENTS} events of node1 are stored, the largest has {bytes} bytes as JSON", ours.len());
    assert!(Topic::all().len() == MOST_EVENTS && ours.len() <= MOST_EVENTS && bytes <= MOST_BYTES);
    let names: Vec<_> = topics.iter().map(|topic| format!("event/{}", name(*topic))).collect();
    cluster.delete(&[&["-n", "default"][..], &names.iter().map(String::as_str).collect::<Vec<_>>()].concat());
}
