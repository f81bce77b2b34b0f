//! Builders on nodes that Karpenter makes: its own program, with the cloud of its tests, which makes Nodes without machines. What a
//! kubelet would do for them is done here; what the agent does, the agent does, as a process beside.

use crate::admission::run;
use crate::agent::{self, PREFIX, label, pod_on, verdict};
use crate::api::Api;
use crate::cluster::Cluster;
use crate::image::tool;
use crate::out_of_cluster::{Machine, Outside};
use crate::processes::wait;
use crate::readiness::{self, Beside, builders, is_tainted, list, status, waits_for};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

const NAME: &str = "karpenter";
const PORT: u16 = 8096;

/// Nodes of Karpenter's pool.
const NODES: &str = "/api/v1/nodes?labelSelector=karpenter.sh/nodepool%3Dbuild";

/// What was seen beside the test.
#[derive(Default)]
struct Seen {
    /// The names of all nodes that Karpenter ever made.
    made: BTreeSet<String>,
    /// Builders that were on a node that was not proven.
    unproven: BTreeSet<String>,
}

/// Karpenter's process. Ends when dropped.
struct Karpenter<'a>(&'a Cluster);

impl Drop for Karpenter<'_> {
    fn drop(&mut self) {
        self.0.processes.stop(NAME);
    }
}

/// Karpenter, a pool of its, and what stands in for kubelets. Ends when dropped.
struct Pool<'a> {
    karpenter: Karpenter<'a>,
    cluster: &'a Cluster,
    namespace: &'static str,
    seen: Arc<Mutex<Seen>>,
    beside: Vec<Beside>,
}

/// What kubelets do: their nodes are ready, and pods that are to end, end.
fn play_kubelets(api: &Api, namespace: &str, seen: &Mutex<Seen>) {
    let nodes = list(api, NODES);
    for node in &nodes {
        let name = node["metadata"]["name"].as_str().expect("a name");
        let ready =
            json!({"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": jiff::Timestamp::now().to_string()});
        let info = json!({"kubeletVersion": "v1.36.3", "containerRuntimeVersion": "containerd://2.1.4"});
        let patch = json!({"status": {"conditions": [ready], "nodeInfo": info, "phase": null}}).to_string();
        let path = format!("/api/v1/nodes/{name}/status");
        let _ = api.request("PATCH", &path, None, "application/strategic-merge-patch+json", &patch);
    }
    let proven =
        |name: &Value| nodes.iter().any(|node| node["metadata"]["name"] == *name && status(node, &"RootlessBuildKit".into()) == "True");
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.made.extend(nodes.iter().map(|node| node["metadata"]["name"].to_string()));
    for pod in list(api, &format!("/api/v1/namespaces/{namespace}/pods")) {
        let (name, node) = (&pod["metadata"]["name"], &pod["spec"]["nodeName"]);
        if node.is_null() {
            continue;
        }
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            let path = format!("/api/v1/namespaces/{namespace}/pods/{}?gracePeriodSeconds=0", name.as_str().expect("a name"));
            let _ = api.request("DELETE", &path, None, "", "");
        } else if !proven(node) {
            seen.unproven.insert(format!("{name} on {node}"));
        }
    }
}

