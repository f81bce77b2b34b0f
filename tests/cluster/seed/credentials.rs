//! Credentials of a service account, by Knative's annotations: for git and for registries.

use super::fixtures::{NAMESPACE, daemon};
use super::git::{self, Git};
use super::page::{template, usage};
use super::registry::{self, PRIVATE, basic, digest};
use super::run::{Output, build_text, leaving_nothing};
use crate::cluster::{Cluster, REGISTRY};
use crate::fleet::is_ci;

/// A Secret: its type, an annotation if it has one, and its data.
type Secret<'a> = (&'a str, Option<(&'a str, &'a str)>, serde_json::Value);

/// A service account whose secrets these are.
fn account(cluster: &Cluster, name: &str, secrets: &[Secret<'_>]) {
    let mut names = Vec::new();
    for (number, (kind, annotation, data)) in secrets.iter().enumerate() {
        let secret = format!("{name}-{number}");
        let annotations = annotation.map_or_else(|| serde_json::json!({}), |(key, value)| serde_json::json!({key: value}));
        let metadata = serde_json::json!({"name": secret, "namespace": NAMESPACE, "annotations": annotations});
        cluster.apply(
            &serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "stringData": data}).to_string(),
        );
        names.push(serde_json::json!({"name": secret}));
    }
    let metadata = serde_json::json!({"name": name, "namespace": NAMESPACE});
    cluster.apply(&serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "secrets": names}).to_string());
}

/// The page's example as this service account.
fn as_account(account: &str, url: &str, image: &str) -> String {
    usage(url, image).replace("spec:\n", &format!("spec:\n  serviceAccountName: {account}\n"))
}

fn pushes(cluster: &Cluster, image: &str, built: Output) {
    let built = built.done();
    assert!(digest(cluster, image).is_some_and(|digest| built.out.contains(&digest)), "{}", built.out);
    for secret in [git::USER.1, registry::USER.1] {
        assert!(!built.err.contains(secret), "{}", built.err);
    }
}

fn fails(built: &Output, code: i32, words: &[&str]) {
    assert_eq!(built.code, Some(code), "{}", built.err);
    assert!(words.iter().all(|word| built.err.contains(word)) && built.out.is_empty(), "{words:?}: {} {}", built.err, built.out);
}

pub(crate) fn of_git(cluster: &Cluster) {
    let fixtures = daemon(cluster);
    template(cluster);
    let (http, ssh) = Git::servers();
    let password = serde_json::json!({"username": git::USER.0, "password": git::USER.1});
    account(cluster, "by-password", &[("kubernetes.io/basic-auth", Some(("build.knative.dev/git-0", &http)), password)]);
    let key = serde_json::json!({"ssh-privatekey": fixtures.git.key, "known_hosts": fixtures.git.known_hosts});
    account(cluster, "by-key", &[("kubernetes.io/ssh-auth", Some(("build.knative.dev/git-0", &ssh)), key)]);
    let bare = serde_json::json!({"ssh-privatekey": fixtures.git.key});
    account(cluster, "by-bare-key", &[("kubernetes.io/ssh-auth", Some(("build.knative.dev/git-0", &ssh)), bare)]);
    let image = |name: &str| format!("{REGISTRY}/credentials:{name}");
    let run = |account: &str, url: &str, more: &[&str]| {
        leaving_nothing(cluster, || build_text(cluster, &as_account(account, url, &image(account)), more))
    };

    pushes(cluster, &image("by-password"), run("by-password", &Git::private_url("app"), &[]));
    pushes(cluster, &image("by-key"), run("by-key", &Git::ssh_url("app"), &[]));
    fails(&run("by-bare-key", &Git::ssh_url("app"), &[]), 2, &["known_hosts", "--accept-host-key"]);
    if !is_ci() {
        pushes(cluster, &image("by-bare-key"), run("by-bare-key", &Git::ssh_url("app"), &["--accept-host-key"]));
    }
    // Without any: git says what is missing, and the build fails.
    fails(&run("default", &Git::private_url("app"), &[]), 1, &["git-source", "could not read Username"]);
}

pub(crate) fn of_registries(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let auths = serde_json::json!({PRIVATE: {"auth": basic(registry::USER)}});
    let user = serde_json::json!({"username": registry::USER.0, "password": registry::USER.1});
    let config = serde_json::json!({".dockerconfigjson": serde_json::json!({"auths": auths}).to_string()});
    let old = serde_json::json!({".dockercfg": auths.to_string()});
    let url = format!("http://{PRIVATE}");
    account(cluster, "basic", &[("kubernetes.io/basic-auth", Some(("build.knative.dev/docker-0", PRIVATE)), user.clone())]);
    account(cluster, "basic-url", &[("kubernetes.io/basic-auth", Some(("build.knative.dev/docker-0", &url)), user)]);
    account(cluster, "config", &[("kubernetes.io/dockerconfigjson", None, config)]);
    account(cluster, "old-config", &[("kubernetes.io/dockercfg", None, old)]);
    for name in ["basic", "config", "old-config", "basic-url"] {
        let image = format!("{PRIVATE}/credentials:{name}");
        let built = leaving_nothing(cluster, || build_text(cluster, &as_account(name, &Git::url("app"), &image), &[]));
        pushes(cluster, &image, built);
    }
    let image = format!("{PRIVATE}/credentials:nobody");
    fails(&leaving_nothing(cluster, || build_text(cluster, &usage(&Git::url("app"), &image), &[])), 1, &["build-and-push", "401"]);
    assert_eq!(digest(cluster, &image), None);
}
