//! What changes on a node, and what does not when an agent comes and goes.

use crate::agent::{self, NAMESPACE, PREFIX, condition, events, label, pod_on, process, rolled_out, verdict};
use crate::cluster::Cluster;
use crate::fleet::Behaviour;
use crate::processes::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Replaces the agent's pod on a node, as an upgrade or an eviction does.
fn replace(cluster: &Cluster, node: &str) {
    cluster.delete(&["-n", NAMESPACE, &format!("pod/{}", pod_on(cluster, node))]);
    rolled_out(cluster);
}

pub(crate) fn a_node_is_judged_anew(cluster: &Cluster) {
    agent::deployed(cluster);
    verdict(cluster, "node2", "not-ready");
    let counts = |cluster: &Cluster| ["Ready", "NotReady"].map(|word| events(cluster, "node2", &format!("RootlessBuildKit{word}")));
    let [ready, not_ready] = counts(cluster);
    cluster.node("node2").behave(Behaviour::Ordinary);
    replace(cluster, "node2");
    let node = verdict(cluster, "node2", "ready");
    assert_eq!(label(&node, "cause"), None);
    assert_eq!(condition(&node)["reason"], "Proven");
    assert_eq!(counts(cluster), [ready + 1, not_ready], "one event");
    cluster.behave_as_planned();
    replace(cluster, "node2");
    verdict(cluster, "node2", "not-ready");
    assert_eq!(counts(cluster), [ready + 1, not_ready + 1], "and one back");
}

/// Waits until the condition was written again: its heartbeat is another one.
fn written_again(cluster: &Cluster, node: &str, before: &Value) -> Value {
    wait(&format!("the agent on {node} writes again"), 60, || {
        let now = condition(&agent::node(cluster, node));
        if now["lastHeartbeatTime"] == before["lastHeartbeatTime"] { Err(now.to_string()) } else { Ok(now) }
    })
}

pub(crate) fn ready_stays_ready(cluster: &Cluster) {
    agent::deployed(cluster);
    let before = condition(&verdict(cluster, "node1", "ready"));
    let told = events(cluster, "node1", "RootlessBuildKitReady");
    let watch = cluster.watch_node("node1");
    let mut last = before.clone();
    let mut next = |cluster: &Cluster| {
        last = written_again(cluster, "node1", &last);
    };

    replace(cluster, "node1");
    next(cluster);
    cluster.kubectl(&["rollout", "restart", "-n", NAMESPACE, "daemonset/agent"]).expect("kubectl rollout restart");
    rolled_out(cluster);
    next(cluster);
    // The kubelet starts the container again.
    kill(Pid::from_raw(process("node1")), Signal::SIGKILL).expect("kill");
    next(cluster);
    rolled_out(cluster);

    let seen = wait("the watch has come to three writes", 30, || {
        let seen: Vec<_> = watch.events().iter().map(|event| label(&event["object"], "no-process-sandbox")).collect();
        if seen.len() >= 3 { Ok(seen) } else { Err(format!("{seen:?}")) }
    });
    assert!(seen.iter().all(|label| label.as_deref() == Some("ready")), "{seen:?}");
    let transitions = watch.events();
    assert!(transitions.iter().all(|event| condition(&event["object"])["lastTransitionTime"] == before["lastTransitionTime"]));
    assert_eq!(events(cluster, "node1", "RootlessBuildKitReady"), told, "nothing changed, nothing is told");

    // What others put there is no proof: it goes, and what is proven comes back.
    let key = format!("{PREFIX}/no-process-sandbox");
    let by_hand = cluster.kubectl(&["label", "--overwrite", "node/node1", &format!("{key}=by-hand")]);
    by_hand.unwrap_or_else(|error| panic!("{error}"));
    let by_hand =
        r#"{"status": {"conditions": [{"type": "RootlessBuildKit", "status": "True", "reason": "ByHand", "message": "by hand"}]}}"#;
    let patched = cluster.kubectl(&["patch", "node", "node1", "--subresource=status", "--type=strategic", "-p", by_hand]);
    patched.unwrap_or_else(|error| panic!("{error}"));
    replace(cluster, "node1");
    let node = verdict(cluster, "node1", "ready");
    assert_eq!(condition(&node)["reason"], "Proven", "what was written by hand is taken back");
}

/// SIGTERM, as the kubelet ends a pod.
pub(crate) fn ends_at_once_and_leaves_the_label(cluster: &Cluster) {
    agent::deployed(cluster);
    let before = condition(&verdict(cluster, "node1", "ready"));
    let pid = process("node1");
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("kill");
    // Twice the two seconds: the machine may be busy.
    wait("the agent has ended", 4, || if kill(Pid::from_raw(pid), None).is_err() { Ok(()) } else { Err("it runs".into()) });
    let node = agent::node(cluster, "node1");
    assert_eq!(label(&node, "no-process-sandbox").as_deref(), Some("ready"));
    written_again(cluster, "node1", &before);
    rolled_out(cluster);
}
