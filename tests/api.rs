//! What is sent to the API server, and what is made of answers that a real one rarely gives.

use buildkit_preflight::admission::Answer;
use buildkit_preflight::api::{Error, NodeWriter, Nodes, Ours, Pods, Server, Tried};
use buildkit_preflight::fact::Facts;
use buildkit_preflight::node::{DEFAULT_PREFIX, Observation, Rule, View};
use buildkit_preflight::profile::Profile;
use buildkit_preflight::publish::{Accept, Canaries, Desired, Event, Verdicts, desired, event};
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tower_test::mock::{Handle, pair};

type Peer = Handle<Request<Body>, Response<Body>>;

fn writer() -> (NodeWriter, Peer) {
    let (service, server) = pair();
    let client = Server::new(kube::Client::new(service, "default"), "https://test:6443");
    (NodeWriter::new(client, "node1".into(), DEFAULT_PREFIX.into(), Profile::NoProcessSandbox), server)
}

/// Answers one request, and tells what it was: method, path with query (which kube begins with an empty pair), content type, body.
async fn answer(server: &mut Peer, status: u16, body: &str) -> (String, String, String, Value) {
    let (request, send) = server.next_request().await.expect("a request");
    let (parts, sent) = request.into_parts();
    let bytes = sent.collect().await.expect("a body").to_bytes();
    let text = |name: &str| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default();
    let response = Response::builder().status(status).body(Body::from(body.as_bytes().to_vec())).expect("a response");
    send.send_response(response);
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (parts.method.to_string(), parts.uri.to_string(), text("content-type"), body)
}

/// Nothing is known, so all is unknown: it is what is sent that matters here.
fn some(node: &View) -> Desired {
    let seen = Observation::new(Facts::unknown(), node);
    let verdicts = Verdicts::of(&seen, Profile::NoProcessSandbox);
    desired(&seen, &verdicts, node, Accept::Proven, &Canaries::new())
}

