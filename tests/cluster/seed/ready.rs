//! Builds where no node is ready: refused before anything is created, or waiting for one.

use super::fixtures::{NAMESPACE, daemon};
use super::git::Git;
use super::page::{template, usage};
use super::registry::digest;
use super::run::{Output, Started, build, build_text, command, file, leaving_nothing};
use crate::agent::verdict;
use crate::cluster::{Cluster, REGISTRY};

/// The page's example on nodes that have a label.
fn selecting(label: &str, value: &str, image: &str) -> String {
    usage(&Git::url("app"), image).replace("spec:\n", &format!("spec:\n  nodeSelector: {{'{label}': '{value}'}}\n"))
}

fn refused(built: &Output, words: &[&str]) {
    assert!(built.code == Some(1) && built.out.is_empty(), "{:?} {}", built.code, built.err);
    assert!(words.iter().all(|word| built.err.contains(word)), "{words:?}: {}", built.err);
}

pub(crate) fn without_a_ready_node_nothing_is_created(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    verdict(cluster, "node2", "not-ready");
    let image = format!("{REGISTRY}/ready:1");
    let jobs = || cluster.audit("buildkit-preflight/").iter().filter(|entry| entry["verb"] == "create").count();
    let before = jobs();
    let on_node2 = leaving_nothing(cluster, || build_text(cluster, &selecting("kubernetes.io/hostname", "node2", &image), &[]));
    refused(
        &on_node2,
        &[
            "error: no node is ready for no-process-sandbox, so nothing was created\n",
            "\n  node2  not-ready  ",
            "new user namespace",
            "hint: `kubectl describe node`",
            "--wait waits for a node",
        ],
    );
    assert!(!on_node2.err.contains("node1"), "{}", on_node2.err);
    let nowhere = leaving_nothing(cluster, || build_text(cluster, &selecting("disk", "fast", &image), &[]));
    refused(&nowhere, &["no node has the labels of the nodeSelector (disk=fast), so nothing was created", "hint: `kubectl get nodes"]);
    let url = Git::url("app");
    let other = build(cluster, &["-n", NAMESPACE, "--git", &url, "--image", &image, "--profile", "userns"]);
    refused(&other, &["no node is ready for userns", "\n  node1  not proven", "\n  node2  not proven"]);
    let impatient = build(cluster, &["-n", NAMESPACE, "--git", &url, "--image", &image, "--profile", "userns", "--wait=2s"]);
    refused(&impatient, &["no node is ready for userns: waiting for a node\n", "so nothing was created"]);
    assert_eq!(jobs(), before, "nothing was created, nor tried");
    // A dry run asks for no node.
    let dry = build_text(cluster, &selecting("disk", "fast", &image), &["--dry-run"]).done();
    assert!(dry.out.contains("kind: Job") && dry.out.contains("disk: fast"), "{}", dry.out);
    assert_eq!(jobs(), before);
}

pub(crate) fn one_that_is_waited_for_is_used(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let image = format!("{REGISTRY}/ready:waited");
    let path = file(cluster, "waits.yaml", &selecting("disk", "fast", &image)).display().to_string();
    let started = Started::new(command(cluster, &["-n", NAMESPACE, "-f", &path, "--wait"]));
    started.says("no node has the labels of the nodeSelector (disk=fast): waiting for a node\n");
    cluster.kubectl(&["label", "node", "node1", "disk=fast"]).expect("kubectl label");
    let built = started.ended().done();
    assert!(digest(cluster, &image).is_some_and(|digest| built.out.contains(&digest)), "{}", built.out);
    cluster.kubectl(&["label", "node", "node1", "disk-"]).expect("kubectl label");
}
