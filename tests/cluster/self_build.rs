//! The project builds its own image on the builder that it scheduled, and is rolled to it.

use crate::agent::{self, condition, log_of, repository, verdict};
use crate::cluster::{Cluster, REGISTRY};
use crate::images::{self, BUILDER, Image};
use crate::run::AGENT;
use crate::scheduling::{NAMESPACE, builder};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const NAME: &str = "buildkit-preflight";
const TAG: &str = "built-here";

/// What a user types, but that no base image can be pulled: both stages before the last one are given from outside.
const BUILD: &str = r#"buildctl --addr tcp://buildkitd:1234 build --progress plain --frontend dockerfile.v0 \
  --local context=/source --local dockerfile=/source \
  --opt context:build=local:build --local build=/build --opt context:base=oci-layout://base@$2 --oci-layout base=/base \
  --output type=image,name=$1,push=true,registry.insecure=true 2>&1"#;

pub(crate) fn builds_its_own_image(cluster: &Cluster) {
    builder(cluster);
    let build = cluster.dir.join("build");
    fs::create_dir_all(&build).expect("mkdir");
    let program = build.join("buildkit-preflight");
    fs::copy(images::node_binary(), &program).expect("the program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("chmod");
    let source = cluster.dir.join("source");
    fs::create_dir_all(&source).expect("mkdir");
    for file in ["Dockerfile", ".dockerignore"] {
        fs::copy(repository().join(file), source.join(file)).expect("copy");
    }
    let (base, digest) = base(cluster);
    let path = |dir: &std::path::Path| dir.display().to_string();
    cluster.apply(&format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: {NAMESPACE}}}
spec:
  containers:
  - name: client
    image: {BUILDER}
    command: [sleep, infinity]
    volumeMounts: [{{name: source, mountPath: /source}}, {{name: build, mountPath: /build}}, {{name: base, mountPath: /base}}]
  volumes:
  - {{name: source, hostPath: {{path: '{}'}}}}
  - {{name: build, hostPath: {{path: '{}'}}}}
  - {{name: base, hostPath: {{path: '{}'}}}}
",
        path(&source),
        path(&build),
        path(&base),
    ));
    cluster.pod_ready(NAMESPACE, "client");
    assert!(!cluster.image_in_registry(NAME, TAG));
    let output = cluster.exec(NAMESPACE, "client", &["sh", "-c", BUILD, "sh", &format!("{REGISTRY}/{NAME}:{TAG}"), &digest]);
    let output = output.unwrap_or_else(|output| panic!("{output}"));
    assert!(output.contains("setcap cap_setuid=ep"), "its RUN step ran:\n{output}");
    assert!(cluster.image_in_registry(NAME, TAG));
    cluster.delete(&["-n", NAMESPACE, "pod/client"]);
}

/// The base as an OCI layout, and the digest of its manifest.
fn base(cluster: &Cluster) -> (PathBuf, String) {
    let archive = Image { name: "base".to_owned(), root: cluster.image_base(), config: json!({}) }.pack();
    let layout = cluster.dir.join("base-layout");
    fs::create_dir_all(&layout).expect("mkdir");
    let unpacked = Command::new("tar").arg("--extract").arg("--file").arg(archive).arg("--directory").arg(&layout).status().expect("tar");
    assert!(unpacked.success());
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).expect("an index")).expect("JSON");
    (layout, index["manifests"][0]["digest"].as_str().expect("a digest").to_owned())
}

pub(crate) fn is_rolled_to_it(cluster: &Cluster) {
    agent::deployed(cluster);
    let image = format!("{REGISTRY}/{NAME}:{TAG}");
    let before = condition(&verdict(cluster, "node1", "ready"))["lastTransitionTime"].clone();
    agent::deploy(cluster, &image);
    let pod = cluster.get(&["pod", "-n", agent::NAMESPACE, &agent::pod_on(cluster, "node1")]);
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(status["image"], image.as_str());
    assert!(status["imageID"].as_str().is_some_and(|id| id.starts_with(&format!("{REGISTRY}/{NAME}@sha256:"))), "pulled: {status}");
    let judged = log_of(cluster, "node1").into_iter().find(|line| line["message"] == "judged");
    assert_eq!(judged.expect("it judged")["reason"], "Proven");
    let node = verdict(cluster, "node1", "ready");
    assert_eq!(condition(&node)["lastTransitionTime"], before, "ready all the while");
    verdict(cluster, "node2", "not-ready");
    agent::deploy(cluster, AGENT);
}
