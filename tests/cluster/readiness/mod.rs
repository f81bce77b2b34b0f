//! Builders wait for the taint of `render readiness-rule` to go. What takes it off here is a stand-in: the module of
//! node-readiness-controller can't be had, so this does what its documentation says of rules that are enforced continuously.

use crate::admission::run;
use crate::agent::{self, verdict};
use crate::api::Api;
use crate::cluster::Cluster;
use crate::processes::wait;
use crate::run::AGENT;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

pub(crate) const POOL: &str = "buildkit-preflight.dev/pool=build";
const TAINT: &str = "readiness.k8s.io/rootless-buildkit";
const RULES: &str = "/apis/readiness.node.x-k8s.io/v1alpha1/nodereadinessrules";

/// Between two looks of what stands in for a controller.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// Something that goes on beside the test, round by round. Ends when dropped.
pub(crate) struct Beside {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Beside {
    pub(crate) fn start(mut round: impl FnMut() + Send + 'static) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ends);
        let thread = spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                round();
                sleep(PAUSE);
            }
        });
        Beside { ends, thread: Some(thread) }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || std::thread::panicking(), "a round failed");
    }
}

/// The objects of a list; none where there is no answer, which the next round asks for again.
pub(crate) fn list(api: &Api, path: &str) -> Vec<Value> {
    let answer = api.request("GET", path, None, "", "").ok();
    let list = answer.and_then(|(_, text)| serde_json::from_str::<Value>(&text).ok());
    list.and_then(|mut list| list["items"].as_array_mut().map(std::mem::take)).unwrap_or_default()
}

pub(crate) fn is_tainted(node: &Value) -> bool {
    node["spec"]["taints"].as_array().is_some_and(|taints| taints.iter().any(|taint| taint["key"] == TAINT))
}

/// A condition's status; that of a condition that is not there is unknown.
pub(crate) fn status<'a>(node: &'a Value, kind: &Value) -> &'a str {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|condition| condition["type"] == *kind).and_then(|found| found["status"].as_str()).unwrap_or("Unknown")
}

/// One look at all rules and nodes: the taint is where a rule selects the node and a condition is not as required.
fn enforce(api: &Api) {
    let nodes = list(api, "/api/v1/nodes");
    for rule in list(api, RULES) {
        let spec = &rule["spec"];
        let selected = |node: &&Value| {
            let labels = spec["nodeSelector"]["matchLabels"].as_object().into_iter().flatten();
            labels.into_iter().all(|(key, value)| node["metadata"]["labels"][key] == *value)
        };
        for node in nodes.iter().filter(selected) {
            let required = spec["conditions"].as_array().expect("conditions");
            let is_met = required.iter().all(|one| status(node, &one["type"]) == one["requiredStatus"]);
            let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
            let is_it = |taint: &Value| taint["key"] == spec["taint"]["key"] && taint["effect"] == spec["taint"]["effect"];
            if taints.iter().any(is_it) != is_met {
                continue;
            }
            if is_met {
                taints.retain(|taint| !is_it(taint))
            } else {
                taints.push(spec["taint"].clone())
            }
            let version = &node["metadata"]["resourceVersion"];
            let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"taints": taints}}).to_string();
            let path = format!("/api/v1/nodes/{}", node["metadata"]["name"].as_str().expect("a name"));
            // One that has changed meanwhile is looked at again.
            let _ = api.request("PATCH", &path, None, "application/merge-patch+json", &patch);
        }
    }
}

/// The rule as it is printed, and what enforces it.
pub(crate) fn enforced(cluster: &Cluster) -> Beside {
    cluster.apply(include_str!("crd.yaml"));
    let (code, rule, err) = run(cluster, &["render", "readiness-rule"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    wait("the rule is taken", 30, || cluster.try_apply(&rule));
    let api = Arc::clone(&cluster.api);
    Beside::start(move || enforce(&api))
}

pub(crate) fn is_enforced_no_more(cluster: &Cluster) {
    cluster.delete(&["crd", "nodereadinessrules.readiness.node.x-k8s.io"]);
}

/// The builder of a pool, in a namespace of its own.
pub(crate) fn builder_of_the_pool(cluster: &Cluster, namespace: &str) {
    let (code, builder, err) = run(cluster, &["render", "builder", "--no-guard", "--pool", POOL, "--namespace", namespace]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("warning: --pool: what the agent says of a node is a preference only"), "{err}");
    cluster.apply(&builder);
}

/// The pods of builders in a namespace that are to stay.
pub(crate) fn builders(cluster: &Cluster, namespace: &str) -> Vec<Value> {
    let pods = cluster.get(&["pods", "-n", namespace, "-l", "app.kubernetes.io/name=buildkitd"]);
    let pods = pods["items"].as_array().expect("a list").iter();
    pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
}

/// Why a pod waits, as the scheduler says it.
pub(crate) fn waits_for(pod: &Value) -> Option<&str> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let scheduled = conditions.iter().find(|condition| condition["type"] == "PodScheduled")?;
    scheduled["message"].as_str().filter(|_| scheduled["status"] == "False")
}

const NAMESPACE: &str = "pool-builds";

/// Taint on, proof, taint off: on node1, and never on node2.
pub(crate) fn a_builder_lands_where_the_taint_is_gone(cluster: &Cluster) {
    // As where no agent has come yet.
    cluster.delete(&["daemonset", "--all", "-n", agent::NAMESPACE, "--cascade=foreground"]);
    let (code, _, err) = run(cluster, &["cleanup"]);
    assert_eq!(code, Some(0), "{err}");
    cluster.kubectl(&["label", "node", "node1", "node2", POOL]).expect("kubectl label");
    let rule = enforced(cluster);
    let taints = || ["node1", "node2"].map(|node| is_tainted(&agent::node(cluster, node)));
    wait("both nodes have the taint", 30, || if taints() == [true; 2] { Ok(()) } else { Err(format!("{:?}", taints())) });
    builder_of_the_pool(cluster, NAMESPACE);
    wait("the builder waits for the taint", 60, || {
        let pods = builders(cluster, NAMESPACE);
        let waits = pods.first().and_then(waits_for).unwrap_or_default();
        if waits.contains("untolerated taint") { Ok(()) } else { Err(format!("{waits} {pods:?}")) }
    });
    // The agents and canaries do not wait.
    agent::deploy(cluster, AGENT);
    verdict(cluster, "node1", "ready");
    verdict(cluster, "node2", "not-ready");
    let status = cluster.kubectl(&["rollout", "status", "-n", NAMESPACE, "deployment/buildkitd", "--timeout=60s"]);
    status.unwrap_or_else(|error| panic!("{error}"));
    let nodes: Vec<_> = builders(cluster, NAMESPACE).iter().map(|pod| pod["spec"]["nodeName"].clone()).collect();
    assert_eq!((nodes.as_slice(), taints()), ([json!("node1")].as_slice(), [false, true]));

    drop(rule);
    is_enforced_no_more(cluster);
    cluster.delete(&["namespace", NAMESPACE, "--wait=false"]);
    cluster.kubectl(&["taint", "node", "node2", &format!("{TAINT}-")]).expect("kubectl taint");
    cluster.kubectl(&["label", "node", "node1", "node2", "buildkit-preflight.dev/pool-"]).expect("kubectl label");
}
