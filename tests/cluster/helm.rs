//! The charts by the real helm: installed, tested, upgraded while labels are watched, and taken off again.

use crate::agent::{NAMESPACE, PREFIX, label, node, program, repository, rolled_out, verdict};
use crate::cluster::Cluster;
use crate::image::tool;
use crate::images::BUILDER;
use crate::processes::wait;
use crate::run::{AGENT, Step};
use serde_json::Value;
use std::process::Command;

/// In this order; each but the first needs the ones before it.
pub(crate) const STEPS: &[Step] = &[
    ("helm installs the agent, and its test sees a verdict of each node", installs_the_agent),
    ("kubectl finds the plugin, which counts the same nodes", kubectl_finds_the_plugin),
    ("helm installs a builder, and its test builds an image there", installs_a_builder),
    ("an upgrade by helm rolls the agent and takes no label away", upgrades_without_a_gap),
    ("helm uninstalls both, and nothing is left", uninstalls_all),
];

const RELEASE: &str = "buildkit-preflight";
const BUILDER_RELEASE: &str = "buildkitd";
const BUILDS: &str = "buildkit";
const NODES: [(&str, &str); 2] = [("node1", "ready"), ("node2", "not-ready")];

/// `helm`: what it prints.
fn helm(cluster: &Cluster, arguments: &[&str]) -> String {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "300"]).arg(tool("helm")).args(arguments);
    let output = command.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", &cluster.dir).output().expect("helm");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "helm {arguments:?}: {text}\n{:?}", cluster.kubectl(&["get", "pods,jobs,events", "-A"]));
    text
}

fn chart(name: &str) -> String {
    repository().join("charts").join(name).display().to_string()
}

/// The value that names an image, below a key.
fn image(key: &str, name: &str) -> [String; 2] {
    let (repository, tag) = name.rsplit_once(':').expect("a tag");
    [format!("{key}.repository={repository}"), format!("{key}.tag={tag}")]
}

/// `helm install` or `helm upgrade` of the agent.
fn agent(cluster: &Cluster, verb: &str, more: &[&str]) {
    let (chart, [repository, tag]) = (chart("buildkit-preflight"), image("image", AGENT));
    let arguments = [verb, RELEASE, &chart, "--namespace", NAMESPACE, "--wait", "--set", &repository, "--set", &tag];
    helm(cluster, &[&arguments[..], more].concat());
}

fn installs_the_agent(cluster: &Cluster) {
    agent(cluster, "install", &["--create-namespace"]);
    let text = helm(cluster, &["test", RELEASE, "--namespace", NAMESPACE, "--logs"]);
    NODES.iter().for_each(|(name, ready)| {
        verdict(cluster, name, ready);
        assert!(text.contains(&format!("{name}: {ready}")), "{text}");
    });
}

/// As users do: a file in the PATH, whose name kubectl looks for.
fn kubectl_finds_the_plugin(cluster: &Cluster) {
    let place = cluster.dir.join("plugin");
    std::fs::create_dir_all(&place).expect("mkdir");
    let file = place.join("kubectl-buildkit_preflight");
    let _ = std::fs::remove_file(&file);
    std::os::unix::fs::symlink(program(), &file).expect("a link");
    let run = |arguments: &[&str]| {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "60"]).arg(tool("kubectl")).arg("buildkit-preflight").args(arguments);
        command.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", &cluster.dir);
        let output =
            command.env("PATH", format!("{}:{}", place.display(), std::env::var("PATH").expect("PATH"))).output().expect("kubectl");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, fleet, errors) = run(&["status", "--format", "json"]);
    let fleet: Value = serde_json::from_str(&fleet).unwrap_or_else(|error| panic!("{error}: {fleet}{errors}"));
    let of_default = &fleet["profiles"][0];
    assert_eq!(
        (of_default["ready"].as_u64(), of_default["notReady"].as_u64(), fleet["nodes"].as_u64()),
        (Some(1), Some(1), Some(2)),
        "{fleet}"
    );
    assert_eq!(code, Some(0), "{errors}");
    // kubectl passes the exit code on.
    let (code, _, errors) = run(&["status", "--fail-below", "2"]);
    assert_eq!(code, Some(1), "{errors}");
    let (code, _, errors) = run(&["status", "node9"]);
    assert!(code == Some(4) && errors.contains("node9"), "{code:?} {errors}");
    let (code, _, errors) = run(&["check", "--no-such-flag"]);
    assert!(code == Some(2) && errors.contains("Usage: kubectl buildkit-preflight check"), "{code:?} {errors}");
}

