//! The page's own example, from its first to its last line.

use super::fixtures::{NAMESPACE, daemon};
use super::git::Git;
use super::registry::digest;
use super::run::{build_text, objects};
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

/// The kinds of Knative Build, and the template `buildkit` as objects of the cluster.
pub(crate) fn template(cluster: &Cluster) {
    static APPLIED: Once = Once::new();
    APPLIED.call_once(|| {
        cluster.apply(include_str!("crds.yaml"));
        let template = include_str!("../../../manifests/template/1-buildtemplate.yaml");
        let template = template.replace("  name: buildkit\n", &format!("  name: buildkit\n  namespace: {NAMESPACE}\n"));
        wait("the kinds are known", 30, || cluster.try_apply(&template));
    });
}

pub(crate) fn builds_literally(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let image = format!("{REGISTRY}/page:latest");
    assert_eq!(digest(cluster, &image), None);
    let before = objects(cluster, NAMESPACE);
    let built = build_text(cluster, &usage(&Git::url("app"), &image), &["--keep"]).done();
    let pushed = digest(cluster, &image).expect("it was pushed");
    assert!(built.out.starts_with(&format!("pushed {image}@{pushed} in ")), "{}", built.out);
    assert!(built.err.contains("built of master"), "its RUN step ran: {}", built.err);
    // Where it ran.
    let pods = cluster.get(&["pods", "-n", NAMESPACE, "-l", "build.knative.dev/buildName=buildkit-build-my-repo"]);
    assert_eq!((pods["items"].as_array().map(Vec::len), &pods["items"][0]["spec"]["nodeName"]), (Some(1), &"node1".into()), "{pods:#}");
    cluster.delete(&["-n", NAMESPACE, "jobs", "--all"]);
    wait("nothing is left", 60, || {
        let left: Vec<_> = objects(cluster, NAMESPACE).difference(&before).cloned().collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}
