//! Namespaces where Pod Security enforces its level baseline: the agent, its canary and builders, on a node that confines nothing by
//! itself, on one whose kubelet has seccompDefault, and there with the profile that is shipped.

use crate::agent::{self, NAMESPACE, label, node};
use crate::canary::{condition, says};
use crate::cluster::{Cluster, REGISTRY};
use crate::fleet::Behaviour;
use crate::nested::Builder;
use crate::processes::wait;
use crate::run::{AGENT, Step};
use buildkit_preflight::render::Confinement;
use serde_json::{Value, json};
use std::process::Command;

/// In this order.
pub(crate) const STEPS: &[Step] = &[
    ("the agent and its canary run where Pod Security enforces baseline", the_agent_and_its_canary_run),
    ("a builder of baseline builds and pushes there", a_builder_builds_and_pushes),
    ("a pod of every other profile is refused there", every_other_profile_is_refused),
    ("with seccompDefault the node is not ready, and says why", with_seccomp_default_the_node_is_not_ready),
    ("with the shipped profile that node is ready, and builds", with_the_shipped_profile_it_is_ready),
];

const CONDITION: &str = "RootlessBuildKitBaseline";
/// As `render builder` is told it.
const PROFILE: &str = "preflight/seccomp.json";

/// The agent as the manifests have it, for an image.
fn deployed(cluster: &Cluster) {
    if cluster.kubectl(&["get", "-n", NAMESPACE, "daemonset/canary-baseline"]).is_err() {
        agent::deploy_from(cluster, "overlays/baseline", AGENT);
    }
    says(cluster, "node1", "baseline", "ready", "Proven");
}

fn message(node: &Value) -> String {
    condition(node, CONDITION)["message"].as_str().expect("a message").to_owned()
}

fn the_agent_and_its_canary_run(cluster: &Cluster) {
    deployed(cluster);
    let namespace = cluster.get(&["namespace", NAMESPACE]);
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "baseline");
    let pods = cluster.get(&["pods", "-n", NAMESPACE]);
    let volumes = pods["items"].as_array().into_iter().flatten().flat_map(|pod| pod["spec"]["volumes"].as_array().cloned()).flatten();
    assert!(volumes.into_iter().all(|volume| volume["hostPath"].is_null()), "{pods}");
    let node1 = node(cluster, "node1");
    println!("        node1: {}", message(&node1));
    // What runs without any confinement proves the default profile too.
    assert_eq!(label(&node1, "no-process-sandbox").as_deref(), Some("ready"));
    // The runtime of node2 filters whatever a pod asks for. But this agent did not ask for Unconfined, and so can't tell what such a
    // pod would get.
    let node2 = says(cluster, "node2", "baseline", "not-ready", "Seccomp");
    println!("        node2: {}", message(&node2));
    assert!(message(&node2).contains("render confinement seccomp"), "{}", message(&node2));
    assert_eq!(label(&node2, "no-process-sandbox").as_deref(), Some("unknown"));
    let unknown = agent::condition(&node2)["message"].as_str().expect("a message").to_owned();
    assert!(unknown.contains("this says nothing about a pod that asks for Unconfined"), "{unknown}");
    println!("        {unknown}");
}

/// Builds, pushes, and leaves nothing.
fn builds(cluster: &Cluster, namespace: &str, more: &[&str]) {
    let builder = Builder::start(cluster, namespace, &[&["--profile", "baseline"], more].concat());
    let labels = &cluster.get(&["namespace", namespace])["metadata"]["labels"];
    assert_eq!((builder.node().as_str(), &labels["pod-security.kubernetes.io/enforce"]), ("node1", &json!("baseline")));
    let push = format!("--output type=image,name={REGISTRY}/{namespace}:1,push=true,registry.insecure=true");
    let log = builder.build("pushed", "/busybox chown 1:1 /step && /busybox mkdir /d && echo built", &push);
    let log = log.unwrap_or_else(|error| panic!("{error}"));
    assert!(log.lines().any(|line| line.ends_with("built")) && cluster.image_in_registry(namespace, "1"), "{log}");
    builder.delete();
}

fn a_builder_builds_and_pushes(cluster: &Cluster) {
    deployed(cluster);
    builds(cluster, "plain", &[]);
}

/// So nobody takes another one there and waits for a pod that never comes.
fn every_other_profile_is_refused(cluster: &Cluster) {
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: enforced, labels: {pod-security.kubernetes.io/enforce: baseline}}}");
    let asked = ["check", "--cluster", "--namespace", "enforced", "--format", "json"];
    let (_, out, err) = crate::admission::run(cluster, &asked);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    for profile in report["profiles"].as_array().expect("profiles") {
        let expected = if profile["profile"] == "baseline" { "accepted" } else { "refused" };
        assert_eq!(profile["pod"], expected, "{profile}");
    }
    cluster.delete(&["namespace", "enforced"]);
}

/// Switches node1 off and on, so that each of its containers is made by the new settings.
fn restarted(cluster: &Cluster, seccomp_default: bool) {
    cluster.node("node1").seccomp_default(seccomp_default);
    cluster.reboot("node1", Behaviour::Ordinary);
}

fn with_seccomp_default_the_node_is_not_ready(cluster: &Cluster) {
    deployed(cluster);
    restarted(cluster, true);
    let node1 = says(cluster, "node1", "baseline", "not-ready", "Seccomp");
    println!("        {}", message(&node1));
    // Half a minute until its policy holds, and once more where the node was busy.
    wait("the default profile is unknown", 180, || match label(&node(cluster, "node1"), "no-process-sandbox").as_deref() {
        Some("unknown") => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// The agent with its profile on the node, as `render agent` prints it.
fn with_the_shipped_profile_it_is_ready(cluster: &Cluster) {
    deployed_anyhow(cluster);
    cluster.node("node1").seccomp_profile(PROFILE, &Confinement::Seccomp.text());
    let arguments = ["render", "agent", "--baseline", "--image", AGENT, "--seccomp-profile", PROFILE];
    let printed = Command::new(agent::program()).args(arguments).output().expect("the program");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    cluster.apply(&String::from_utf8_lossy(&printed.stdout));
    let node1 = says(cluster, "node1", "baseline", "ready", "Proven");
    println!("        {}", message(&node1));
    builds(cluster, "confined", &["--seccomp-profile", PROFILE]);
}

/// So that the last step can be run by itself.
fn deployed_anyhow(cluster: &Cluster) {
    if cluster.kubectl(&["get", "-n", NAMESPACE, "daemonset/canary-baseline"]).is_err() {
        deployed(cluster);
        restarted(cluster, true);
        says(cluster, "node1", "baseline", "not-ready", "Seccomp");
    }
}
