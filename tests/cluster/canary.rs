//! Canaries: what they prove, what is said where none can, and that nobody writes over another's words.

use crate::agent::{self, NAMESPACE, deploy_with, label, node};
use crate::cluster::Cluster;
use crate::fleet::{Behaviour, is_ci, planned};
use crate::processes::wait;
use crate::run::AGENT;
use buildkit_preflight::node::ConditionType;
use serde_json::{Value, json};

const DAEMON_SETS: [&str; 3] = ["agent", "canary-procmount", "canary-userns"];

/// How many times each is started anew.
fn restarts() -> usize {
    if is_ci() { 2 } else { 20 }
}

/// The agent with both canaries, if it is not there yet: with a heartbeat of seconds, and little patience.
pub(crate) fn deployed(cluster: &Cluster) {
    if cluster.kubectl(&["get", "-n", NAMESPACE, "daemonset/canary-userns"]).is_ok() {
        return;
    }
    let heartbeat = "--heartbeat=10s";
    let arguments: [(&str, &[&str]); 3] = [
        ("no-process-sandbox", &[heartbeat, if is_ci() { "--canary-patience=20s" } else { "--canary-patience=30s" }]),
        ("procmount", &[heartbeat]),
        ("userns", &[heartbeat]),
    ];
    deploy_with(cluster, "overlays/userns", AGENT, &arguments);
}

