//! buildkitd runs where the label leads, and fails elsewhere as was foretold.

use crate::agent::{self, condition, repository};
use crate::cluster::Cluster;
use crate::images::BUILDER;
use crate::processes::wait;
use serde_json::Value;

pub(crate) const NAMESPACE: &str = "buildkit";

/// The builder of manifests/builder, ready.
pub(crate) fn builder(cluster: &Cluster) {
    agent::deployed(cluster);
    let dir = repository().join("manifests/builder");
    cluster.kubectl(&["apply", "-k", &dir.display().to_string()]).unwrap_or_else(|error| panic!("{error}"));
    replicas(cluster, 1);
}

fn replicas(cluster: &Cluster, number: usize) {
    let scaled = cluster.kubectl(&["scale", "-n", NAMESPACE, "deployment/buildkitd", &format!("--replicas={number}")]);
    scaled.unwrap_or_else(|error| panic!("{error}"));
    let status = cluster.kubectl(&["rollout", "status", "-n", NAMESPACE, "deployment/buildkitd", "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}"));
}

fn pods(cluster: &Cluster) -> Vec<Value> {
    let list = cluster.get(&["pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=buildkitd"]);
    let pods = list["items"].as_array().expect("a list").iter();
    pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
}

pub(crate) fn buildkitd_runs_only_on_node1(cluster: &Cluster) {
    builder(cluster);
    replicas(cluster, 2);
    let nodes: Vec<_> = pods(cluster).iter().map(|pod| pod["spec"]["nodeName"].clone()).collect();
    assert_eq!(nodes, ["node1", "node1"]);

    cluster.kubectl(&["cordon", "node1"]).expect("kubectl cordon");
    cluster.kubectl(&["scale", "-n", NAMESPACE, "deployment/buildkitd", "--replicas=3"]).expect("kubectl scale");
    let why = wait("the third pod waits for a node", 60, || {
        let pods = pods(cluster);
        let pending = pods.iter().find(|pod| pod["status"]["phase"] == "Pending").ok_or("no pod is pending")?;
        let conditions = pending["status"]["conditions"].as_array().ok_or("no conditions")?;
        let scheduled = conditions.iter().find(|condition| condition["type"] == "PodScheduled").ok_or("not looked at")?;
        scheduled["message"].as_str().filter(|message| !message.is_empty()).map(str::to_owned).ok_or_else(|| scheduled.to_string())
    });
    assert!(why.contains("didn't match Pod's node affinity/selector") && why.contains("unschedulable"), "{why}");
    cluster.kubectl(&["uncordon", "node1"]).expect("kubectl uncordon");
    replicas(cluster, 3);
    assert!(pods(cluster).iter().all(|pod| pod["spec"]["nodeName"] == "node1"));
    replicas(cluster, 1);
}

/// The control: the builder's own pod, without affinity and on node2, dies of what the condition said.
pub(crate) fn a_builder_on_node2_dies_as_foretold(cluster: &Cluster) {
    builder(cluster);
    let deployment = cluster.get(&["deployment", "-n", NAMESPACE, "buildkitd"]);
    let mut spec = deployment["spec"]["template"]["spec"].clone();
    spec["affinity"].take();
    // The guard would say it first.
    spec["initContainers"].take();
    spec["nodeName"] = "node2".into();
    spec["restartPolicy"] = "Never".into();
    let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "control", "namespace": NAMESPACE}, "spec": spec});
    assert_eq!(pod["spec"]["containers"][0]["image"], BUILDER);
    cluster.apply(&pod.to_string());
    let log = wait("the control has ended", 60, || {
        let pod = cluster.get(&["pod", "-n", NAMESPACE, "control"]);
        if pod["status"]["phase"] == "Failed" { Ok(cluster.logs(NAMESPACE, "control")) } else { Err(pod["status"].to_string()) }
    });
    assert!(log.contains("fork/exec /proc/self/exe: operation not permitted"), "{log}");
    let foretold = condition(&agent::node(cluster, "node2"))["message"].as_str().expect("a message").to_lowercase();
    assert!(foretold.contains("new user namespace: eperm, operation not permitted"), "{foretold}");
    cluster.delete(&["-n", NAMESPACE, "pod/control"]);
}
