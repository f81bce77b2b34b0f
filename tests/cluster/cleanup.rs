//! What `cleanup` takes away, and what it leaves.

use crate::agent::{self, NAMESPACE, PREFIX, program};
use crate::cluster::Cluster;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Mutex;

static BEFORE: Mutex<Vec<Value>> = Mutex::new(Vec::new());

/// What others than the kubelet and the controllers have to do with: labels, annotations, the types of conditions, and who owns fields.
fn nodes(cluster: &Cluster) -> Vec<Value> {
    let list = cluster.get(&["nodes", "--show-managed-fields"]);
    let part = |node: &Value| {
        let conditions: Vec<_> =
            node["status"]["conditions"].as_array().into_iter().flatten().map(|condition| &condition["type"]).collect();
        let managers =
            node["metadata"]["managedFields"].as_array().into_iter().flatten().map(|entry| entry["manager"].as_str().unwrap_or_default());
        let mut managers: Vec<_> = managers.filter(|manager| manager.starts_with("buildkit-preflight")).collect();
        managers.sort_unstable();
        let metadata = &node["metadata"];
        json!([metadata["name"], metadata["uid"], metadata["labels"], metadata["annotations"], node["spec"], conditions, managers])
    };
    list["items"].as_array().expect("a list").iter().map(part).collect()
}

pub(crate) fn remember(cluster: &Cluster) {
    *BEFORE.lock().expect("no panic") = nodes(cluster);
}

fn cleanup(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program()).arg("cleanup").args(arguments).env("KUBECONFIG", cluster.kubeconfig()).output().expect("cleanup");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

pub(crate) fn leaves_the_nodes_as_they_were(cluster: &Cluster) {
    agent::deployed(cluster);
    let before = std::mem::take(&mut *BEFORE.lock().expect("no panic"));
    assert!(!before.is_empty(), "nobody remembered: run all steps");
    let dir = agent::repository().join("manifests/agent").display().to_string();
    cluster.delete(&["-k", &dir]);
    assert!(cluster.kubectl(&["get", "namespace", NAMESPACE]).is_err());
    // Others' own: a key of our prefix that is not ours, and another's label.
    let foreign = [format!("{PREFIX}/note=mine"), "example.com/zone=a".to_owned()];
    cluster.kubectl(&["label", "node/node1", &foreign[0], &foreign[1]]).expect("kubectl label");

    let published = nodes(cluster);
    let (code, text) = cleanup(cluster, &["--dry-run"]);
    assert_eq!((code, nodes(cluster)), (Some(0), published), "{text}");
    assert!(text.contains("node1: would remove") && text.contains("condition RootlessBuildKit"), "{text}");
    let (code, text) = cleanup(cluster, &["node1"]);
    assert!(
        code == Some(0) && text.contains("node1: removed") && text.contains("note: an agent that still runs") && !text.contains("node2"),
        "{text}"
    );
    assert_eq!(agent::label(&agent::node(cluster, "node1"), "note").as_deref(), Some("mine"));
    assert_eq!(agent::label(&agent::node(cluster, "node2"), "no-process-sandbox").as_deref(), Some("not-ready"));
    let (code, text) = cleanup(cluster, &[]);
    assert!(code == Some(0) && text.contains("node2: removed"), "{text}");
    let (code, text) = cleanup(cluster, &[]);
    assert_eq!((code, text.as_str()), (Some(0), "node1: no labels or conditions to remove\nnode2: no labels or conditions to remove\n"));
    let (code, text) = cleanup(cluster, &["node9"]);
    assert!(code == Some(4) && text.contains("node9") && text.contains("404"), "{text}");

    cluster.kubectl(&["label", "node/node1", &format!("{PREFIX}/note-"), "example.com/zone-"]).expect("kubectl label");
    assert_eq!(nodes(cluster), before);
}