fn node(condition: &str) -> View {
    let conditions = json!([{"type": "Ready", "status": "True"}, {"type": "RootlessBuildKit", "status": condition, "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let object = json!({"metadata": {"name": "node1", "uid": "u", "labels": {"a": "b"}}, "status": {"conditions": conditions}});
    View::new(serde_json::from_value(object).expect("a node"), DEFAULT_PREFIX)
}

fn refusal(code: u16, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": "x", "code": code}).to_string()
}

#[tokio::test(flavor = "current_thread")]
async fn reading_is_a_patch_of_nothing() {
    let (writer, mut server) = writer();
    let (node, sent) = tokio::join!(writer.read(), answer(&mut server, 200, r#"{"metadata": {"name": "node1", "uid": "u"}, "more": 1}"#));
    assert_eq!(node.expect("a node").uid, "u");
    let (method, path, media, body) = sent;
    assert_eq!((method.as_str(), media.as_str(), body), ("PATCH", "application/merge-patch+json", json!({})));
    assert_eq!(path, "/api/v1/nodes/node1/status?&fieldManager=buildkit-preflight%2Fno-process-sandbox");
}

#[tokio::test(flavor = "current_thread")]
async fn a_runtime_class_names_its_handler_to_whoever_may_read_it() {
    let (service, mut server) = pair();
    let pods = Pods::new(Server::new(kube::Client::new(service, "default"), "https://test:6443"));
    let class = json!({"kind": "RuntimeClass", "metadata": {"name": "sandbox"}, "handler": "runsc", "overhead": {}}).to_string();
    let (handler, sent) = tokio::join!(pods.runtime_handler("sandbox"), answer(&mut server, 200, &class));
    assert_eq!(handler.expect("a handler"), "runsc");
    assert_eq!((sent.0.as_str(), sent.1.trim_end_matches('?')), ("GET", "/apis/node.k8s.io/v1/runtimeclasses/sandbox"));
    let no = refusal(403, "no");
    let (refused, _) = tokio::join!(pods.runtime_handler("sandbox"), answer(&mut server, 403, &no));
    assert!(refused.is_err_and(|error| error.is_forbidden()));
}

#[tokio::test(flavor = "current_thread")]
async fn one_apply_carries_all_and_keeps_the_time_of_a_status_that_stays() {
    for (before, since) in [("Unknown", "2026-01-01T00:00:00Z"), ("True", "2026-02-02T00:00:00Z")] {
        let (writer, mut server) = writer();
        let (node, now) = (node(before), "2026-02-02T00:00:00Z");
        let desired = some(&node);
        let (_, sent) = tokio::join!(writer.apply(&desired, &node, now), answer(&mut server, 200, "{}"));
        let (method, path, media, body) = sent;
        assert_eq!((method.as_str(), media.as_str()), ("PATCH", "application/apply-patch+yaml"));
        assert!(path.ends_with("/nodes/node1/status?&force=true&fieldManager=buildkit-preflight%2Fno-process-sandbox"), "{path}");
        assert_eq!(body["metadata"]["labels"]["buildkit-preflight.dev/no-process-sandbox"], "unknown");
        assert_eq!(body["metadata"]["labels"].get("a"), None, "nothing of others");
        let condition = &body["status"]["conditions"];
        assert_eq!(condition.as_array().map(Vec::len), Some(1));
        assert_eq!((&condition[0]["lastTransitionTime"], &condition[0]["lastHeartbeatTime"]), (&json!(since), &json!(now)));
    }
}

/// The event of a condition that has changed since 2026-01-01.
fn change() -> Event {
    let node = node("True");
    event(&some(&node).conditions[0], &node).expect("a change")
}

const EVENT: &str = "/api/v1/namespaces/default/events/buildkit-preflight.u.rootlessbuildkitunknown";

#[tokio::test(flavor = "current_thread")]
async fn an_event_has_a_name_of_its_node_and_of_its_topic() {
    let (writer, mut server) = writer();
    let change = change();
    let (told, sent) = tokio::join!(writer.tell(&change, "u", "2026-02-02T00:00:00Z"), answer(&mut server, 201, "{}"));
    told.expect("it is told");
    let (method, path, _, body) = sent;
    assert_eq!((method.as_str(), path.split('?').next()), ("POST", Some("/api/v1/namespaces/default/events")));
    assert_eq!(body["involvedObject"], json!({"apiVersion": "v1", "kind": "Node", "name": "node1", "uid": "u"}));
    assert_eq!(body["metadata"], json!({"name": EVENT.rsplit('/').next(), "namespace": "default"}));
}

#[tokio::test(flavor = "current_thread")]
async fn a_change_that_was_told_is_not_told_again() {
    let (writer, mut server) = writer();
    let change = change();
    let there = json!({"metadata": {"resourceVersion": "5"}, "lastTimestamp": "2026-01-01T00:00:01Z", "count": 3}).to_string();
    let answers = async {
        answer(&mut server, 409, &refusal(409, "already exists")).await;
        answer(&mut server, 200, &there).await
    };
    let (told, (method, path, media, body)) = tokio::join!(writer.tell(&change, "u", "2026-02-02T00:00:00Z"), answers);
    told.expect("told once is told");
    assert_eq!((method.as_str(), media.as_str(), body), ("PATCH", "application/merge-patch+json", json!({})));
    assert_eq!(path.split('?').next(), Some(EVENT));
}

#[tokio::test(flavor = "current_thread")]
async fn what_happens_again_brings_its_event_up_to_date() {
    let (writer, mut server) = writer();
    let change = change();
    let there = json!({"metadata": {"resourceVersion": "5"}, "lastTimestamp": "2025-12-31T00:00:00Z", "count": 3}).to_string();
    let answers = async {
        answer(&mut server, 409, &refusal(409, "already exists")).await;
        answer(&mut server, 200, &there).await;
        answer(&mut server, 200, "{}").await
    };
    let (told, (method, path, _, body)) = tokio::join!(writer.tell(&change, "u", "2026-02-02T00:00:00Z"), answers);
    told.expect("it is told");
    assert_eq!((method.as_str(), path.split('?').next()), ("PATCH", Some(EVENT)));
    let now = "2026-02-02T00:00:00Z";
    let wanted = json!({"metadata": {"resourceVersion": "5"}, "message": change.message, "lastTimestamp": now, "count": 4});
    assert_eq!(body, wanted);
}

#[tokio::test(flavor = "current_thread")]
async fn an_event_that_expires_while_it_is_brought_up_to_date_is_made_anew() {
    let change = change();
    let there = json!({"metadata": {"resourceVersion": "5"}, "lastTimestamp": "2025-12-31T00:00:00Z"}).to_string();
    let (exists, gone) = (refusal(409, "already exists"), refusal(404, "not found"));
    for answers in [vec![(404, &gone)], vec![(200, &there), (404, &gone)]] {
        let (writer, mut server) = writer();
        let answers = async {
            answer(&mut server, 409, &exists).await;
            for (status, text) in answers {
                answer(&mut server, status, text).await;
            }
            answer(&mut server, 201, "{}").await
        };
        let (told, (method, _, _, body)) = tokio::join!(writer.tell(&change, "u", "2026-02-02T00:00:00Z"), answers);
        told.expect("it is told");
        assert_eq!((method.as_str(), &body["count"]), ("POST", &json!(1)));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn only_a_refusal_by_its_rule_is_confinement() {
    // As long as a node's name can be: it stands before what the rule says.
    let node = "n".repeat(253);
    let by = |rule: &str| {
        let policy = Rule::EventFields.policy();
        format!("events \"{node}\" is forbidden: ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {rule}")
    };
    let now = "2026-01-01T00:00:00Z";
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::OwnNode) {
        for (status, text, confined) in [
            (422, refusal(422, &by(rule.refusal())), Ok(())),
            (403, refusal(403, "admission webhook \"x\" denied the request"), Err("undecided")),
            (422, refusal(422, &by("only labels of example.com")), Err("undecided")),
            (403, refusal(403, "nodes \"node1\" is forbidden: User \"x\" cannot patch resource \"nodes/status\""), Err("undecided")),
            (200, "{}".to_owned(), Err("unconfined")),
            (500, refusal(500, rule.refusal()), Err("another")),
        ] {
            let (writer, mut server) = writer();
            let (tried, sent) = tokio::join!(writer.try_rule(rule, "u", now), answer(&mut server, status, &text));
            let came_of_it = match &tried {
                Ok(Tried::Refused) => Ok(()),
                Ok(_) => Err("not tried"),
                Err(Error::Unconfined { .. }) => Err("unconfined"),
                Err(Error::Undecided { .. }) => Err("undecided"),
                Err(_) => Err("another"),
            };
            assert_eq!(came_of_it, confined, "{rule:?} {status} {text}");
            assert!(sent.1.contains("dryRun=All"), "nothing may be written: {}", sent.1);
            let told = tried.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(
                confined.is_ok() || confined == Err("another") || told.contains(rule.attack()) && told.contains(rule.policy()),
                "{told}"
            );
        }
    }
    // Of the rules of a policy that refuse, the first one is told: an earlier one says nothing of those behind it.
    for (at, rule) in Rule::ALL.into_iter().enumerate().skip(1) {
        for (other_at, other) in Rule::ALL.into_iter().enumerate().filter(|(_, other)| *other != rule) {
            let (writer, mut server) = writer();
            let text = refusal(422, &by(other.refusal()));
            let (tried, _) = tokio::join!(writer.try_rule(rule, "u", now), answer(&mut server, 422, &text));
            let is_earlier = other_at < at && other.policy() == rule.policy();
            assert_eq!(matches!(tried, Ok(Tried::NotTried(_))), is_earlier, "{rule:?} {other:?}: {tried:?}");
            assert_eq!(matches!(tried, Err(Error::Unconfined { .. })), !is_earlier, "{rule:?} {other:?}: {tried:?}");
        }
    }
    // The policy is gone, and such an event is there already.
    let (writer, mut server) = writer();
    let there = refusal(409, "already exists");
    let (tried, _) = tokio::join!(writer.try_rule(Rule::EventFields, "u", now), answer(&mut server, 409, &there));
    assert!(matches!(tried, Err(Error::Unconfined { .. })), "{tried:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_tried_is_a_change_whatever_stands_on_the_node() {
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::OwnNode && rule.policy() == Rule::Labels.policy()) {
        let mut bodies = Vec::new();
        for now in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"] {
            let (writer, mut server) = writer();
            let text = refusal(422, rule.refusal());
            let (_, (.., body)) = tokio::join!(writer.try_rule(rule, "u", now), answer(&mut server, 422, &text));
            if let Some(condition) = body["status"]["conditions"].get(0).filter(|condition| condition["type"] == "RootlessBuildKit") {
                let fields = ["status", "reason", "message", "lastHeartbeatTime", "lastTransitionTime"];
                assert!(fields.iter().all(|field| condition[field].is_string()), "nothing of what stands is left: {condition}");
            }
            bodies.push(body);
        }
        assert_ne!(bodies[0], bodies[1], "{rule:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn another_node_is_known_by_the_pods_there() {
    let now = "2026-01-01T00:00:00Z";
    let (writer, mut server) = writer();
    let answers = async {
        let list = answer(&mut server, 200, r#"{"items": [{"spec": {"nodeName": "node2"}}]}"#).await.1;
        (list, answer(&mut server, 403, &refusal(403, Rule::OwnNode.refusal())).await)
    };
    let (tried, (list, (method, path, _, body))) = tokio::join!(writer.try_rule(Rule::OwnNode, "u", now), answers);
    assert_eq!(tried.expect("refused"), Tried::Refused);
    assert_eq!(list, "/api/v1/namespaces/default/pods?&fieldSelector=spec.nodeName%21%3Dnode1%2Cspec.nodeName%21%3D&limit=1");
    assert_eq!((method.as_str(), body), ("PATCH", json!({})));
    assert!(path.starts_with("/api/v1/nodes/node2/status?") && path.contains("dryRun=All"), "{path}");
    for (status, text) in [(200, r#"{"items": []}"#.to_owned()), (403, refusal(403, "cannot list pods"))] {
        let (tried, _) = tokio::join!(writer.try_rule(Rule::OwnNode, "u", now), answer(&mut server, status, &text));
        assert!(matches!(tried, Ok(Tried::NotTried(_))), "{tried:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_others_put_under_our_names_is_taken_off() {
    let (writer, mut server) = writer();
    let manager = "buildkit-preflight/procmount";
    let said = json!({"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}});
    let owned = json!({"f:metadata": {"f:labels": {"f:buildkit-preflight.dev/procmount": {}}},
        "f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKitProcMount\"}": said}}});
    let object = |labels: Value, conditions: Value| {
        let entries = json!([{"manager": manager, "fieldsV1": owned}, {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:labels": {"f:buildkit-preflight.dev/cause": {}}}}}]);
        let object = json!({"metadata": {"name": "node1", "uid": "u", "resourceVersion": "9", "labels": labels, "managedFields": entries}, "status": {"conditions": conditions}});
        View::new(serde_json::from_value(object).expect("a node"), DEFAULT_PREFIX)
    };
    let (ours, theirs) = (json!({"type": "RootlessBuildKitProcMount"}), json!({"type": "RootlessBuildKitUserns", "status": "True"}));
    let clean = object(json!({"buildkit-preflight.dev/procmount": "ready", "example.com/a": "b"}), json!([ours]));
    assert!(writer.remove_strays(&clean).await.expect("no request").is_none());
    let labels = json!({"buildkit-preflight.dev/procmount": "ready", "buildkit-preflight.dev/cause": "ready"});
    let (both, after) = (object(labels, json!([ours, theirs])), json!({"metadata": {"name": "node1", "uid": "u"}}).to_string());
    let (removed, sent) = tokio::join!(writer.remove_strays(&both), answer(&mut server, 200, &after));
    assert!(removed.expect("an answer").is_some());
    let (method, path, media, body) = sent;
    assert_eq!((method.as_str(), media.as_str()), ("PATCH", "application/strategic-merge-patch+json"));
    assert_eq!(path, "/api/v1/nodes/node1/status?&fieldManager=buildkit-preflight%2Fno-process-sandbox");
    let wanted = json!({"metadata": {"uid": "u", "resourceVersion": "9", "labels": {"buildkit-preflight.dev/cause": null}},
        "status": {"conditions": [{"type": "RootlessBuildKitUserns", "$patch": "delete"}]}});
    assert_eq!(body, wanted);
}

#[tokio::test(flavor = "current_thread")]
async fn an_answer_that_makes_no_sense_is_an_error_with_a_name() {
    for (status, text, kind) in [
        (200, "<html>", "garbled"),
        (200, "[]", "garbled"),
        (429, "slow down", "server"),
        (503, "<html>no backend</html>", "server"),
        (401, &refusal(401, "Unauthorized"), "refused"),
    ] {
        let (writer, mut server) = writer();
        let (read, _) = tokio::join!(writer.read(), answer(&mut server, status, text));
        let error = read.expect_err("no node");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("PATCH /api/v1/nodes/node1/status"), "{error}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_api_server_that_never_answers_is_given_up() {
    let (writer, mut server) = writer();
    let hold = async {
        let held = server.next_request().await;
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        drop(held);
    };
    let (read, ()) = tokio::join!(writer.read(), hold);
    assert!(matches!(read, Err(Error::Silent { .. })), "{read:?}");
}

fn pods() -> (Pods, Peer) {
    let (service, server) = pair();
    (Pods::new(Server::new(kube::Client::new(service, "default"), "https://test:6443")), server)
}

#[tokio::test(flavor = "current_thread")]
async fn a_pod_is_tried_as_a_dry_run_and_warnings_are_heard() {
    let (pods, mut server) = pods();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "b-"}});
    let answers = async {
        let (request, send) = server.next_request().await.expect("a request");
        let (parts, sent) = request.into_parts();
        let body: Value = serde_json::from_slice(&sent.collect().await.expect("a body").to_bytes()).expect("JSON");
        let answer = Response::builder().status(201).header("Warning", r#"299 - "a \"b\"""#).header("Warning", r#"299 - "c""#);
        send.send_response(answer.body(Body::from(br#"{"kind": "Pod"}"#.to_vec())).expect("a response"));
        (parts.method.to_string(), parts.uri.to_string(), body)
    };
    let (answer, (method, path, body)) = tokio::join!(pods.try_create("builds", &pod), answers);
    let warnings = vec![r#"a "b""#.to_owned(), "c".to_owned()];
    assert_eq!(answer.expect("an answer"), Answer::Made { pod: json!({"kind": "Pod"}), warnings });
    assert_eq!((method.as_str(), body), ("POST", pod));
    let wanted = "/api/v1/namespaces/builds/pods?&dryRun=All&fieldManager=buildkit-preflight&fieldValidation=Warn";
    assert_eq!(path, wanted, "nothing may be stored");
}

#[tokio::test(flavor = "current_thread")]
async fn a_refusal_of_a_pod_is_an_answer() {
    let (pod, long) = (json!({}), "violates ".repeat(200));
    for (status, text, message) in [
        (403, refusal(403, &long), long.as_str()),
        (422, refusal(422, "invalid"), "invalid"),
        (503, "<html>no backend</html>".to_owned(), "<html>no backend</html>"),
    ] {
        let (pods, mut server) = pods();
        let (answer, _) = tokio::join!(pods.try_create("builds", &pod), answer(&mut server, status, &text));
        assert_eq!(answer.expect("an answer"), Answer::Refused { code: status, message: message.into() });
    }
    let (pods, mut server) = pods();
    let (answer, _) = tokio::join!(pods.try_create("builds", &pod), answer(&mut server, 201, "<html>"));
    assert_eq!(answer.expect_err("no pod").kind(), "garbled");
}

#[tokio::test(flavor = "current_thread")]
async fn nodes_are_listed_by_pages_and_cleaned_by_one_patch() {
    let (service, mut server) = pair();
    let nodes = Nodes::new(Server::new(kube::Client::new(service, "default"), "https://test:6443"), "buildkit-preflight.dev".to_owned());
    let pages = async {
        let first = answer(&mut server, 200, r#"{"metadata": {"continue": "a/b="}, "items": []}"#).await.1;
        (first, answer(&mut server, 200, r#"{"items": []}"#).await.1)
    };
    let (list, (first, next)) = tokio::join!(nodes.list(), pages);
    assert_eq!(list.expect("a list").len(), 0);
    assert_eq!((first.as_str(), next.as_str()), ("/api/v1/nodes?&limit=500", "/api/v1/nodes?&limit=500&continue=a%2Fb%3D"));
    let (_, (method, path, ..)) = tokio::join!(nodes.get("node1"), answer(&mut server, 200, "{}"));
    assert_eq!((method.as_str(), path.as_str()), ("GET", "/api/v1/nodes/node1"));
    let ours = Ours { labels: vec!["x.dev/a".into()], conditions: vec!["C".into()] };
    let (_, (method, path, media, body)) = tokio::join!(nodes.remove("node1", &ours), answer(&mut server, 200, "{}"));
    assert_eq!((method.as_str(), media.as_str()), ("PATCH", "application/strategic-merge-patch+json"));
    assert_eq!(path.trim_end_matches('?'), "/api/v1/nodes/node1/status");
    let gone = json!({"metadata": {"labels": {"x.dev/a": null}}, "status": {"conditions": [{"type": "C", "$patch": "delete"}]}});
    assert_eq!(body, gone);
}

#[tokio::test(flavor = "current_thread")]
async fn a_silent_canary_is_looked_for_by_its_labels_and_its_node() {
    let (writer, mut server) = writer();
    let pod = r#"{"items": [{"metadata": {"uid": "u"}, "status": {"phase": "Pending"}}]}"#;
    let lists = async {
        let pods = answer(&mut server, 200, pod).await.1;
        (pods, answer(&mut server, 200, r#"{"items": []}"#).await.1)
    };
    let canaries = writer.canary_pods();
    let (_, (pods, events)) = tokio::join!(canaries.start(Profile::Userns), lists);
    let fields = "fieldSelector=spec.nodeName%3Dnode1&labelSelector=app.kubernetes.io%2Fcomponent%3Dcanary-userns";
    assert_eq!(pods, format!("/api/v1/namespaces/default/pods?&{fields}&resourceVersion=0"));
    assert_eq!(events, "/api/v1/namespaces/default/events?&fieldSelector=type%3DWarning%2CinvolvedObject.uid%3Du&limit=100");
}
