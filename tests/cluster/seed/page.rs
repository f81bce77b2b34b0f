//! The page's own example, from its first to its last line.

use super::fixtures::{NAMESPACE, fixtures};
use super::git::Git;
use super::registry::digest;
use super::run::{build, file, objects};
use crate::agent::{self, repository};
use crate::cluster::{Cluster, REGISTRY};
use crate::processes::wait;
use std::sync::Once;

/// The page's example of a Build. What is not ours in it, the URL and the image, is replaced.
const USAGE: &str = include_str!("usage.yaml");

/// The example with another repository and image.
pub(crate) fn usage(url: &str, image: &str) -> String {
    let text = USAGE.replace("https://github.com/my-user/my-repo", url).replace("gcr.io/my-project/my-app", image);
    assert!(text.contains(url) && text.contains(image));
    text
}

/// The kinds of Knative Build, as the API server needs them.
fn kinds(cluster: &Cluster) {
    static APPLIED: Once = Once::new();
    APPLIED.call_once(|| {
        cluster.apply(include_str!("crds.yaml"));
        for name in ["buildtemplates", "clusterbuildtemplates"] {
            let path = format!("crd/{name}.build.knative.dev");
            cluster.kubectl(&["wait", "--for=condition=Established", &path, "--timeout=60s"]).unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

/// A file of manifests/template, applied as the page says, to a namespace.
fn apply(cluster: &Cluster, namespace: &str, file: &str) {
    let path = repository().join("manifests/template").join(file).display().to_string();
    cluster.kubectl(&["apply", "-n", namespace, "-f", &path]).unwrap_or_else(|error| panic!("{file}: {error}"));
}

/// The template `buildkit` as an object of the cluster, where the daemon of most tests is.
pub(crate) fn template(cluster: &Cluster) {
    static APPLIED: Once = Once::new();
    kinds(cluster);
    APPLIED.call_once(|| apply(cluster, NAMESPACE, "1-buildtemplate.yaml"));
}

/// Its two steps and its example, in the namespace that a kubeconfig has by itself.
pub(crate) fn builds_literally(cluster: &Cluster) {
    agent::deployed(cluster);
    fixtures(cluster);
    kinds(cluster);
    apply(cluster, "default", "0-buildkitd.yaml");
    apply(cluster, "default", "1-buildtemplate.yaml");
    let image = format!("{REGISTRY}/page:latest");
    assert_eq!(digest(cluster, &image), None);
    // The example uses the daemon as soon as it is there.
    let status = cluster.kubectl(&["rollout", "status", "deployment/buildkitd", "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}\n{}", cluster.kubectl(&["describe", "pods"]).unwrap_or_default()));
    let file = file(cluster, "usage.yaml", &usage(&Git::url("app"), &image)).display().to_string();
    let before = objects(cluster, "default");
    let built = build(cluster, &["-f", &file, "--keep"]).done();
    let pushed = digest(cluster, &image).expect("it was pushed");
    assert!(built.out.starts_with(&format!("pushed {image}@{pushed} in ")), "{}", built.out);
    assert!(built.err.contains("built of master"), "its RUN step ran: {}", built.err);
    // Where it ran, and where the daemon does.
    for label in ["build.knative.dev/buildName=buildkit-build-my-repo", "app.kubernetes.io/name=buildkitd"] {
        let pods = cluster.get(&["pods", "-l", label]);
        let nodes: Vec<_> = pods["items"].as_array().expect("a list").iter().map(|pod| &pod["spec"]["nodeName"]).collect();
        assert_eq!(nodes, ["node1"], "{label}");
    }
    cluster.delete(&["jobs", "--all"]);
    wait("nothing is left", 60, || {
        let left: Vec<_> = objects(cluster, "default").difference(&before).cloned().collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
    let path = repository().join("manifests/template/0-buildkitd.yaml").display().to_string();
    cluster.delete(&["-f", &path]);
}
