//! The agent on the cluster: how it is put there, and what it says of the nodes.

use crate::canary;
use crate::cluster::Cluster;
use crate::image::{binary, tool};
use crate::processes::wait;
use crate::run::AGENT;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const NAMESPACE: &str = "buildkit-preflight";
pub(crate) const PREFIX: &str = "buildkit-preflight.dev";
const LABEL: &str = "no-process-sandbox";

/// The repository's own directory.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// As the README says: the manifests with another image, through kustomize.
pub(crate) fn deploy(cluster: &Cluster, image: &str) {
    deploy_from(cluster, "agent", image);
}

/// The same with a directory of the manifests that stands for the agent, or for more.
pub(crate) fn deploy_from(cluster: &Cluster, manifests: &str, image: &str) {
    deploy_with(cluster, manifests, image, &[]);
}

/// The same with more arguments behind that of the shape: for each shape some.
pub(crate) fn deploy_with(cluster: &Cluster, manifests: &str, image: &str, arguments: &[(&str, &[&str])]) {
    let copy = cluster.dir.join("deploy");
    let _ = fs::remove_dir_all(&copy);
    let copied = Command::new("cp").arg("-r").arg(repository().join("manifests")).arg(&copy).status().expect("cp");
    assert!(copied.success());
    let line = |argument: &str| format!("            - {argument}\n");
    for (shape, more) in arguments {
        let shape = line(&format!("--shape={shape}"));
        for file in fs::read_dir(copy.join("agent")).expect("manifests").chain(fs::read_dir(copy.join(manifests)).expect("manifests")) {
            let path = file.expect("a file").path();
            let text = fs::read_to_string(&path).expect("a manifest");
            // Of a container that proves for another, the agent's alone.
            let edited = text.replacen(&shape, &(shape.clone() + &more.iter().copied().map(line).collect::<String>()), 1);
            fs::write(path, edited).expect("write");
        }
    }
    let dir = copy.join(manifests);
    let edit = format!("buildkit-preflight={image}");
    let set = Command::new(tool("kustomize")).args(["edit", "set", "image", &edit]).current_dir(&dir).status().expect("kustomize");
    assert!(set.success());
    cluster.kubectl(&["apply", "-k", &dir.display().to_string()]).unwrap_or_else(|error| panic!("{error}"));
    rolled_out(cluster);
}

/// Waits until each node runs the DaemonSet's newest pod, and it is ready.
pub(crate) fn rolled_out(cluster: &Cluster) {
    let status = cluster.kubectl(&["rollout", "status", "-n", NAMESPACE, "daemonset/agent", "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}\n{}", logs(cluster)));
}

/// An agent on the cluster, if there is none yet: so that a step can be run by itself.
pub(crate) fn deployed(cluster: &Cluster) {
    if cluster.kubectl(&["get", "-n", NAMESPACE, "daemonset/agent"]).is_err() {
        deploy(cluster, AGENT);
    }
    verdict(cluster, "node1", "ready");
}

/// The agent's program, outside of the cluster.
pub(crate) fn program() -> PathBuf {
    binary()
}

/// The name of the agent's pod on a node.
pub(crate) fn pod_on(cluster: &Cluster, node: &str) -> String {
    wait(&format!("an agent's pod on {node}"), 60, || {
        let component = "app.kubernetes.io/component=agent";
        let pods = cluster.get(&["pods", "-n", NAMESPACE, "-l", component, "--field-selector", &format!("spec.nodeName={node}")]);
        let pods = pods["items"].as_array().expect("a list").iter();
        let mut alive = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        alive.next().and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).ok_or_else(|| "none".to_owned())
    })
}

pub(crate) fn logs(cluster: &Cluster) -> String {
    cluster.kubectl(&["logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=agent", "--prefix", "--tail=50"]).unwrap_or_default()
}

/// The lines that the agent on a node has logged, as JSON.
pub(crate) fn log_of(cluster: &Cluster, node: &str) -> Vec<Value> {
    let text = cluster.kubectl(&["logs", "-n", NAMESPACE, &pod_on(cluster, node), "--container=agent"]).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a log line that is no JSON: {line}"))).collect()
}

/// One of our labels on a node.
pub(crate) fn label(node: &Value, key: &str) -> Option<String> {
    node["metadata"]["labels"][format!("{PREFIX}/{key}")].as_str().map(str::to_owned)
}

pub(crate) fn node(cluster: &Cluster, name: &str) -> Value {
    cluster.get(&["node", name])
}

/// The condition of the default profile.
pub(crate) fn condition(node: &Value) -> Value {
    canary::condition(node, "RootlessBuildKit")
}

/// Waits until a node's label has this value.
pub(crate) fn verdict(cluster: &Cluster, name: &str, value: &str) -> Value {
    wait(&format!("{name} is {value}"), 60, || {
        let node = node(cluster, name);
        match label(&node, LABEL) {
            Some(found) if found == value => Ok(node),
            found => Err(format!("{found:?}, {}\n{}", condition(&node), logs(cluster))),
        }
    })
}

/// How often a reason was told of a node, by the events that `kubectl describe node` finds.
pub(crate) fn events(cluster: &Cluster, name: &str, reason: &str) -> usize {
    let uid = node(cluster, name)["metadata"]["uid"].as_str().expect("a uid").to_owned();
    let selector = format!("involvedObject.kind=Node,involvedObject.uid={uid},reason={reason}");
    let list = cluster.get(&["events", "-n", "default", "--field-selector", &selector]);
    let counts = list["items"].as_array().expect("a list").iter().map(|event| event["count"].as_u64().expect("a count"));
    usize::try_from(counts.sum::<u64>()).expect("a number")
}

