//! Two agents that write to one Node: the default profile's and a canary.

use crate::server::{Answer, Kind, Seen, Server};
use crate::{Agent, applied};
use serde_json::{Value, json};

const CANDIDATE: &str = "buildkit-preflight.dev/procmount-candidate";
const PROCMOUNT: &str = "buildkit-preflight.dev/procmount";

/// A node whose runtime can give pods a user namespace.
fn able(node: &mut Value) {
    node["status"]["runtimeHandlers"] = json!([{"name": "", "features": {"userNamespaces": true}}]);
}

fn condition(object: &Value, kind: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind).cloned()
}

#[test]
fn a_canary_writes_its_own_and_only_where_it_is_sent() {
    let mut applies = 0;
    let server = Server::start(move |seen, node| {
        able(node);
        applies += usize::from(seen.kind == Kind::Apply);
        let is_sent = applies < 2;
        // From its second word on it is sent there no more.
        if is_sent && seen.kind == Kind::Read {
            node["metadata"]["labels"][CANDIDATE] = "true".into();
        } else if !is_sent {
            node["metadata"]["labels"].as_object_mut().expect("labels").remove(CANDIDATE);
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--shape", "procmount", "--heartbeat", "1s"]);
    agent.wait("its second word", |_| (applied(&server).len() == 2).then_some(()));
    let read = server.seen(Kind::Read).len();
    agent.wait("three more heartbeats", |_| (server.seen(Kind::Read).len() >= read + 3).then_some(()));
    let words = applied(&server);
    assert_eq!(words.len(), 2, "it says no more");
    let said = &words[0];
    assert_eq!(said["metadata"]["labels"], json!({PROCMOUNT: "unknown"}), "outside of a pod nobody can tell");
    assert_eq!(said["status"]["conditions"].as_array().map(Vec::len), Some(1));
    assert!(condition(said, "RootlessBuildKitProcMount").is_some_and(|condition| condition["status"] == "Unknown"), "{said:#}");
    assert_eq!(said["metadata"]["resourceVersion"], "1", "it says so of the Node that it has read");
    assert!(agent.log().contains("no longer a candidate"), "{}", agent.log());
}

#[test]
fn whoever_finds_the_node_changed_reads_it_again() {
    let mut applies = 0;
    let server = Server::start(move |seen, node| {
        able(node);
        if applies == 0 {
            node["metadata"]["labels"][CANDIDATE] = "true".into();
        }
        if seen.kind == Kind::Apply {
            applies += 1;
            if applies == 1 {
                // Somebody was faster.
                node["metadata"]["resourceVersion"] = "2".into();
            }
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--shape", "procmount"]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    let versions: Vec<_> = applied(&server).iter().map(|word| word["metadata"]["resourceVersion"].clone()).collect();
    assert_eq!(versions, ["1", "2"]);
    assert_eq!(server.seen(Kind::Read).len(), 2, "once more than else");
}

/// What a list of pods and then one of events answer of a canary whose sandbox can't be made.
fn looked_up(seen: &Seen) -> Answer {
    let items = if seen.path.contains("/pods?") {
        assert!(seen.path.contains("canary-procmount") && seen.path.contains("node1"), "{}", seen.path);
        json!([{"metadata": {"uid": "pod", "creationTimestamp": "2026-01-01T10:00:00Z"}, "status": {"phase": "Pending"}}])
    } else {
        assert!(seen.path.contains("involvedObject.uid%3Dpod"), "{}", seen.path);
        let event =
            |reason: &str, message: &str, at: &str| json!({"metadata": {}, "reason": reason, "message": message, "lastTimestamp": at});
        json!([
            event("FailedCreatePodSandBox", "desc = no space left on device", "2026-01-01T10:00:09Z"),
            event("FailedMount", "an older one", "2026-01-01T10:00:01Z"),
        ])
    };
    Answer::With(200, json!({"items": items}).to_string())
}

#[test]
fn of_a_silent_canary_the_agent_says_why_until_it_has_spoken() {
    let (mut applies, mut spoken) = (0, false);
    let server = Server::start(move |seen, node| {
        able(node);
        if seen.kind == Kind::Look {
            return looked_up(seen);
        }
        let says = |object: &Value| condition(object, "RootlessBuildKitProcMount").is_some();
        applies += usize::from(seen.kind == Kind::Apply && says(&seen.body));
        if seen.kind == Kind::Read && applies > 0 && !spoken {
            spoken = true;
            let owned = json!({"f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKitProcMount\"}": {"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}}}}});
            node["metadata"]["managedFields"] = json!([{"manager": "buildkit-preflight/procmount", "fieldsV1": owned}]);
            let now = jiff::Timestamp::now().to_string();
            let conditions = node["status"]["conditions"].as_array_mut().expect("conditions");
            conditions.retain(|condition| condition["type"] != "RootlessBuildKitProcMount");
            conditions.push(json!({"type": "RootlessBuildKitProcMount", "status": "True", "lastHeartbeatTime": now}));
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--canaries", "procmount", "--canary-patience", "1s", "--heartbeat", "3s"]);
    let word = agent.wait("a word for the canary", |_| {
        applied(&server).into_iter().find(|word| condition(word, "RootlessBuildKitProcMount").is_some())
    });
    assert_eq!((&word["metadata"]["labels"][PROCMOUNT], &word["metadata"]["labels"][CANDIDATE]), (&json!("not-ready"), &json!("true")));
    let said = condition(&word, "RootlessBuildKitProcMount").expect("a condition");
    assert_eq!((&said["status"], &said["reason"]), (&json!("False"), &json!("CanaryNotStarted")));
    assert!(said["message"].as_str().is_some_and(|message| message.contains("can't be started: no space left on device")), "{said}");
    assert!(applied(&server)[0]["metadata"]["labels"].get(PROCMOUNT).is_none(), "at first it had time");
    let count = applied(&server).len();
    agent.wait("silence once it has spoken", |_| {
        let later = applied(&server).into_iter().skip(count).find(|word| condition(word, "RootlessBuildKitProcMount").is_none());
        later.filter(|word| word["metadata"]["labels"].get(PROCMOUNT).is_none() && word["metadata"]["labels"][CANDIDATE] == "true")
    });
}

#[test]
fn patience_begins_with_the_label_and_not_with_the_next_heartbeat() {
    let server = Server::start(|seen, node| {
        able(node);
        if seen.kind == Kind::Look { looked_up(seen) } else { Answer::Properly }
    });
    let mut agent = Agent::start(&server, &["--canaries", "procmount", "--canary-patience", "1s", "--heartbeat", "1h"]);
    agent.wait("a word for the canary", |_| applied(&server).into_iter().find(|word| word["metadata"]["labels"][PROCMOUNT] == "not-ready"));
    assert!(applied(&server)[0]["metadata"]["labels"].get(PROCMOUNT).is_none(), "at first it had time");
}

#[test]
fn a_canary_that_could_not_write_says_it_later() {
    let mut refused = 0;
    let server = Server::start(move |seen, node| {
        able(node);
        node["metadata"]["labels"][CANDIDATE] = "true".into();
        // Its word is not taken, and then it can't even look.
        if seen.kind == Kind::Apply && refused == 0 || seen.kind == Kind::Read && (1..3).contains(&refused) {
            refused += 1;
            return Answer::CutAfter;
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--shape", "procmount"]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    assert!(!agent.log().contains("no longer a candidate"), "{}", agent.log());
    assert_eq!(server.node()["metadata"]["labels"][PROCMOUNT], "unknown");
}

#[test]
fn an_answer_that_seems_to_be_withdrawn_is_looked_at_once_more() {
    let mut reads = 0;
    let server = Server::start(move |seen, node| {
        reads += usize::from(seen.kind == Kind::Read);
        // A kubelet that has just been started: at its first look the agent sees nothing of the runtime.
        if reads < 2 {
            node["metadata"]["labels"][PROCMOUNT] = "ready".into();
            node["metadata"]["labels"][CANDIDATE] = "true".into();
            let word = |manager: &str, label: &str| json!({"manager": manager, "fieldsV1": {"f:metadata": {"f:labels": {format!("f:{label}"): {}}}}});
            node["metadata"]["managedFields"] =
                json!([word("buildkit-preflight/no-process-sandbox", CANDIDATE), word("buildkit-preflight/procmount", PROCMOUNT)]);
            node["status"].as_object_mut().expect("a status").remove("runtimeHandlers");
        } else {
            able(node);
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--canaries", "procmount"]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    let at = |message: &str| -> jiff::Timestamp {
        let line = agent.log().lines().find(|line| line.contains(message)).map(str::to_owned).unwrap_or_else(|| panic!("{}", agent.log()));
        let line: Value = serde_json::from_str(&line).expect("JSON");
        line["timestamp"].as_str().expect("a time").parse().expect("a time")
    };
    assert!(at("\"published\"").duration_since(at("would withdraw")).as_secs() >= 9, "after a pause: {}", agent.log());
    assert_eq!(server.seen(Kind::Read).len(), 2);
    let words = applied(&server);
    assert!(words.iter().all(|word| word["metadata"]["labels"].get(PROCMOUNT).is_none()), "{words:#?}");
    assert_eq!(words[0]["metadata"]["labels"][CANDIDATE], "true");
}
