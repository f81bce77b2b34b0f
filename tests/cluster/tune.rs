//! The agent's pod with a second container that sets sysctls: what it is given, held against a list, and that it leaves a
//! node alone where there is nothing to set.
//!
//! The kernel need not have kernel.unprivileged_userns_clone, and root of this machine need not have CAP_SYS_RESOURCE: only
//! the overlay that takes neither is run. Of the others the API server tells what it would admit.

use crate::agent::{self, NAMESPACE, PREFIX, condition, log_of, pod_on, program, repository, verdict};
use crate::cluster::Cluster;
use crate::image::tool;
use crate::processes::wait;
use crate::run::AGENT;
use crate::tuned::nothing;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// An overlay: its directory, how `render agent` is told to give the same, and what its container may do.
struct Overlay {
    name: &'static str,
    arguments: &'static [&'static str],
    limits: bool,
    persist: bool,
}

const KERNEL: Overlay = Overlay { name: "overlays/tune-kernel", arguments: &["--tune", "kernel"], limits: false, persist: false };
const OVERLAYS: [Overlay; 3] = [
    KERNEL,
    Overlay { name: "overlays/tune", arguments: &["--tune", "all"], limits: true, persist: false },
    Overlay { name: "overlays/tune-persist", arguments: &["--tune", "all", "--persist"], limits: true, persist: true },
];

/// What the agent says of a sysctl that is set, or is not.
const REASONS: [&str; 4] = ["SysctlSet", "SysctlTugOfWar", "SysctlLeftByPolicy", "SysctlNotSet"];

/// The agent's pod on a node, with both containers.
pub(crate) struct Pod<'a> {
    cluster: &'a Cluster,
    pub(crate) node: &'static str,
    pub(crate) name: String,
    uid: String,
    /// What the two containers share.
    pub(crate) shared: PathBuf,
}

impl<'a> Pod<'a> {
    pub(crate) fn on(cluster: &'a Cluster, node: &'static str) -> Self {
        let name = pod_on(cluster, node);
        let uid = cluster.get(&["pod", "-n", NAMESPACE, &name])["metadata"]["uid"].as_str().expect("a uid").to_owned();
        let node = cluster.nodes.iter().find(|known| known.name == node).expect("a node");
        Pod { cluster, node: node.name, name, shared: node.volume(&uid, "tuned"), uid }
    }

    pub(crate) fn object(&self) -> Value {
        self.cluster.get(&["pod", "-n", NAMESPACE, &self.name])
    }

    /// The process of one of its containers, in this PID namespace.
    pub(crate) fn process(&self, container: &str) -> i32 {
        wait(&format!("the process of {container} on {}", self.node), 60, || {
            let found = fs::read_dir("/proc").expect("/proc").flatten().find(|entry| {
                let has =
                    |file: &str, text: &str| String::from_utf8_lossy(&fs::read(entry.path().join(file)).unwrap_or_default()).contains(text);
                has("cgroup", &self.uid) && has("cmdline", &format!("/usr/bin/buildkit-preflight\0{container}\0"))
            });
            found.and_then(|entry| entry.file_name().to_str()?.parse().ok()).ok_or_else(|| "none".to_owned())
        })
    }

    /// Runs a script in one of its containers, with all that confines it.
    pub(crate) fn shell(&self, container: &str, script: &str) -> Result<String, String> {
        self.cluster.kubectl(&["exec", "-n", NAMESPACE, &self.name, "--container", container, "--", "sh", "-c", script])
    }

