//! What `tune` did is told on the node, once.
//!
//! Its status is put in place of the one that it wrote itself, which it writes anew only when something has changed: so what
//! is told hangs on no sysctl of this machine.

use crate::agent::{self, NAMESPACE, PREFIX, condition, label, log_of, rolled_out};
use crate::cluster::Cluster;
use crate::processes::wait;
use crate::run::AGENT;
use crate::tune::{Pod, deployed, events, said};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

const SYSCTL: &str = "kernel.unprivileged_userns_clone";
const TOLD: &str = " tune: kernel.unprivileged_userns_clone was set from 0 to 1.";

/// Gives the agents a heartbeat of seconds, and waits until that of node1 has seen that nothing was set.
fn with_heartbeat(cluster: &Cluster) -> Pod<'_> {
    deployed(cluster);
    let daemon_set = cluster.get(&["-n", NAMESPACE, "daemonset/agent"]);
    let containers = daemon_set["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
    let at = containers.iter().position(|container| container["name"] == "agent").expect("the agent");
    let heartbeat = "--heartbeat=2s";
    if !containers[at]["args"].as_array().expect("arguments").iter().any(|argument| argument == heartbeat) {
        let patch = json!([{"op": "add", "path": format!("/spec/template/spec/containers/{at}/args/-"), "value": heartbeat}]).to_string();
        let patched = cluster.kubectl(&["patch", "-n", NAMESPACE, "daemonset/agent", "--type=json", "-p", &patch]);
        patched.unwrap_or_else(|error| panic!("{error}"));
        rolled_out(cluster);
    }
    let pod = Pod::on(cluster, "node1");
    pod.status_was_read();
    pod
}

fn now() -> String {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).expect("a time").to_string()
}

/// What `tune` says that has set nothing.
pub(crate) fn nothing() -> Value {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    json!({"apiVersion": "buildkit-preflight.dev/v1", "kind": "Tuned", "bootId": boot.trim(), "changes": [], "persisted": false})
}

/// What it says that has set a sysctl, and of a problem.
fn status(at: &str, problem: Option<&str>) -> Value {
    let mut status = nothing();
    status["changes"] = json!([{"sysctl": SYSCTL, "from": 0, "to": 1, "at": at}]);
    if let Some(message) = problem {
        status["problem"] = json!({"reason": "TugOfWar", "message": message, "at": now()});
    }
    status
}

/// Puts a file in the place of the status, as `tune` does.
fn put(pod: &Pod, text: &str) {
    let new = pod.shared.join("tuned.new");
    fs::write(&new, text).expect("write");
    fs::rename(&new, pod.status_file()).expect("rename");
}

/// Waits until the Node was written again so many times.
fn heartbeats(cluster: &Cluster, times: usize) {
    for _ in 0..times {
        let heartbeat = || condition(&agent::node(cluster, "node1"))["lastHeartbeatTime"].clone();
        let before = heartbeat();
        wait("a heartbeat", 60, || if heartbeat() == before { Err(before.to_string()) } else { Ok(()) });
    }
}

fn tuned(cluster: &Cluster, node: &str) -> Option<String> {
    label(&agent::node(cluster, node), "tuned")
}

/// The latest event of a reason: its type and what it says.
fn event(cluster: &Cluster, reason: &str) -> (Value, Value) {
    let list = cluster.get(&["events", "-n", "default", "--field-selector", &format!("involvedObject.name=node1,reason={reason}")]);
    let list = list["items"].as_array().expect("a list").iter();
    let latest = list.max_by_key(|event| event["lastTimestamp"].as_str().map(str::to_owned)).expect("an event");
    (latest["type"].clone(), latest["message"].clone())
}

/// A change is told; gives when it was.
fn tell(cluster: &Cluster, pod: &Pod) -> String {
    let [set, ..] = events(cluster, "node1");
    // What was done while the agent writes the Node, in an earlier second than the heartbeat's, seems to be old.
    heartbeats(cluster, 1);
    let at = now();
    put(pod, &status(&at, None).to_string());
    wait("the event is there", 60, || {
        if events(cluster, "node1")[0] == set + 1 { Ok(()) } else { Err(format!("{:?}", log_of(cluster, "node1"))) }
    });
    wait("the label is there", 60, || if tuned(cluster, "node1").as_deref() == Some("true") { Ok(()) } else { Err("no".to_owned()) });
    at
}

/// The message of the condition, and the rest of it.
fn message(cluster: &Cluster) -> (String, Value) {
    let mut condition = said(cluster, "node1")["condition"].take();
    (condition["message"].take().as_str().expect("a message").to_owned(), condition)
}

pub(crate) fn a_change_is_told_once(cluster: &Cluster) {
    let pod = with_heartbeat(cluster);
    put(&pod, &nothing().to_string());
    pod.status_was_read();
    heartbeats(cluster, 1);
    let (before, rest) = message(cluster);
    let other = (said(cluster, "node2"), events(cluster, "node2"));
    let counts = events(cluster, "node1");

    tell(cluster, &pod);
    assert_eq!(message(cluster), (format!("{before}{TOLD}"), rest));
    assert_eq!(event(cluster, "SysctlSet"), ("Normal".into(), format!("{SYSCTL} was set from 0 to 1").into()));
    let metric = format!("buildkit_preflight_sysctl_set{{sysctl=\"{SYSCTL}\"}} 1");
    assert_eq!(pod.metrics(), [metric.as_str()]);
    let described = cluster.kubectl(&["describe", "node", "node1"]).expect("kubectl describe");
    assert!(described.split("Events:").nth(1).is_some_and(|events| events.contains("SysctlSet")), "{described}");

    heartbeats(cluster, 3);
    let agent = pod.process("agent");
    kill(Pid::from_raw(agent), Signal::SIGKILL).expect("kill");
    wait("another agent", 60, || if pod.process("agent") == agent { Err("the same".to_owned()) } else { Ok(()) });
    rolled_out(cluster);
    heartbeats(cluster, 3);
    assert_eq!(events(cluster, "node1"), [counts[0] + 1, counts[1], counts[2], counts[3]], "told once");
    assert_eq!(tuned(cluster, "node1").as_deref(), Some("true"));
    assert_eq!(pod.metrics(), [metric]);
    assert_eq!((said(cluster, "node2"), events(cluster, "node2")), other, "nothing of the other node");
}

