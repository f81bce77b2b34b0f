//! The command `build`, and what is in the cluster before and after it.

use crate::agent;
use crate::cluster::Cluster;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Output {
    /// It must have gone well.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.err, self.out);
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

/// `build` as the administrator, with these arguments behind it; it is killed after three minutes.
pub(crate) fn command(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "180"]).arg(agent::program()).arg("build").args(arguments);
    command.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", &cluster.dir).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn build(cluster: &Cluster, arguments: &[&str]) -> Output {
    let output = command(cluster, arguments).output().expect("the program");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Writes a file that a build is read from, and gives its path.
pub(crate) fn file(cluster: &Cluster, name: &str, text: &str) -> PathBuf {
    let dir = cluster.dir.join("files");
    fs::create_dir_all(&dir).expect("mkdir");
    fs::write(dir.join(name), text).expect("write");
    dir.join(name)
}

/// The names of all objects of a namespace that a build could leave behind.
pub(crate) fn objects(cluster: &Cluster, namespace: &str) -> BTreeSet<String> {
    let kinds = "jobs,pods,secrets,configmaps,persistentvolumeclaims,serviceaccounts,services,roles,rolebindings,networkpolicies";
    let names = cluster.kubectl(&["get", kinds, "-n", namespace, "-o", "name"]).unwrap_or_else(|error| panic!("{error}"));
    names.lines().map(str::to_owned).collect()
}
