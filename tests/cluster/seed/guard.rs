//! The guard in front of a builder: what it stops, and what it says for `kubectl describe pod`.

use crate::admission::rendered;
use crate::agent::{self, label};
use crate::cluster::Cluster;
use crate::processes::wait;
use crate::run::AGENT;
use serde_json::{Value, json};

const NAMESPACE: &str = "guarded";

/// What is changed in the builder's pod.
struct Case {
    name: &'static str,
    /// Of the pod.
    pod: Value,
    /// Of the security context of the builder and its guard.
    security: Value,
    /// What the volume of the state dir is.
    state: Value,
    cause: String,
    fix: &'static str,
}

impl Case {
    fn new(name: &'static str, cause: impl Into<String>, fix: &'static str) -> Self {
        Case { name, pod: json!({}), security: json!({}), state: json!({"emptyDir": {}}), cause: cause.into(), fix }
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

/// The builder's pod as `render builder` prints it, with some changes.
fn pod(template: &Value, case: &Case) -> Value {
    let mut spec = template.clone();
    spec["restartPolicy"] = "Never".into();
    merge(&mut spec, &case.pod);
    for kind in ["initContainers", "containers"] {
        for container in spec[kind].as_array_mut().into_iter().flatten() {
            if container["name"] != "guard-program" {
                merge(&mut container["securityContext"], &case.security);
            }
        }
    }
    for volume in spec["volumes"].as_array_mut().into_iter().flatten().filter(|volume| volume["name"] == "state") {
        *volume = case.state.clone();
        volume["name"] = "state".into();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": case.name, "namespace": NAMESPACE}, "spec": spec})
}

pub(crate) fn stops_what_cannot_work_and_says_why(cluster: &Cluster) {
    agent::deployed(cluster);
    let node2 = label(&agent::verdict(cluster, "node2", "not-ready"), "cause").expect("a cause");
    let (manifests, _) = rendered(cluster, &["--namespace", NAMESPACE, "--guard-image", AGENT]);
    cluster.apply(&manifests);
    let deployment = cluster.get(&["deployment", "-n", NAMESPACE, "buildkitd"]);
    let template = &deployment["spec"]["template"]["spec"];
    let status = cluster.kubectl(&["rollout", "status", "-n", NAMESPACE, "deployment/buildkitd", "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}\n{}", cluster.kubectl(&["describe", "pods", "-n", NAMESPACE]).unwrap_or_default()));

    // Root's, as a fresh volume of most storage is.
    let claim = cluster.dir.join("claim");
    std::fs::create_dir_all(&claim).expect("mkdir");
    cluster.apply(&volume("claim", &claim.display().to_string()));
    let claim = json!({"persistentVolumeClaim": {"claimName": "claim"}});
    let cases = [
        // As if the node had turned bad since the scheduler looked at it.
        Case { pod: json!({"nodeName": "node2", "affinity": {}}), ..Case::new("bad-node", node2, "") },
        Case { state: claim.clone(), ..Case::new("claim-without-fs-group", "state-dir", "set fsGroup: 1000 in the securityContext") },
        Case { security: json!({"runAsUser": 1001}), ..Case::new("another-user", "image-user", "set runAsUser: 1000") },
        Case { security: json!({"runAsGroup": 0}), ..Case::new("another-group", "image-user", "set runAsGroup: 1000") },
        Case {
            security: json!({"readOnlyRootFilesystem": true}),
            ..Case::new("read-only-root", "read-only-root", "mount an emptyDir on /home/user/.local/tmp, /tmp and /run/user/1000")
        },
    ];
    for case in &cases {
        cluster.apply(&pod(template, case).to_string());
    }
    for case in &cases {
        let ended = wait(&format!("{} has ended", case.name), 60, || {
            let pod = cluster.get(&["pod", "-n", NAMESPACE, case.name]);
            if pod["status"]["phase"] == "Failed" { Ok(pod) } else { Err(pod["status"].to_string()) }
        });
        let containers = ended["status"]["initContainerStatuses"].as_array().expect("a list");
        let guard = containers.iter().find(|container| container["name"] == "guard").expect("a guard");
        let ended = &guard["state"]["terminated"];
        let words = ended["message"].as_str().unwrap_or_default();
        let cause = format!("\n{}: ", case.cause);
        assert!(ended["exitCode"] == 1 && words.contains(&cause), "{}: {ended:#}", case.name);
        assert!(words.lines().any(|line| line.trim_start().starts_with("Fix: ") && line.contains(case.fix)), "{}: {words}", case.name);
        let described = cluster.kubectl(&["describe", "pod", "-n", NAMESPACE, case.name]).expect("kubectl describe");
        for line in words.lines() {
            assert!(described.contains(line.trim()), "{}: {line} is not in\n{described}", case.name);
        }
    }

    // The fix of the claim is one.
    let fixed = Case { pod: json!({"securityContext": {"fsGroup": 1000}}), state: claim, ..Case::new("claim-with-fs-group", "", "") };
    let old = format!("pod/{}", cases[1].name);
    cluster.delete(&["-n", NAMESPACE, &old]);
    cluster.apply(&pod(template, &fixed).to_string());
    cluster.pod_ready(NAMESPACE, fixed.name);
    // It takes a while, for which nobody waits.
    for gone in [["namespace", NAMESPACE], ["persistentvolume", "claim"]] {
        cluster.kubectl(&[&["delete", "--wait=false"], &gone[..]].concat()).expect("kubectl delete");
    }
}

/// A directory of node1 as a volume that can be claimed. For local volumes Kubernetes applies fsGroup.
fn volume(name: &str, path: &str) -> String {
    let capacity = json!({"storage": "1Gi"});
    let node = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]});
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": capacity, "accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand",
            "persistentVolumeReclaimPolicy": "Retain", "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [node]}]}},
        },
    });
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand", "resources": {"requests": capacity}},
    });
    format!("{volume}\n---\n{claim}\n")
}
