//! What security.md says of rights and host paths is what the manifests have.

use crate::markdown::{repository, written};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The documents of a manifest.
fn documents(path: &str) -> Vec<Value> {
    let text = fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.split("\n---\n").map(|document| serde_saphyr::from_str(document).expect("YAML")).collect()
}

/// The row of a part in the table of rights.
fn row(part: &str) -> Vec<String> {
    let page = written().find(|page| page.path == Path::new("docs/security.md")).expect("a page");
    let (_, section) = page.text.split_once("\n## Parts and rights\n").expect("a section");
    let row = section.lines().find(|line| line.starts_with(&format!("| {part} "))).unwrap_or_else(|| panic!("no row for {part}"));
    row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The host paths of all pods in a manifest.
fn host_paths(path: &str) -> Vec<String> {
    let pods = documents(path).into_iter().filter(|document| document["kind"] == "DaemonSet");
    let volumes = pods.flat_map(|pod| pod["spec"]["template"]["spec"]["volumes"].as_array().cloned().unwrap_or_default());
    volumes.filter_map(|volume| volume["hostPath"]["path"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_agents_rights_are_those_of_its_roles() {
    let said = &row("agent")[2];
    let roles = documents("manifests/agent/rbac.yaml");
    let rules: Vec<_> = roles.iter().flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default()).collect();
    let rights: Vec<_> = rules
        .iter()
        .map(|rule| {
            let resources: Vec<_> = words(&rule["resources"]).iter().map(|resource| format!("`{resource}`")).collect();
            format!("{} {}", words(&rule["verbs"]).join(" and "), resources.join(" and "))
        })
        .collect();
    assert!(rights.len() == 3 && said.split("; ").count() == 3, "{rights:?}");
    assert!(rights.iter().zip(said.split("; ")).all(|(right, said)| said.starts_with(right)), "{rights:?}: {said}");
}

#[test]
fn host_paths_are_those_that_are_named() {
    assert_eq!(host_paths("manifests/agent/daemonset.yaml"), ["/etc/os-release"]);
    assert!(row("agent")[1].contains("one host file to read: `/etc/os-release`"));
    assert!(host_paths("manifests/agent/canary-procmount.yaml").is_empty() && row("canary of `procmount`")[1].contains("no host path"));
    // An overlay patches the agent's pod, which has the file of the system's name already.
    let of_overlay = |name: &str| host_paths(&format!("manifests/overlays/{name}/tune.yaml"));
    assert_eq!(of_overlay("tune-kernel"), ["/proc/sys/kernel"]);
    assert_eq!(of_overlay("tune-persist"), ["/proc/sys/kernel", "/proc/sys/user", "/etc/sysctl.d"]);
    assert!(row("`tune` (opt-in)")[1].contains("[one to four host paths]"));
}