fn installs_a_builder(cluster: &Cluster) {
    let (chart, [repository, tag], [guard, guard_tag]) = (chart("buildkitd"), image("image", BUILDER), image("guard.image", AGENT));
    let arguments = ["install", BUILDER_RELEASE, &chart, "--namespace", BUILDS, "--create-namespace", "--wait"];
    let values = ["--set", &repository, "--set", &tag, "--set", &guard, "--set", &guard_tag];
    helm(cluster, &[&arguments[..], &values].concat());
    let text = helm(cluster, &["test", BUILDER_RELEASE, "--namespace", BUILDS, "--logs"]);
    assert!(text.contains("built a step"), "{text}");
    let pods = cluster.get(&["pods", "-n", BUILDS]);
    let placed = pods["items"].as_array().into_iter().flatten().map(|pod| &pod["spec"]["nodeName"]);
    assert!(placed.into_iter().any(|place| place == "node1"), "{pods}");
}

fn upgrades_without_a_gap(cluster: &Cluster) {
    let watches = NODES.map(|(name, ready)| (name, ready, cluster.watch_node(name)));
    let before = cluster.get(&["pods", "-n", NAMESPACE]);
    agent(cluster, "upgrade", &["--set", "podAnnotations.example\\.com/rolled=yes"]);
    rolled_out(cluster);
    let names = |pods: &Value| {
        let names = pods["items"].as_array().into_iter().flatten().map(|pod| pod["metadata"]["name"].to_string());
        names.filter(|name| name.contains("agent")).collect::<Vec<_>>()
    };
    let after = wait("the agents are other pods", 60, || {
        let pods = cluster.get(&["pods", "-n", NAMESPACE]);
        let is_old = names(&pods).iter().any(|name| names(&before).contains(name));
        if is_old { Err(names(&pods).join(" ")) } else { Ok(names(&pods)) }
    });
    assert_eq!(after.len(), NODES.len());
    for (name, ready, watch) in watches {
        verdict(cluster, name, ready);
        let events = watch.events();
        let said = |event: &Value| label(&event["object"], "no-process-sandbox");
        assert!(
            events.iter().all(|event| said(event).as_deref() == Some(ready)),
            "{name}: {:?}",
            events.iter().map(said).collect::<Vec<_>>()
        );
    }
}

fn uninstalls_all(cluster: &Cluster) {
    helm(cluster, &["uninstall", BUILDER_RELEASE, "--namespace", BUILDS, "--wait"]);
    helm(cluster, &["uninstall", RELEASE, "--namespace", NAMESPACE, "--wait"]);
    for (name, _) in NODES {
        let node = node(cluster, name);
        let labels = node["metadata"]["labels"].as_object().into_iter().flatten().filter(|(key, _)| key.starts_with(PREFIX));
        let conditions = node["status"]["conditions"].as_array().into_iter().flatten().map(|condition| condition["type"].to_string());
        let left: Vec<_> = labels.map(|(key, _)| key.clone()).chain(conditions.filter(|kind| kind.contains("BuildKit"))).collect();
        assert_eq!(left, [] as [String; 0], "{name}");
    }
    // What the cluster makes in each namespace stays, as does the namespace, which helm never deletes.
    let kinds = "daemonsets,deployments,statefulsets,jobs,pods,services,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,\
                 poddisruptionbudgets,persistentvolumeclaims";
    for namespace in [NAMESPACE, BUILDS] {
        let is_there = |object: &&Value| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            !["kube-root-ca.crt", "default"].contains(&name) && object["metadata"]["deletionTimestamp"].is_null()
        };
        let left = cluster.get(&[kinds, "-n", namespace]);
        let left: Vec<_> =
            left["items"].as_array().into_iter().flatten().filter(is_there).map(|object| object["metadata"].to_string()).collect();
        assert_eq!(left, [] as [String; 0], "{namespace}");
    }
    let kinds = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings";
    let left = cluster.get(&[kinds]);
    let names = left["items"].as_array().into_iter().flatten().filter_map(|object| object["metadata"]["name"].as_str());
    let left: Vec<_> = names.filter(|name| name.contains("preflight") || name.contains("buildkit")).collect();
    assert_eq!(left, [] as [&str; 0]);
}