pub(crate) fn a_problem_is_told(cluster: &Cluster) {
    let pod = with_heartbeat(cluster);
    let at = tell(cluster, &pod);
    let (before, rest) = message(cluster);
    let [set, war, policy, failed] = events(cluster, "node1");
    heartbeats(cluster, 1);
    put(&pod, &status(&at, Some("somebody\n sets it back")).to_string());
    wait("the event is there", 60, || {
        if events(cluster, "node1")[1] == war + 1 { Ok(()) } else { Err(format!("{:?}", log_of(cluster, "node1"))) }
    });
    heartbeats(cluster, 3);
    assert_eq!(events(cluster, "node1"), [set, war + 1, policy, failed]);
    assert_eq!(event(cluster, "SysctlTugOfWar"), ("Warning".into(), "somebody sets it back".into()));
    assert_eq!(message(cluster), (format!("{before} tune: somebody sets it back."), rest), "and nothing else of the condition");
    assert!(pod.metrics().contains(&"buildkit_preflight_tune_problem{reason=\"TugOfWar\"} 1".to_owned()));
    assert_eq!(tuned(cluster, "node1").as_deref(), Some("true"));
}

pub(crate) fn what_is_no_status_is_not_told(cluster: &Cluster) {
    let pod = with_heartbeat(cluster);
    let at = tell(cluster, &pod);
    let (with_note, rest) = message(cluster);
    let counts = events(cluster, "node1");
    let agent = pod.process("agent");
    let forged = status(&now(), Some("forged")).to_string().replace(SYSCTL, "user.max_user_namespaces");
    let other_file = pod.shared.join("other");
    fs::write(&other_file, &forged).expect("write");
    let complaints =
        || log_of(cluster, "node1").into_iter().filter(|line| line["message"] == "the status of tune can't be read").collect::<Vec<_>>();

    let unknown = forged.replace("user.max_user_namespaces", "kernel.core_pattern");
    let cut = &forged[..forged.len() / 2];
    let large = "x".repeat(100_000);
    for (text, why) in [
        (Some(cut), "not a status file"),
        (Some(large.as_str()), "larger than 64 KiB"),
        (Some(unknown.as_str()), "not a status file"),
        (None, "symbolic links"),
    ] {
        let before = complaints().len();
        match text {
            Some(text) => put(&pod, text),
            None => {
                symlink("other", pod.shared.join("tuned.new")).expect("symlink");
                fs::rename(pod.shared.join("tuned.new"), pod.status_file()).expect("rename");
            }
        }
        let said = wait("the agent says so", 60, || complaints().get(before).cloned().ok_or_else(|| "nothing".to_owned()));
        assert!(said["why"].as_str().is_some_and(|said| said.contains(why) && said.len() < 500), "{said}");
        heartbeats(cluster, 2);
        assert_eq!(message(cluster), (with_note.replace(TOLD, ""), rest.clone()), "{why}");
        assert_eq!(events(cluster, "node1"), counts, "{why}");
        assert_eq!(pod.metrics(), [""; 0], "{why}");
        assert_eq!(tuned(cluster, "node1").as_deref(), Some("true"), "what was set in this boot is set: {why}");
    }
    assert_eq!(pod.process("agent"), agent, "it goes on");
    put(&pod, &status(&at, None).to_string());
    wait("what is a status is told again", 60, || if message(cluster).0 == with_note { Ok(()) } else { Err(message(cluster).0) });
    assert_eq!(events(cluster, "node1"), counts, "but no event");
    fs::remove_file(other_file).expect("rm");
}

pub(crate) fn a_node_is_tuned_until_the_overlay_goes(cluster: &Cluster) {
    let pod = with_heartbeat(cluster);
    tell(cluster, &pod);
    let counts = events(cluster, "node1");
    let watch = cluster.watch_node("node1");
    cluster.delete(&["-n", NAMESPACE, &format!("pod/{}", pod.name)]);
    rolled_out(cluster);
    let new = Pod::on(cluster, "node1");
    assert_ne!(new.name, pod.name);
    new.status_was_read();
    heartbeats(cluster, 2);
    let seen: Vec<_> = watch.events().iter().map(|event| label(&event["object"], "tuned")).collect();
    assert!(seen.len() >= 2 && seen.iter().all(|label| label.as_deref() == Some("true")), "{seen:?}");
    assert!(!message(cluster).0.contains("tune:"), "the new pod did nothing itself: {}", message(cluster).0);
    assert_eq!(events(cluster, "node1"), counts);

    agent::deploy(cluster, AGENT);
    wait("the label goes", 60, || match tuned(cluster, "node1") {
        None => Ok(()),
        Some(label) => Err(label),
    });
    let said = said(cluster, "node1");
    assert_eq!((&said["labels"][format!("{PREFIX}/no-process-sandbox")], &said["condition"]["status"]), (&"ready".into(), &"True".into()));
    assert_eq!(events(cluster, "node1"), counts);
    let daemon_set = cluster.get(&["-n", NAMESPACE, "daemonset/agent"]);
    assert_eq!(daemon_set["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len), Some(1), "one container, as before");
}