    pub(crate) fn log_of_tune(&self) -> String {
        self.cluster.kubectl(&["logs", "-n", NAMESPACE, &self.name, "--container=tune"]).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The file in which `tune` says what it did.
    pub(crate) fn status_file(&self) -> PathBuf {
        self.shared.join("tuned.json")
    }

    /// Waits until the agent has judged with what the status says that is there now.
    pub(crate) fn status_was_read(&self) {
        let written = wait("tune has written its status", 60, || {
            let meta = fs::symlink_metadata(self.status_file()).map_err(|error| error.to_string())?;
            jiff::Timestamp::try_from(meta.modified().expect("a time")).map_err(|error| error.to_string())
        });
        wait("the agent has read it", 60, || {
            let lines = log_of(self.cluster, self.node);
            let mut judged = lines.iter().filter(|line| line["message"] == "judged").filter_map(|line| line["timestamp"].as_str());
            let after = |at: &str| at.parse::<jiff::Timestamp>().is_ok_and(|at| at > written);
            if judged.next_back().is_some_and(after) { Ok(()) } else { Err(format!("written {written}, {lines:?}")) }
        });
    }

    /// What Prometheus gets of the agent about what `tune` did.
    pub(crate) fn metrics(&self) -> Vec<String> {
        let address = self.object()["status"]["podIP"].as_str().expect("an address").to_owned();
        let (_, text) = self.cluster.api.fetch(&format!("http://{address}:8080/metrics")).expect("metrics");
        assert!(text.contains("buildkit_preflight_verdict{"), "{text}");
        let names = ["buildkit_preflight_sysctl_set{", "buildkit_preflight_tune_problem{"];
        text.lines().filter(|line| names.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
    }
}

/// What is said of a node, but for the time: our labels, and the condition.
pub(crate) fn said(cluster: &Cluster, name: &str) -> Value {
    let node = agent::node(cluster, name);
    let labels = node["metadata"]["labels"].as_object().expect("labels").iter();
    let labels: BTreeMap<_, _> = labels.filter(|(key, _)| key.starts_with(PREFIX)).collect();
    let mut condition = condition(&node);
    condition["lastHeartbeatTime"].take();
    json!({"labels": labels, "condition": condition})
}

/// How many events there are of each of [`REASONS`].
pub(crate) fn events(cluster: &Cluster, node: &str) -> [usize; 4] {
    REASONS.map(|reason| agent::events(cluster, node, reason))
}

/// The overlay that this machine can run, if it is not there already: so that a step can be run by itself.
pub(crate) fn deployed(cluster: &Cluster) {
    agent::deployed(cluster);
    let daemon_set = cluster.get(&["-n", NAMESPACE, "daemonset/agent"]);
    if daemon_set["spec"]["template"]["spec"]["containers"].as_array().expect("containers").len() < 2 {
        agent::deploy_from(cluster, KERNEL.name, AGENT);
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn built(manifests: &str) -> BTreeMap<String, Value> {
    objects(&output(Command::new(tool("kustomize")).arg("build").arg(repository().join("manifests").join(manifests))))
}

/// Manifests by kind and name, with their lists in one order.
fn objects(yaml: &str) -> BTreeMap<String, Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let name = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
    objects.into_iter().map(|object| (name(&object), sorted(object))).collect()
}

/// With lists of things that have names in the order of these, and mounts in that of their places. White space in texts, which
/// are expressions, counts once: kustomize adds empty lines.
fn sorted(value: Value) -> Value {
    match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" ").into(),
        Value::Object(fields) => fields.into_iter().map(|(field, value)| (field, sorted(value))).collect(),
        Value::Array(list) => {
            let mut list: Vec<_> = list.into_iter().map(sorted).collect();
            list.sort_by_key(|element| ["mountPath", "name"].map(|key| element[key].as_str().unwrap_or_default().to_owned()));
            list.into()
        }
        other => other,
    }
}

/// Where two values differ, and how.
fn differences(path: &str, is: &Value, should: &Value) -> Vec<String> {
    match (is, should) {
        (Value::Object(a), Value::Object(b)) => {
            let fields: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            fields.into_iter().flat_map(|field| differences(&format!("{path}.{field}"), &is[field], &should[field])).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).flat_map(|at| differences(&format!("{path}[{at}]"), &a[at], &b[at])).collect()
        }
        _ if is == should => Vec::new(),
        _ => vec![format!("{path} is {is}, not {should}")],
    }
}

pub(crate) fn overlays_are_what_is_rendered(_: &Cluster) {
    for Overlay { name, arguments, .. } in OVERLAYS {
        let (built, rendered) = (built(name), objects(&output(Command::new(program()).args(["render", "agent"]).args(arguments))));
        assert_eq!(built.keys().collect::<Vec<_>>(), rendered.keys().collect::<Vec<_>>(), "{name}");
        let differ: Vec<_> = built.iter().flat_map(|(object, built)| differences(object, built, &rendered[object])).collect();
        assert!(differ.is_empty(), "{name}: {differ:#?}");
    }
}

/// The pod of a DaemonSet as the API server would admit it, without running it.
fn admitted(cluster: &Cluster, manifests: &str) -> Value {
    let mut objects = built(manifests);
    let daemon_set = objects.remove("\"DaemonSet\" \"agent\"").expect("a DaemonSet");
    let spec = &daemon_set["spec"]["template"]["spec"];
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": spec});
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All");
    let (status, mut pod) = cluster.request("POST", &path, None, "application/json", &pod.to_string());
    assert_eq!(status, 201, "{pod:#}");
    pod["spec"].take()
}

/// A pod's spec in one order and without what a DaemonSet adds; the volume with the token has one name, whoever added it.
fn in_order(mut spec: Value) -> Value {
    for added in ["nodeName", "affinity", "tolerations"] {
        spec.as_object_mut().expect("a spec").remove(added);
    }
    let text = spec.to_string();
    let volumes = spec["volumes"].as_array().expect("volumes").iter().filter_map(|volume| volume["name"].as_str());
    let text = volumes.filter(|name| name.starts_with("kube-api-access-")).fold(text, |text, name| text.replace(name, "token"));
    sorted(serde_json::from_str(&text).expect("JSON"))
}