/// One of our conditions.
pub(crate) fn condition(node: &Value, kind: &str) -> Value {
    let mut all = node["status"]["conditions"].as_array().into_iter().flatten();
    all.find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

const PROCMOUNT: &str = "RootlessBuildKitProcMount";
const USERNS: &str = "RootlessBuildKitUserns";

/// Waits until a profile's label and the reason of its condition are these.
pub(crate) fn says(cluster: &Cluster, name: &str, profile: &str, verdict: &str, reason: &str) -> Value {
    let kind = ConditionType::of(profile.parse().expect("a profile")).name();
    wait(&format!("{name}: {profile} is {verdict}, {reason}"), 180, || {
        let node = node(cluster, name);
        let condition = condition(&node, kind);
        let right = label(&node, profile).as_deref() == Some(verdict) && condition["reason"] == reason;
        if right { Ok(node) } else { Err(format!("{:?}, {condition}\n{}", node["metadata"]["labels"], pods(cluster, name))) }
    })
}

/// Our pods on a node, for people.
fn pods(cluster: &Cluster, node: &str) -> String {
    cluster
        .kubectl(&["get", "pods", "-n", NAMESPACE, "-o", "wide", "--field-selector", &format!("spec.nodeName={node}")])
        .unwrap_or_default()
}

/// Whose last word a condition is.
fn author(cluster: &Cluster, name: &str, kind: &str) -> Vec<String> {
    let node = cluster.get(&["node", name, "--show-managed-fields"]);
    let element = format!("k:{{\"type\":\"{kind}\"}}");
    let entries = node["metadata"]["managedFields"].as_array().expect("managed fields").iter();
    let wrote = entries.filter(|entry| entry["fieldsV1"]["f:status"]["f:conditions"][&element].get("f:message").is_some());
    wrote.filter_map(|entry| entry["manager"].as_str().map(str::to_owned)).collect()
}

pub(crate) fn each_node_has_its_answer_and_its_reason(cluster: &Cluster) {
    deployed(cluster);
    let canary = |profile: &str| format!("buildkit-preflight/{profile}");
    let default = canary("no-process-sandbox");
    for plan in planned().iter().filter(|plan| plan.from_the_start) {
        use Behaviour::{FailsUserNamespaces, ForbidsUserNamespaces, IgnoresHostUsers, IgnoresUnmasked, Ordinary, ReportsNoUserNamespaces};
        // Of procmount and of userns: label, reason, and whether the canary itself has said so; and words of procmount's message.
        let (procmount, userns, words) = match plan.runtime {
            Ordinary => (("ready", "Proven", true), ("ready", "Proven", true), "works here (proven by a probe"),
            // A builder of userns makes no user namespace of its own.
            ForbidsUserNamespaces => (("not-ready", "Seccomp", true), ("ready", "Proven", true), "new user namespace: EPERM"),
            IgnoresUnmasked => (("not-ready", "ProcmountRuntime", true), ("ready", "Proven", true), "7 mounts hide parts of /proc"),
            IgnoresHostUsers => (
                ("not-ready", "UsernsPodRuntime", true),
                ("not-ready", "UsernsPodRuntime", true),
                "asked for hostUsers: false but runs in the node's own user namespace: the container runtime (containerd://2.4.2",
            ),
            ReportsNoUserNamespaces => (
                ("not-ready", "UsernsPodRuntime", false),
                ("not-ready", "UsernsPodRuntime", false),
                "reports that it can't give pods a user namespace",
            ),
            FailsUserNamespaces => (
                ("not-ready", "CanaryNotStarted", false),
                ("not-ready", "CanaryNotStarted", false),
                "the canary pod can't be started: OCI runtime create failed: failed to start noop process for unshare: ",
            ),
        };
        for ((verdict, reason, itself), profile, kind) in [(procmount, "procmount", PROCMOUNT), (userns, "userns", USERNS)] {
            let node = says(cluster, plan.name, profile, verdict, reason);
            let by = if itself { canary(profile) } else { default.clone() };
            assert_eq!(author(cluster, plan.name, kind), [by], "{} {profile}", plan.name);
            let condition = condition(&node, kind);
            let message = condition["message"].as_str().expect("a message");
            if profile == "procmount" {
                println!("        {}: procmount {verdict} ({reason}): {message}", plan.name);
                assert!(message.contains(words), "{}: {message}", plan.name);
            }
            assert_eq!(condition["status"], if verdict == "ready" { "True" } else { "False" });
            let word = if verdict == "ready" { "Ready" } else { "NotReady" };
            assert_eq!(agent::events(cluster, plan.name, &format!("{kind}{word}")), 1, "{} {profile}: told once", plan.name);
            let candidate = label(&node, &format!("{profile}-candidate"));
            assert_eq!(candidate.as_deref(), if reason == "UsernsPodRuntime" && !itself { None } else { Some("true") }, "{}", plan.name);
        }
        let node = node(cluster, plan.name);
        let ids = matches!(plan.runtime, Ordinary | ForbidsUserNamespaces | IgnoresUnmasked).then_some("65536");
        assert_eq!(label(&node, "pod-ids").as_deref(), ids, "{}", plan.name);
        // By version all of them could: it is the same one.
        assert_eq!(label(&node, "procmount-runtime").as_deref(), Some("supported"), "{}", plan.name);
        let default = if plan.runtime == ForbidsUserNamespaces { "not-ready" } else { "ready" };
        assert_eq!(label(&node, "no-process-sandbox").as_deref(), Some(default), "{}", plan.name);
    }
}

/// A canary that is silent for a reason that no builder would share makes nothing but unknown: here an image that is not there.
pub(crate) fn a_canary_whose_image_is_missing_proves_nothing(cluster: &Cluster) {
    deployed(cluster);
    says(cluster, "node1", "userns", "ready", "Proven");
    let image = |image: &str| {
        let set = cluster.kubectl(&["set", "image", "-n", NAMESPACE, "daemonset/canary-userns", &format!("*={image}")]);
        set.unwrap_or_else(|error| panic!("{error}"));
        // Its pods are replaced one after the other, and the next only when one is ready.
        cluster.delete(&["-n", NAMESPACE, "pods", "-l", "app.kubernetes.io/component=canary-userns"]);
    };
    image("localhost/nowhere:1");
    let node = says(cluster, "node1", "userns", "unknown", "CanarySilent");
    let message = condition(&node, USERNS)["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("Image") && message.contains("localhost/nowhere:1"), "{message}");
    println!("        {message}");
    image(AGENT);
    says(cluster, "node1", "userns", "ready", "Proven");
}

/// As admitted: the privileged container has no token, and the one with the token is not privileged.
pub(crate) fn the_privileged_container_has_no_token(cluster: &Cluster) {
    deployed(cluster);
    says(cluster, "node1", "userns", "ready", "Proven");
    let selector = "app.kubernetes.io/component=canary-userns";
    let pods = cluster.get(&["pods", "-n", NAMESPACE, "-l", selector, "--field-selector", "spec.nodeName=node1"]);
    let pod = &pods["items"][0];
    assert_eq!((&pod["spec"]["hostUsers"], &pod["spec"]["automountServiceAccountToken"]), (&json!(false), &json!(false)));
    let containers = pod["spec"]["containers"].as_array().expect("containers");
    let find = |name: &str| containers.iter().find(|container| container["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let mounts = |name: &str| find(name)["volumeMounts"].to_string();
    assert!(!mounts("prover").contains("token") && !mounts("prover").contains("serviceaccount"), "{}", mounts("prover"));
    assert_eq!(find("prover")["securityContext"]["privileged"], true);
    let security = &find("canary")["securityContext"];
    assert_eq!((&security["runAsUser"], &security["allowPrivilegeEscalation"]), (&json!(1000), &json!(false)));
    assert_eq!((&security["capabilities"], &security["privileged"]), (&json!({"drop": ["ALL"]}), &Value::Null));
    // And in fact: nothing of it is anywhere in the privileged one.
    let name = pod["metadata"]["name"].as_str().expect("a name");
    let script = "ls /var/run/secrets /run/secrets 2>&1; cat /proc/self/uid_map; grep -c serviceaccount /proc/self/mountinfo";
    let seen = |container: &str| {
        let (Ok(text) | Err(text)) = cluster.kubectl(&["exec", "-n", NAMESPACE, name, "-c", container, "--", "sh", "-c", script]);
        text
    };
    assert!(seen("prover").contains("\n0\n") && !seen("prover").contains("kubernetes.io"), "{}", seen("prover"));
    assert!(seen("canary").contains("\n1\n"), "{}", seen("canary"));
}

/// Switched off and on with a runtime that ignores or fails what the canary asks for, and back.
pub(crate) fn a_downgrade_is_noticed(cluster: &Cluster) {
    deployed(cluster);
    says(cluster, "node1", "procmount", "ready", "Proven");
    let builder = crate::nested::Builder::start(cluster, "downgrade", &["--profile", "procmount"]);
    assert_eq!(builder.node(), "node1");
    let bad: &[(Behaviour, &str)] = if is_ci() {
        &[(Behaviour::IgnoresUnmasked, "ProcmountRuntime")]
    } else {
        &[
            (Behaviour::IgnoresUnmasked, "ProcmountRuntime"),
            (Behaviour::IgnoresHostUsers, "UsernsPodRuntime"),
            (Behaviour::ReportsNoUserNamespaces, "UsernsPodRuntime"),
            (Behaviour::FailsUserNamespaces, "CanaryNotStarted"),
        ]
    };
    for (behaviour, reason) in bad {
        cluster.reboot("node1", *behaviour);
        let node = says(cluster, "node1", "procmount", "not-ready", reason);
        println!("        {behaviour:?}: {}", condition(&node, PROCMOUNT)["message"]);
        // One that is scheduled from now on stays away: no other node is ready either.
        let why = builder.one_more_is_pending();
        assert!(why.contains("didn't match Pod's node affinity/selector"), "{why}");
        builder.delete_pods();
        cluster.reboot("node1", Behaviour::Ordinary);
        let node = says(cluster, "node1", "procmount", "ready", "Proven");
        assert_eq!(label(&node, "pod-ids").as_deref(), Some("65536"));
        builder.ready();
    }
    builder.delete();
}

/// Agents and canaries come and go, alone and together: each says again what it said, and none takes away what another says.
pub(crate) fn restarts_undo_nothing(cluster: &Cluster) {
    deployed(cluster);
    for profile in ["procmount", "userns"] {
        says(cluster, "node1", profile, "ready", "Proven");
    }
    agent::verdict(cluster, "node1", "ready");
    let kinds = ["RootlessBuildKit", PROCMOUNT, USERNS];
    let since = |node: &Value| kinds.map(|kind| condition(node, kind)["lastTransitionTime"].clone());
    let before = since(&node(cluster, "node1"));
    let told = |cluster: &Cluster| kinds.map(|kind| agent::events(cluster, "node1", &format!("{kind}Ready")));
    let events = told(cluster);
    let watch = cluster.watch_node("node1");
    let written = |kind: &str| condition(&node(cluster, "node1"), kind)["lastHeartbeatTime"].as_str().unwrap_or_default().to_owned();
    let replace = |which: &[usize]| {
        let replaced: Vec<_> = which.iter().map(|number| (DAEMON_SETS[*number], kinds[*number])).collect();
        let old: Vec<_> = replaced.iter().map(|(name, _)| pod(cluster, name)).collect();
        let names: Vec<_> = old.iter().map(|name| format!("pod/{name}")).collect();
        cluster.delete(&[&["-n", NAMESPACE], names.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat());
        let gone = jiff::Timestamp::now().as_second();
        for (name, kind) in replaced {
            wait(&format!("a new {name} has written"), 120, || {
                let heartbeat = written(kind);
                let at = heartbeat.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second);
                if at.is_ok_and(|at| at > gone) { Ok(()) } else { Err(format!("{heartbeat}\n{}", pods(cluster, "node1"))) }
            });
        }
    };
    for round in 0..restarts() {
        match round % 2 {
            0 => [&[0][..], &[1], &[2]].iter().for_each(|one| replace(one)),
            _ => replace(&[0, 1, 2]),
        }
    }
    let events_seen = watch.events();
    let keys = ["no-process-sandbox", "procmount", "userns"];
    let mut wrong = Vec::new();
    for event in &events_seen {
        let node = &event["object"];
        let labels = keys.map(|key| label(node, key));
        let whole = labels.iter().all(|label| label.as_deref() == Some("ready"))
            && label(node, "pod-ids").as_deref() == Some("65536")
            && kinds.iter().all(|kind| condition(node, kind)["status"] == "True")
            && since(node) == before;
        if !whole {
            wrong.push(format!("{labels:?} {:?} {:?}", label(node, "pod-ids"), kinds.map(|kind| condition(node, kind)["reason"].clone())));
        }
    }
    println!("        {} restarts of each, {} states of the Node, {} of them not whole", restarts(), events_seen.len(), wrong.len());
    assert!(events_seen.len() >= 2 * restarts() && wrong.is_empty(), "{wrong:#?}");
    assert_eq!(told(cluster), events, "nothing changed, nothing is told");
    assert_eq!(author(cluster, "node1", PROCMOUNT), ["buildkit-preflight/procmount"]);
}

/// The pod of a DaemonSet of ours on node1.
fn pod(cluster: &Cluster, name: &str) -> String {
    let selector = format!("app.kubernetes.io/component={name}");
    wait(&format!("a pod of {name}"), 60, || {
        let pods = cluster.get(&["pods", "-n", NAMESPACE, "-l", &selector, "--field-selector", "spec.nodeName=node1"]);
        let mut alive = pods["items"].as_array().expect("a list").iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        alive.next().and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).ok_or_else(|| pods.to_string())
    })
}

/// Where no canary of a profile is deployed any more, what it said is not left standing.
pub(crate) fn a_canary_that_is_taken_away_leaves_no_word(cluster: &Cluster) {
    deployed(cluster);
    says(cluster, "node1", "userns", "ready", "Proven");
    cluster.delete(&["-n", NAMESPACE, "daemonset/canary-userns"]);
    let says_so = |env: &str| {
        let patched = cluster.kubectl(&["set", "env", "-n", NAMESPACE, "daemonset/agent", &format!("CANARIES={env}")]);
        patched.unwrap_or_else(|error| panic!("{error}"));
        agent::rolled_out(cluster);
    };
    says_so("procmount");
    let node = says(cluster, "node1", "userns", "unknown", "NoCanary");
    assert_eq!(label(&node, "procmount").as_deref(), Some("ready"), "of the other nothing has changed");
}
