use super::*;
use crate::fleet::status::{FleetReport, Head, STALE_AFTER};
use crate::node::manager;
use serde_json::{Value, json};

const NOW: &str = "2026-06-01T12:00:00Z";
const FRESH: &str = "2026-06-01T11:30:00Z";

fn rules() -> Rules {
    Rules { now: NOW.parse().expect("a time"), ..Rules::default() }
}

fn read(object: Value) -> FleetNode {
    FleetNode::new(serde_json::from_value(object).expect("a Node"), &rules(), &mut Words::default())
}

/// A Node on which the agent of the default profile has written a label and a condition.
fn node(label: &str, status: &str, reason: &str, message: &str, heartbeat: &str) -> Value {
    json!({
        "metadata": {
            "name": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"kubernetes.io/os": "linux", "buildkit-preflight.dev/no-process-sandbox": label, "karpenter.sh/nodepool": "gpu"},
            "managedFields": [{"manager": manager(Profile::NoProcessSandbox), "fieldsV1": {
                "f:metadata": {"f:labels": {"f:buildkit-preflight.dev/no-process-sandbox": {}}},
                "f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKit\"}":
                    {"f:type": {}, "f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}}}},
            }}],
        },
        "status": {
            "conditions": [
                {"type": "Ready", "status": "True"},
                {"type": "RootlessBuildKit", "status": status, "reason": reason, "message": message,
                 "lastTransitionTime": "2026-05-01T00:00:00Z", "lastHeartbeatTime": heartbeat},
            ],
            "nodeInfo": {"osImage": "Debian GNU/Linux 12 (bookworm)", "kernelVersion": "6.1.0", "kubeletVersion": "v1.33.5",
                "containerRuntimeVersion": "containerd://2.1.4"},
        },
    })
}

const MESSAGE: &str = "rootless BuildKit does not work here: x (proven: y). Fix: sysctl -w user.max_user_namespaces=63359. \
                       The next problem after that: a seccomp filter refuses what a builder needs (seccomp).";

fn not_ready() -> Value {
    node("not-ready", "False", "UsernsMax0", MESSAGE, FRESH)
}

fn own(node: &FleetNode) -> &Standing {
    node.profiles.get(Profile::NoProcessSandbox)
}

#[test]
fn a_node_says_how_it_stands() {
    let row = read(not_ready());
    let standing = own(&row);
    assert_eq!((standing.verdict, standing.cause.as_deref(), standing.silent_because), (State::NotReady, Some("userns-max0"), None));
    assert_eq!(standing.fix.as_deref(), Some("sysctl -w user.max_user_namespaces=63359"));
    assert_eq!((standing.next.as_deref(), standing.heartbeat.as_deref()), (Some("seccomp"), Some(FRESH)));
    assert_eq!((&*row.pool, &*row.kernel, row.kubelet_ready.as_deref()), ("karpenter.sh/nodepool=gpu", "6.1.0", Some("True")));
    assert_eq!(row.profiles.get(Profile::ProcMount).cause.as_deref(), Some(NO_CANDIDATE));
    assert_eq!(row.profiles.get(Profile::Rootful).cause.as_deref(), Some(UNASKED));
    let ready = read(node("ready", "True", "Proven", "rootless BuildKit works here", FRESH));
    assert_eq!((own(&ready).verdict, &own(&ready).cause, &own(&ready).fix), (State::Ready, &None, &None));
}

