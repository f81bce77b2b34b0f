//! Builds in other places than beside an open builder: in a restricted namespace, on a builder that asks for a certificate, and
//! without somebody who waits for them.

use super::fixtures::{NAMESPACE, daemon, fixtures};
use super::git::Git;
use super::local::directory;
use super::page::usage;
use super::registry::digest;
use super::run::{Output, build, file, objects};
use crate::admission::rendered;
use crate::agent;
use crate::cluster::{Cluster, REGISTRY};
use crate::images::BUILDER;
use crate::processes::wait;

fn pushes(cluster: &Cluster, image: &str, built: Output) {
    let built = built.done();
    assert!(digest(cluster, image).is_some_and(|digest| built.out.contains(&digest)), "{}", built.out);
}

/// What is made here fits Pod Security's strictest standard. A Build whose steps do not is told so by the cluster.
pub(crate) fn a_restricted_namespace_takes_what_is_made_here(cluster: &Cluster) {
    daemon(cluster);
    let namespace = "restricted";
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}}}"
    ));
    wait("its service account", 60, || cluster.kubectl(&["get", "serviceaccount", "-n", namespace, "default"]));
    let before = objects(cluster, namespace);
    let address = format!("tcp://buildkitd.{NAMESPACE}:1234");
    let image = format!("{REGISTRY}/restricted:git");
    let url = Git::url("app");
    let built = build(
        cluster,
        &["-n", namespace, "--git", &url, "--image", &image, "--builder", &address, "--secret", "id=token,env=TOKEN", "--sub-path", "sub"],
    );
    pushes(cluster, &image, built);
    // The page's example, with the template of this program and its address.
    let image = format!("{REGISTRY}/restricted:page");
    let text = usage(&url, &image) + &format!("    - name: BUILDKIT_DAEMON_ADDRESS\n      value: {address}\n");
    let path = file(cluster, "restricted.yaml", &text).display().to_string();
    let built = build(cluster, &["-n", namespace, "-f", &path]);
    assert!(built.err.contains("note: the cluster has no BuildTemplate buildkit"), "{}", built.err);
    pushes(cluster, &image, built);

    let steps = format!(
        "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {{name: root}}\nspec:\n  steps: [{{name: a, image: '{BUILDER}', securityContext: {{privileged: true}}}}]\n"
    );
    let path = file(cluster, "privileged.yaml", &steps).display().to_string();
    let refused = build(cluster, &["-n", namespace, "-f", &path]);
    let words = ["error: the cluster makes no pod for job/root-", "violates PodSecurity", "privileged"];
    assert!(refused.code == Some(4) && words.iter().all(|word| refused.err.contains(word)), "{:?} {}", refused.code, refused.err);
    assert_eq!(objects(cluster, namespace), before);
    cluster.delete(&["namespace", namespace, "--wait=false"]);
}

/// With the Secret that `render builder --tls` makes, as a Job and from here; and not without it.
pub(crate) fn a_certificate_of_the_cluster_opens_a_builder(cluster: &Cluster) {
    agent::deployed(cluster);
    fixtures(cluster);
    let namespace = "secure";
    cluster.apply(&rendered(cluster, &["--namespace", namespace, "--tls"]).0);
    let status = cluster.kubectl(&["rollout", "status", "-n", namespace, "deployment/buildkitd", "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}"));
    let dir = directory(cluster, "secure", "/busybox echo built").display().to_string();
    let url = Git::url("app");
    for (name, source) in [("git", &["--git", url.as_str()][..]), ("directory", &[dir.as_str()])] {
        let image = format!("{REGISTRY}/secure:{name}");
        let arguments = [&["-n", namespace, "--image", &image], source].concat();
        let built = build(cluster, &[&arguments[..], &["--tls", "buildkit-client-certs"]].concat());
        pushes(cluster, &image, built);
        let without = build(cluster, &arguments);
        assert!(without.code == Some(1) && without.out.is_empty(), "{:?} {}", without.code, without.err);
    }
    cluster.delete(&["namespace", namespace, "--wait=false"]);
}

/// A Job that nobody waits for goes on by itself, and says how it is followed.
pub(crate) fn one_that_nobody_follows_goes_on(cluster: &Cluster) {
    daemon(cluster);
    let image = format!("{REGISTRY}/alone:1");
    let created = build(cluster, &["-n", NAMESPACE, "--git", &Git::url("app"), "--image", &image, "--no-follow"]).done();
    let name = created.out.strip_prefix("created job/").and_then(|rest| rest.split(' ').next()).expect("its name").to_owned();
    let (_, follow) = created.out.split_once("to follow it: kubectl ").expect("how to follow it");
    wait("it is done", 60, || {
        let job = cluster.get(&["job", "-n", NAMESPACE, &name]);
        if job["status"]["succeeded"] == 1 { Ok(()) } else { Err(job["status"].to_string()) }
    });
    assert!(digest(cluster, &image).is_some());
    let words: Vec<_> = follow.split_whitespace().collect();
    let log = cluster.kubectl(&words).unwrap_or_else(|error| panic!("{follow}: {error}"));
    assert!(log.contains("pushing manifest for"), "{log}");
    cluster.delete(&["-n", NAMESPACE, "job", &name]);
}
