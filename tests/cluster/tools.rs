//! Builders of other tools, with the settings that `render values` prints.

use crate::admission::{namespace, run};
use crate::agent::{self, verdict};
use crate::cluster::Cluster;
use crate::images::BUILDER;
use crate::processes::wait;
use serde_json::{Value, json};

/// The settings of a tool, each of its parts.
pub(crate) fn settings(cluster: &Cluster, arguments: &[&str]) -> Vec<Value> {
    let (code, settings, err) = run(cluster, &[&["render", "values"], arguments].concat());
    assert_eq!(code, Some(0), "{err}");
    serde_saphyr::from_multiple(&settings).expect("YAML")
}

const NAMESPACE: &str = "runners";

/// What a job does: an image with a build step.
pub(crate) const JOB: &str = r#"d=$(mktemp -d)
cp /bin/busybox "$d"
printf 'FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "touch", "/built"]\n' > "$d/Dockerfile"
buildctl build --progress plain --frontend dockerfile.v0 --local context="$d" --local dockerfile="$d" \
  --output type=oci,dest="$d/image.tar" 2>&1
"#;

/// The pod that the chart gha-runner-scale-set makes of the settings: the runner's container beside them.
pub(crate) fn a_runner_goes_where_the_label_is_and_builds(cluster: &Cluster) {
    agent::deployed(cluster);
    verdict(cluster, "node2", "not-ready");
    namespace(cluster, NAMESPACE, "privileged");
    let mut spec = settings(cluster, &["--for", "arc"])[0]["template"]["spec"].take();
    spec["restartPolicy"] = "Never".into();
    let address = json!([{"name": "BUILDKIT_HOST", "value": "tcp://127.0.0.1:1234"}]);
    spec["containers"] = json!([{"name": "runner", "image": BUILDER, "command": ["sh", "-ec", JOB], "env": address}]);
    let metadata = json!({"name": "runner", "namespace": NAMESPACE});
    cluster.apply(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).to_string());
    let pod = wait("the job has ended", 120, || {
        let pod = cluster.get(&["pod", "runner", "-n", NAMESPACE]);
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        if ["Succeeded", "Failed"].contains(&phase) { Ok(pod.clone()) } else { Err(pod["status"].to_string()) }
    });
    let log = cluster.kubectl(&["logs", "-n", NAMESPACE, "runner", "-c", "runner"]).unwrap_or_default();
    assert_eq!((&pod["status"]["phase"], &pod["spec"]["nodeName"]), (&json!("Succeeded"), &json!("node1")), "{log}");
    cluster.delete(&["namespace", NAMESPACE, "--wait=false"]);
}