#[test]
fn who_does_not_vouch_is_silent_and_says_why() {
    let change = |change: &dyn Fn(&mut Value)| {
        let mut object = not_ready();
        change(&mut object);
        let row = read(object);
        assert_eq!(own(&row).verdict, State::Silent, "{row:?}");
        assert!(row.silent_text.is_some());
        row.silent_because.expect("why")
    };
    let condition = |object: &mut Value, field: &str, value: Value| object["status"]["conditions"][1][field] = value;
    let heartbeat = |at: &str| change(&|object| condition(object, "lastHeartbeatTime", json!(at)));
    assert_eq!(heartbeat("2026-06-01T10:29:59Z"), Silence::Stale);
    assert_eq!(heartbeat("2026-06-01T12:10:01Z"), Silence::Stale, "in the future");
    assert_eq!(heartbeat("yesterday"), Silence::HalfWritten);
    assert_eq!(change(&|object| condition(object, "lastHeartbeatTime", Value::Null)), Silence::HalfWritten);
    assert_eq!(change(&|object| condition(object, "status", json!("True"))), Silence::HalfWritten, "it says something else");
    assert_eq!(change(&|object| condition(object, "type", json!("Other"))), Silence::HalfWritten);
    assert_eq!(change(&|object| object["metadata"]["managedFields"] = json!([])), Silence::Stray);
    assert_eq!(change(&|object| object["metadata"]["managedFields"][0]["manager"] = json!("kubectl")), Silence::Stray);
    assert_eq!(change(&|object| object["metadata"]["labels"]["kubernetes.io/os"] = json!("windows")), Silence::NotLinux);
    assert_eq!(
        change(&|object| {
            object["metadata"]["labels"] = json!({});
            object["status"]["conditions"] = json!([]);
        }),
        Silence::NoLabels
    );
    assert_eq!(STALE_AFTER.as_secs(), 5400, "an hour and a quarter is the longest beat");
}

#[test]
fn pools_are_told_apart_by_the_labels_that_are_asked_for() {
    let pool = |labels: Value, annotations: Value, group_by: &[&str]| {
        let object = json!({"metadata": {"name": "n", "uid": "u", "labels": labels, "annotations": annotations}});
        let rules = Rules { group_by: group_by.iter().map(|key| (*key).to_owned()).collect(), ..rules() };
        FleetNode::new(serde_json::from_value(object).expect("a Node"), &rules, &mut Words::default()).pool.to_string()
    };
    let made_by = json!({"cluster.x-k8s.io/owner-kind": "MachineSet", "cluster.x-k8s.io/owner-name": "md-0-x"});
    assert_eq!(pool(json!({}), json!({}), &[]), NO_POOL);
    assert_eq!(pool(json!({}), made_by.clone(), &[]), "cluster.x-k8s.io/owner-name=md-0-x");
    assert_eq!(pool(json!({"worker.gardener.cloud/pool": "a"}), made_by.clone(), &[]), "worker.gardener.cloud/pool=a");
    assert_eq!(pool(json!({"zone": "a"}), made_by.clone(), &["zone"]), "zone=a");
    assert_eq!(pool(json!({"rack": "a", "zone": "b"}), json!({}), &["zone", "rack"]), "zone=b");
    assert_eq!(pool(json!({}), made_by, &["zone"]), NO_POOL);
    let control = json!({"cluster.x-k8s.io/owner-kind": "KubeadmControlPlane", "cluster.x-k8s.io/owner-name": "cp"});
    assert_eq!(pool(json!({}), control, &[]), NO_POOL);
}

#[test]
fn one_change_is_counted_where_nothing_else_is_named() {
    let simple = || node("not-ready", "False", "UsernsMax0", MESSAGE.split_once(" The next").expect("a part").0, FRESH);
    let named = |mut object: Value, name: &str, pool: &str| {
        object["metadata"]["name"] = json!(name);
        object["metadata"]["labels"]["karpenter.sh/nodepool"] = json!(pool);
        read(object)
    };
    // What failed for a reason that is not known has no change that helps.
    let failed =
        node("not-ready", "False", "BuildFailed", "rootless BuildKit does not work here: a build fails. Fix: read the log.", FRESH);
    let mut list = vec![named(simple(), "a", "x"), named(simple(), "b", "x"), named(simple(), "c", "y"), named(not_ready(), "d", "x")];
    list.push(named(failed, "e", "z"));
    let report = FleetReport::new(Head::default(), list);
    let profile = report.profile(Profile::NoProcessSandbox).expect("it");
    let unlocks: Vec<_> = profile.unlocks.iter().map(|one| (one.pool.as_deref().unwrap_or("all"), one.nodes, one.then_stopped)).collect();
    assert_eq!(unlocks, [("all", 3, 1), ("karpenter.sh/nodepool=x", 2, 1), ("karpenter.sh/nodepool=y", 1, 0)]);
    assert!(profile.unlocks.iter().all(|one| &*one.change == "sysctl -w user.max_user_namespaces=63359"));
    assert_eq!((profile.counts.not_ready, profile.causes[0].nodes, profile.causes[0].pools.len()), (5, 4, 2));
    assert_eq!(report.pools[0].cause.as_deref(), Some("userns-max0"));
}