/// The list: all that an overlay's pod has beside the plain agent's.
fn listed(plain: &Value, overlay: &Overlay) -> Value {
    let mut spec = plain.clone();
    let image = spec["containers"][0]["image"].clone();
    let add = |list: &mut Value, value: Value| list.as_array_mut().expect("a list").push(value);
    let host = |name: &str, path: &str| json!({"name": name, "hostPath": {"path": path, "type": "Directory"}});

    spec["automountServiceAccountToken"] = false.into();
    let mut mounts = json!([
        {"name": "tuned", "mountPath": "/run/buildkit-preflight"},
        {"name": "sysctls-kernel", "mountPath": "/host/proc/sys/kernel"},
    ]);
    let mut arguments = vec!["tune", "--apply", "--watch", "--sysctls=/host/proc/sys", "--status=/run/buildkit-preflight/tuned.json"];
    let mut capabilities = json!({"drop": ["ALL"]});
    add(&mut spec["containers"][0]["volumeMounts"], json!({"name": "tuned", "mountPath": "/run/buildkit-preflight", "readOnly": true}));
    add(&mut spec["volumes"], json!({"name": "tuned", "emptyDir": {"sizeLimit": "1Mi"}}));
    add(&mut spec["volumes"], host("sysctls-kernel", "/proc/sys/kernel"));
    if overlay.limits {
        capabilities["add"] = json!(["SYS_RESOURCE"]);
        add(&mut mounts, json!({"name": "sysctls-user", "mountPath": "/host/proc/sys/user"}));
        add(&mut spec["volumes"], host("sysctls-user", "/proc/sys/user"));
    } else {
        arguments.insert(3, "--only=kernel.unprivileged_userns_clone");
    }
    if overlay.persist {
        arguments.insert(3, "--persist");
        add(&mut mounts, json!({"name": "sysctl-d", "mountPath": "/etc/sysctl.d"}));
        add(&mut mounts, json!({"name": "os-release", "mountPath": "/etc/os-release", "readOnly": true}));
        add(&mut spec["volumes"], host("sysctl-d", "/etc/sysctl.d"));
    }
    let container = json!({
        "name": "tune",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}],
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "privileged": false,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "seccompProfile": {"type": "RuntimeDefault"},
            "capabilities": capabilities,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    });
    add(&mut spec["containers"], container);
    sorted(spec)
}

/// Holds a pod's spec against the list.
fn is_as_listed(spec: Value, plain: &Value, overlay: &Overlay) {
    let name = overlay.name;
    // The plain pod has none of these either, or all that follows says nothing.
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "initContainers", "ephemeralContainers"] {
        assert!(spec[field].is_null(), "{name}: {field} is {}", spec[field]);
    }
    let differ = differences("spec", &in_order(spec), &listed(plain, overlay));
    assert!(differ.is_empty(), "{name}: {differ:#?}");
}

pub(crate) fn is_admitted_as_listed(cluster: &Cluster) {
    agent::deployed(cluster);
    let plain = in_order(admitted(cluster, "agent"));
    assert_eq!(plain["containers"].as_array().map(Vec::len), Some(1));
    for overlay in OVERLAYS {
        is_as_listed(admitted(cluster, overlay.name), &plain, &overlay);
    }
}

/// All that could be set, with its values.
fn sysctls() -> BTreeMap<String, String> {
    let names = ["kernel", "user"].into_iter().flat_map(|dir| fs::read_dir(format!("/proc/sys/{dir}")).expect("sysctls").flatten());
    let names = names.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name == "unprivileged_userns_clone" || name.starts_with("max_") && name.ends_with("_namespaces")
    });
    names.map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("a sysctl"))).collect()
}

pub(crate) fn nothing_is_set_and_nothing_wrong(cluster: &Cluster) {
    let switch = "/proc/sys/kernel/unprivileged_userns_clone";
    assert!(!fs::exists(switch).expect("/proc"), "this machine has {switch}: what follows is about one that has not");
    agent::deploy(cluster, AGENT);
    verdict(cluster, "node1", "ready");
    verdict(cluster, "node2", "not-ready");
    let state = || (["node1", "node2"].map(|node| said(cluster, node)), ["node1", "node2"].map(|node| events(cluster, node)), sysctls());
    let before = state();
    let mut plain = in_order(admitted(cluster, "agent"));
    plain["containers"][0]["image"] = AGENT.into();

    agent::deploy_from(cluster, KERNEL.name, AGENT);
    for node in ["node1", "node2"] {
        let pod = Pod::on(cluster, node);
        pod.status_was_read();
        let status: Value = serde_json::from_str(&fs::read_to_string(pod.status_file()).expect("a status")).expect("JSON");
        assert_eq!(status, nothing(), "{node}");
        assert_eq!(pod.log_of_tune(), "", "{node}");
        assert_eq!(pod.metrics(), [""; 0], "{node}");
        let object = pod.object();
        is_as_listed(object["spec"].clone(), &plain, &KERNEL);
        for container in object["status"]["containerStatuses"].as_array().expect("containers") {
            assert_eq!((&container["ready"], &container["restartCount"]), (&true.into(), &0.into()), "{node}: {container}");
        }
    }
    assert_eq!(state(), before);
    assert!(said(cluster, "node1")["labels"][format!("{PREFIX}/tuned")].is_null());
}