/// The process of the agent on a node, in this PID namespace.
pub(crate) fn process(node: &str) -> i32 {
    wait(&format!("the agent's process on {node}"), 60, || {
        let name = format!("NODE_NAME={node}\0");
        let found = fs::read_dir("/proc").expect("/proc").flatten().find(|entry| {
            let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
            let is_agent = read("cmdline").starts_with(b"/usr/bin/buildkit-preflight\0agent\0--shape=no-process-sandbox\0");
            is_agent && String::from_utf8_lossy(&read("environ")).contains(&name)
        });
        found.and_then(|entry| entry.file_name().to_str()?.parse().ok()).ok_or_else(|| "none".to_owned())
    })
}

pub(crate) fn labels_and_explains(cluster: &Cluster) {
    deploy(cluster, AGENT);
    let node1 = verdict(cluster, "node1", "ready");
    let node2 = verdict(cluster, "node2", "not-ready");
    for (key, value) in [("snapshotter", Some("overlayfs")), ("distro", Some("debian")), ("cause", None), ("privileged", Some("unknown"))] {
        assert_eq!(label(&node1, key).as_deref(), value, "{key}");
    }
    // node2's kernel, sysctls and versions are node1's: the cause is not a guess about those.
    let cause = label(&node2, "cause").expect("a cause");
    assert!(["seccomp", "platform-sandbox"].contains(&cause.as_str()), "{cause}");
    // What a nodeSelector can ask for: a profile that is proven, and two whose canaries nobody has asked for. A privileged container has no filter.
    for (label, nodes) in [
        (format!("{LABEL}=ready"), "node/node1\n"),
        ("privileged-candidate=true".into(), "node/node1\nnode/node2\n"),
        ("rootful-candidate=true".into(), "node/node1\nnode/node2\n"),
    ] {
        let named = cluster.kubectl(&["get", "nodes", "-l", &format!("{PREFIX}/{label}"), "-o", "name"]);
        assert_eq!(named.as_deref(), Ok(nodes), "{label}");
    }

    let told = condition(&node2);
    let message = told["message"].as_str().expect("a message").to_owned();
    assert_eq!((&told["status"], &told["reason"]), (&Value::from("False"), &Value::from("Seccomp")));
    assert!(message.contains("Operation not permitted") && message.contains("Fix: "), "{message}");
    assert_eq!(condition(&node1)["status"], "True");
    for name in ["node1", "node2"] {
        assert_eq!(events(cluster, name, "RootlessBuildKitReady") + events(cluster, name, "RootlessBuildKitNotReady"), 1, "{name}");
    }
    let described = cluster.kubectl(&["describe", "node", "node2"]).expect("kubectl describe");
    let events = described.split("Events:").nth(1).expect("events");
    assert!(described.contains(&message) && events.contains("RootlessBuildKitNotReady"), "{described}");

    for name in ["node1", "node2"] {
        let lines = log_of(cluster, name);
        let at = |message: &str| -> jiff::Timestamp {
            let line = lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("{message} in {lines:?}"));
            line["timestamp"].as_str().expect("a time").parse().expect("a time")
        };
        let pod = cluster.get(&["pod", "-n", NAMESPACE, &pod_on(cluster, name)]);
        // Kubernetes tells this in whole seconds.
        let began = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"].as_str().expect("a time");
        let seconds = at("published").duration_since(began.parse().expect("a time")).as_secs_f64();
        let milliseconds = at("published").duration_since(at("started")).as_millis();
        println!("        {name}: label {seconds:.2} s after the container's second, {milliseconds} ms after the agent's start");
        assert!(seconds < 30.0);
    }
}

/// The pod as it was admitted: the builder's shape, and what an agent needs beside it.
pub(crate) fn has_the_builders_shape(cluster: &Cluster) {
    deployed(cluster);
    let agent = cluster.get(&["pod", "-n", NAMESPACE, &pod_on(cluster, "node1")]);
    let builder = cluster.kubectl(&[
        "create",
        "--dry-run=client",
        "-o",
        "json",
        "-f",
        &repository().join("manifests/builder/buildkitd.yaml").display().to_string(),
    ]);
    let mut objects = serde_json::Deserializer::from_str(builder.as_deref().expect("kubectl")).into_iter::<Value>().flatten();
    let builder = objects.find(|object| object["kind"] == "Deployment").expect("a Deployment");
    let (agent, builder) = (&agent["spec"], &builder["spec"]["template"]["spec"]);
    for field in ["hostUsers", "hostPID", "hostIPC", "hostNetwork", "shareProcessNamespace"] {
        assert_eq!(agent[field], builder[field], "{field}");
    }
    let mut security = agent["containers"][0]["securityContext"].clone();
    assert_eq!(security["readOnlyRootFilesystem"].take(), true);
    security.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    assert_eq!(security, builder["containers"][0]["securityContext"]);
    let volumes: Vec<_> = agent["volumes"].as_array().expect("volumes").iter().map(|volume| &volume["hostPath"]["path"]).collect();
    let host: Vec<_> = volumes.into_iter().filter(|path| !path.is_null()).collect();
    assert_eq!(host, ["/etc/os-release"], "the one host path");
}
