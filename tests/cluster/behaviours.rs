//! All that each profile promises of builds, done in a pod of its shape.

use crate::admission::{PROFILES, namespace, rendered};
use crate::cluster::Cluster;
use crate::images;
use crate::processes::wait;
use serde_json::{Value, json};

const NAMESPACE: &str = "behaviours";

/// One pod after the other: their builds would only wait for each other.
pub(crate) fn each_profile_keeps_its_promises(cluster: &Cluster) {
    namespace(cluster, NAMESPACE, "privileged");
    images::import(cluster.node("node1"), &images::rootful(&cluster.dir.join("images")).pack());
    for profile in PROFILES {
        cluster.apply(&pod(cluster, profile).to_string());
        let phase = || cluster.get(&["pod", profile, "-n", NAMESPACE])["status"]["phase"].as_str().unwrap_or_default().to_owned();
        wait("all is built", 300, || match phase().as_str() {
            ended @ ("Succeeded" | "Failed") => Ok(ended.to_owned()),
            phase => Err(phase.to_owned()),
        });
        let log = cluster.logs(NAMESPACE, profile);
        let failed: Vec<_> = log
            .lines()
            .filter(|line| {
                line.starts_with("@failed-beside") || line.starts_with("@failed-behaviours ") && line.trim() != "@failed-behaviours"
            })
            .collect();
        assert!(failed.is_empty() && log.contains("@built uid=0") && log.contains("@beside done"), "{profile}: {failed:?}\n{log}");
        cluster.delete(&["-n", NAMESPACE, &format!("pod/{profile}"), "--wait=false"]);
    }
    cluster.delete(&["namespace", NAMESPACE, "--wait=false"]);
}

/// The builder's pod as `render builder` prints it, which builds by itself and ends. What it mounts is made.
fn pod(cluster: &Cluster, profile: &str) -> Value {
    let (manifests, _) = rendered(cluster, &["--namespace", NAMESPACE, "--profile", profile, "--no-guard"]);
    let objects: Vec<_> = manifests.split("\n---").filter_map(|text| serde_saphyr::from_str::<Value>(text).ok()).collect();
    objects.iter().filter(|object| object["kind"] == "ConfigMap").for_each(|map| cluster.apply(&map.to_string()));
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").expect("a Deployment");
    let mut spec = deployment["spec"]["template"]["spec"].clone();
    spec["restartPolicy"] = json!("Never");
    spec["nodeName"] = json!("node1");
    spec.as_object_mut().expect("a map").remove("affinity");
    let container = &mut spec["containers"][0];
    for probe in ["readinessProbe", "livenessProbe", "startupProbe", "lifecycle"] {
        container.as_object_mut().expect("a map").remove(probe);
    }
    let is_root = ["userns", "rootful"].contains(&profile);
    let daemon: &[&str] = if is_root { &["buildkitd"] } else { &["rootlesskit", "buildkitd"] };
    let script = ["/bin/sh", "/container.sh", "build-long,beside", "--profile", profile, "--"];
    container["command"] = script.iter().chain(daemon).map(|word| json!(word)).collect();
    let socket = if is_root { "/run/buildkit/buildkitd.sock" } else { "/run/user/1000/buildkit/buildkitd.sock" };
    push(&mut container["env"], json!({"name": "BUILDKIT_HOST", "value": format!("unix://{socket}")}));
    push(&mut container["volumeMounts"], json!({"name": "results", "mountPath": "/dev/shm"}));
    push(&mut spec["volumes"], json!({"name": "results", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": profile, "namespace": NAMESPACE}, "spec": spec})
}

fn push(list: &mut Value, item: Value) {
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut().expect("a list").push(item);
}
