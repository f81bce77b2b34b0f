//! A registry that asks who pushes and pulls, and what registries have.

use crate::cluster::{Cluster, REGISTRY};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::process::Command;

/// The registry with a password; plain HTTP, as the other one.
pub(crate) const PRIVATE: &str = "10.88.0.1:5001";
/// Who may push there.
pub(crate) const USER: (&str, &str) = ("pusher", "registry-password-4410");

pub(crate) fn start(cluster: &Cluster) {
    let dir = cluster.dir.display();
    let entry = Command::new("htpasswd").args(["-Bbn", USER.0, USER.1]).output().expect("htpasswd, of apache2-utils");
    fs::write(cluster.dir.join("htpasswd"), entry.stdout).expect("write");
    let config = format!(
        "version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {dir}/private-registry}}}}
auth: {{htpasswd: {{realm: private, path: {dir}/htpasswd}}}}
http: {{addr: '{PRIVATE}'}}
"
    );
    let file = cluster.dir.join("private-registry.yaml");
    fs::write(&file, config).expect("write");
    cluster.processes.start("private-registry", "/usr/bin/docker-registry", ["serve".into(), file.into_os_string()]);
}

/// The user and the password as HTTP and `auths` of Docker's config want them.
pub(crate) fn basic(user: (&str, &str)) -> String {
    STANDARD.encode(format!("{}:{}", user.0, user.1))
}

/// The digest of what a registry has under a name, as in `10.88.0.1:5000/app:1`, if it has it.
pub(crate) fn digest(cluster: &Cluster, image: &str) -> Option<String> {
    let (registry, rest) = image.split_once('/').expect("a registry");
    let (name, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
    let user = (registry != REGISTRY).then(|| format!("Basic {}", basic(USER)));
    let answer = cluster.api.fetch_as(&format!("http://{registry}/v2/{name}/manifests/{tag}"), user.as_deref());
    let (status, manifest) = answer.unwrap_or_else(|error| panic!("{image}: {error}"));
    let file = cluster.dir.join("manifest");
    fs::write(&file, manifest).expect("write");
    let sum = Command::new("sha256sum").arg(&file).output().expect("sha256sum");
    (status == 200).then(|| format!("sha256:{}", &String::from_utf8_lossy(&sum.stdout)[..64]))
}