impl<'a> Pool<'a> {
    /// Starts all of it. The NodePool is as it is printed, and then changed.
    fn start(cluster: &'a Cluster, namespace: &'static str, change: impl FnOnce(&mut Value)) -> Self {
        agent::deployed(cluster);
        let crds = tool("karpenter/crds").display().to_string();
        let applied = cluster.kubectl(&["apply", "--server-side", "--filename", &crds]);
        applied.unwrap_or_else(|error| panic!("{error}: run `make karpenter`"));
        let class = "{apiVersion: karpenter.kwok.sh/v1alpha1, kind: KWOKNodeClass, metadata: {name: default}}";
        wait("the class of nodes is taken", 30, || cluster.try_apply(class));
        let (code, pool, err) = run(cluster, &["render", "karpenter", "--node-class", "karpenter.kwok.sh/KWOKNodeClass/default"]);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        let mut pool: Value = serde_saphyr::from_str(&pool).expect("a NodePool");
        // Else the test would wait for five minutes.
        pool["spec"]["disruption"]["consolidateAfter"] = "1s".into();
        change(&mut pool);
        cluster.apply(&pool.to_string());
        let rule = readiness::enforced(cluster);
        let (seen, api) = (Arc::new(Mutex::new(Seen::default())), Arc::clone(&cluster.api));
        let kubelets = Beside::start({
            let seen = Arc::clone(&seen);
            move || play_kubelets(&api, namespace, &seen)
        });
        let settings = [
            format!("KUBECONFIG={}", cluster.kubeconfig().display()),
            "DISABLE_LEADER_ELECTION=true".to_owned(),
            "SYSTEM_NAMESPACE=kube-system".to_owned(),
            "BATCH_IDLE_DURATION=200ms".to_owned(),
            "METRICS_PORT=8190".to_owned(),
            "HEALTH_PROBE_PORT=8191".to_owned(),
            tool("karpenter/kwok").display().to_string(),
        ];
        cluster.processes.start(NAME, "/usr/bin/env", settings);
        let karpenter = Karpenter(cluster);
        cluster.processes.ready(NAME, || match cluster.api.fetch("http://127.0.0.1:8191/readyz") {
            Ok((200, _)) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        Pool { karpenter, cluster, namespace, seen, beside: vec![kubelets, rule] }
    }

    fn nodes(&self) -> Vec<Value> {
        list(&self.cluster.api, NODES)
    }

    /// Waits until Karpenter has made a node; its name.
    fn node(&self) -> String {
        wait("Karpenter makes a node", 60, || match self.nodes().as_slice() {
            [node, ..] => Ok(node["metadata"]["name"].as_str().expect("a name").to_owned()),
            [] => Err(self.cluster.processes.tail(NAME)),
        })
    }

    /// The agent on a node, on a machine with so many user namespaces, by the token of the DaemonSet's pod there.
    fn agent(&self, node: &str, limit: Option<&str>) -> Outside {
        Outside::start(self.cluster, &Machine { node, pod: &pod_on(self.cluster, node), port: PORT, limit })
    }

    fn scale(&self, replicas: usize) {
        let replicas = format!("--replicas={replicas}");
        self.cluster.kubectl(&["scale", "-n", self.namespace, "deployment/buildkitd", &replicas]).expect("kubectl scale");
    }

    /// Waits until there are no nodes any more.
    fn is_empty(&self) {
        wait("the pool is empty", 120, || {
            let left = self.nodes();
            let names: Vec<_> = left.iter().map(|node| &node["metadata"]["name"]).collect();
            if left.is_empty() { Ok(()) } else { Err(format!("{names:?}\n{}", self.cluster.processes.tail(NAME))) }
        });
    }

    /// Takes all of it down; how many nodes Karpenter made, and which builders were on nodes that were not proven.
    fn end(self) -> (usize, BTreeSet<String>) {
        let Pool { karpenter, cluster, namespace, seen, beside } = self;
        cluster.delete(&["namespace", namespace]);
        cluster.delete(&["nodepool", "build"]);
        wait("Karpenter has removed its nodes", 120, || match list(&cluster.api, NODES).len() {
            0 => Ok(()),
            left => Err(format!("{left} left\n{}", cluster.processes.tail(NAME))),
        });
        drop(karpenter);
        drop(beside);
        readiness::is_enforced_no_more(cluster);
        let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        (seen.made.len(), seen.unproven)
    }
}

/// The builder's pod, where it waits for a taint to go.
fn pod_that_waits(pool: &Pool) -> Value {
    wait("the builder waits for the taint", 60, || {
        let pods = builders(pool.cluster, pool.namespace);
        let waits = pods.first().and_then(waits_for).unwrap_or_default();
        if waits.contains("untolerated taint") { Ok(pods[0].clone()) } else { Err(format!("{waits} {pods:?}")) }
    })
}

pub(crate) fn grows_by_one_and_shrinks_to_none(cluster: &Cluster) {
    let pool = Pool::start(cluster, "grows", |_| {});
    assert_eq!(pool.nodes().len(), 0);
    readiness::builder_of_the_pool(cluster, pool.namespace);
    let name = pool.node();
    // Before that it has a taint of Karpenter's own, which it loses in the same moment.
    let node = wait("the node has the taint from its registration on", 60, || {
        let node = agent::node(cluster, &name);
        if is_tainted(&node) { Ok(node) } else { Err(node["spec"].to_string()) }
    });
    let (key, value) = readiness::POOL.split_once('=').expect("a label");
    assert_eq!(node["metadata"]["labels"][key], value);
    pod_that_waits(&pool);
    let agent = pool.agent(&name, None);
    verdict(cluster, &name, "ready");
    wait("the builder is on the node", 60, || {
        let pods = builders(cluster, pool.namespace);
        if pods.iter().any(|pod| pod["spec"]["nodeName"] == name.as_str()) { Ok(()) } else { Err(format!("{pods:?}")) }
    });
    assert!(!is_tainted(&agent::node(cluster, &name)));
    drop(agent);
    pool.scale(0);
    pool.is_empty();
    assert_eq!(pool.end(), (1, BTreeSet::new()));
}

pub(crate) fn a_pool_that_cannot_build_gets_one_node(cluster: &Cluster) {
    let pool = Pool::start(cluster, "barren", |_| {});
    readiness::builder_of_the_pool(cluster, pool.namespace);
    let name = pool.node();
    let agent = pool.agent(&name, Some("0"));
    verdict(cluster, &name, "not-ready");
    // A pod that comes after the verdict is planned for the node that is there.
    let before = pod_that_waits(&pool)["metadata"]["name"].clone();
    cluster.delete(&["pod", "-n", pool.namespace, before.as_str().expect("a name")]);
    let planned = wait("Karpenter has planned for the new pod", 60, || {
        let pods = builders(cluster, pool.namespace);
        let new = pods.iter().map(|pod| &pod["metadata"]["name"]).find(|name| **name != before).ok_or("no new pod")?;
        let events = cluster.get(&["events", "-n", pool.namespace, "--field-selector", "reason=Nominated"]);
        let events = events["items"].as_array().expect("a list").clone();
        let nominated = events.iter().find(|event| event["involvedObject"]["name"] == *new);
        nominated.map(|event| event["message"].to_string()).ok_or_else(|| format!("{new}: {events:?}"))
    });
    assert!(planned.contains(&name), "{planned}");
    pod_that_waits(&pool);
    assert!(is_tainted(&agent::node(cluster, &name)));
    drop(agent);
    assert_eq!(pool.end(), (1, BTreeSet::new()));
}

/// The way round that people find: the label as a requirement. Then Karpenter says of a new node what its pods would like to hear.
pub(crate) fn what_it_stamps_is_withdrawn(cluster: &Cluster) {
    let key = format!("{PREFIX}/no-process-sandbox");
    let pool = Pool::start(cluster, "stamped", |pool| {
        let spec = &mut pool["spec"]["template"]["spec"];
        spec["requirements"].as_array_mut().expect("requirements").push(json!({"key": key, "operator": "Exists"}));
        pool["spec"]["limits"]["nodes"] = "2".into();
    });
    let (code, builder, _) = run(cluster, &["render", "builder", "--no-guard", "--namespace", pool.namespace]);
    assert_eq!(code, Some(0));
    cluster.kubectl(&["cordon", "node1"]).expect("kubectl cordon");
    cluster.apply(&builder);
    let name = pool.node();
    assert_eq!(label(&agent::node(cluster, &name), "no-process-sandbox").as_deref(), Some("ready"), "nobody has looked yet");
    let agent = pool.agent(&name, Some("0"));
    verdict(cluster, &name, "not-ready");
    assert!(agent.heard().contains("took off the Node what others had put there"), "{}", agent.heard());
    // What a pool label spares its owner: the node that is there does not fit any more, so there is another one, up to the limit.
    wait("Karpenter makes another node", 60, || match pool.nodes().len() {
        2 => Ok(()),
        number => Err(format!("{number}\n{}", cluster.processes.tail(NAME))),
    });
    drop(agent);
    let ended = pool.end();
    // Only now: a builder may run on node1, which is ready.
    cluster.kubectl(&["uncordon", "node1"]).expect("kubectl uncordon");
    assert_eq!(ended, (2, BTreeSet::new()), "the taint has kept builders off");
}
