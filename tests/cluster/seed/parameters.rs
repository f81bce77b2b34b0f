//! The template's parameters, each away from its default, and the options of `build --git` that take their place.

use super::cases;
use super::fixtures::{NAMESPACE, daemon, forget};
use super::git::Git;
use super::page::{template, usage};
use super::registry::digest;
use super::run::{Output, build, build_text, leaving_nothing};
use crate::cluster::{Cluster, REGISTRY};
use crate::fleet::is_ci;
use crate::images::BUILDER;

/// A client's image under another name.
const OTHER_CLIENT: &str = "localhost/client:1";

/// Values of parameters, and what the build then prints.
const ALONE: &[(&str, &str, &str)] = &[
    ("DOCKERFILE", "docker/Other.Dockerfile", "other, built of master"),
    ("DIRECTORY", "/workspace/sub", "built of sub"),
    ("DOCKERFILE", "./Dockerfile", "built of master"),
    ("BUILDKIT_CLIENT_IMAGE", OTHER_CLIENT, "built of master"),
    ("BUILDKIT_DAEMON_ADDRESS", "tcp://buildkitd.builds.svc.cluster.local:1234", "built of master"),
];

/// The page's example with more arguments.
fn with(image: &str, arguments: &[(&str, &str)]) -> String {
    let more = arguments.iter().map(|(name, value)| format!("    - name: {name}\n      value: \"{value}\"\n"));
    usage(&Git::url("app"), image) + &more.collect::<String>()
}

fn pushes(cluster: &Cluster, image: &str, says: &str, built: Output) {
    let built = built.done();
    let pushed = digest(cluster, image).unwrap_or_else(|| panic!("{image} was not pushed: {}", built.err));
    assert!(built.out.starts_with(&format!("pushed {image}@{pushed} in ")), "{}", built.out);
    assert!(built.err.contains(says), "{says}: {}", built.err);
}

pub(crate) fn each_away_from_its_default(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let tagged = cluster.node("node1").ctr().args(["images", "tag", "--force", BUILDER, OTHER_CLIENT]).output().expect("ctr");
    assert!(tagged.status.success(), "{tagged:?}");
    for (number, (name, value, says)) in cases(ALONE, 2).enumerate() {
        let image = format!("{REGISTRY}/parameters:{number}");
        let built = leaving_nothing(cluster, || build_text(cluster, &with(&image, &[(name, value)]), &[]));
        pushes(cluster, &image, says, built);
    }
    let image = format!("{REGISTRY}/parameters:not-pushed");
    let built = build_text(cluster, &with(&image, &[("PUSH", "false")]), &[]).done();
    assert!(built.out.starts_with("built sha256:") && built.out.ends_with(" s, not pushed\n"), "{}", built.out);
    assert_eq!(digest(cluster, &image), None);

    let image = format!("{REGISTRY}/parameters:all");
    let all: Vec<_> = ALONE[1..]
        .iter()
        .filter(|row| row.0 != "DOCKERFILE")
        .map(|(name, value, _)| (*name, *value))
        .chain([("DOCKERFILE", "Dockerfile"), ("PUSH", "true")])
        .collect();
    pushes(cluster, &image, "built of sub", build_text(cluster, &with(&image, &all), &[]));
}

/// Without any YAML.
pub(crate) fn options_do_the_same(cluster: &Cluster) {
    daemon(cluster);
    let url = Git::url("app");
    let git = |image: &str, more: &[&str]| {
        forget(cluster);
        build(cluster, &[&["-n", NAMESPACE, "--git", &url, "--image", image], more].concat())
    };
    let options = [
        (
            &["--sub-path", "options", "--target", "greeting", "--build-arg", "WHO=world", "--secret", "id=token,env=TOKEN"][..],
            "hello world, the-token",
        ),
        (&["--revision", "feature"], "built of feature"),
        (&[], "built of master"),
        (&["--sub-path", "sub"], "built of sub"),
        (&["--dockerfile", "docker/Other.Dockerfile"], "other, built of master"),
        (&["--sub-path", "options", "--platform", "linux/amd64"], "the last stage"),
    ];
    for (number, (more, says)) in cases(options, 2).enumerate() {
        let image = format!("{REGISTRY}/options:{number}");
        pushes(cluster, &image, says, leaving_nothing(cluster, || git(&image, more)));
    }
    let image = format!("{REGISTRY}/options:not-pushed");
    let built = git(&image, &["--no-push", "--format", "json"]).done();
    assert_eq!((&built.json()["outcome"], &built.json()["image"]), (&"done".into(), &serde_json::Value::Null), "{}", built.out);
    assert!(built.json()["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{}", built.out);
    assert_eq!(digest(cluster, &image), None);

    if is_ci() {
        return;
    }
    // What another builder has put into the cache is not built again.
    let cache = format!("type=registry,ref={REGISTRY}/cache:1");
    let to = git(&format!("{REGISTRY}/options:cache"), &["--cache-to", &cache]).done();
    assert!(to.err.contains("exporting cache"), "{}", to.err);
    let from = git(&format!("{REGISTRY}/options:cache"), &["--cache-from", &cache]).done();
    assert!(from.err.contains("importing cache manifest"), "{}", from.err);
}
