//! returned.json: what an API server makes of a builder's pod on a dry run, judged by `check --cluster`.

use crate::answer::texts;
use crate::expect::{have, lack};
use crate::facts::merge;
use crate::row::Row;
use crate::server::{Answer, Kind, Server};
use crate::support::image::binary;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Who does that, what was said once, and what is so: for people.
    #[serde(default, rename = "about")]
    _about: String,
    #[serde(default, rename = "now")]
    _now: String,
    #[serde(default, rename = "truth")]
    _truth: String,
    /// What comes back other than it was sent.
    spec: Value,
    /// Without, the pod is to be accepted.
    #[serde(default)]
    expect: Expect,
    /// The profile of the pod.
    profile: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// `accepted`, `changed`, `refused`.
    pod: Option<String>,
    /// In a message.
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    says_not: Vec<String>,
}

pub(crate) fn read(text: &str) -> Result<Case, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

pub(crate) fn look(case: &Case) -> Row {
    let change = json!({"spec": case.spec});
    let server = Server::start(move |seen, node| match seen.kind {
        Kind::DryRun => {
            let mut pod = seen.body.clone();
            merge(&mut pod, &change);
            Answer::With(201, pod.to_string())
        }
        _ if seen.path.starts_with("/version") => {
            Answer::With(200, json!({"major": "1", "minor": "34", "gitVersion": "v1.34.1"}).to_string())
        }
        _ => Answer::With(200, json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": [node]}).to_string()),
    });
    let dir = tempfile::tempdir().expect("temp dir");
    let mut command = Command::new(binary());
    command.args(["check", "--cluster", "--format", "json", "--profile", case.profile.as_deref().unwrap_or("no-process-sandbox")]);
    let output = command.arg("--kubeconfig").arg(kubeconfig(dir.path(), server.address)).output().expect("check --cluster");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let profile = &report["profiles"][0];
    let Some(pod) = profile["pod"].as_str() else {
        return Row::new("no answer".into(), vec!["check printed no report".into()], String::from_utf8_lossy(&output.stderr).into_owned());
    };
    let said = texts(std::iter::once(profile));
    let mut wrongs = Vec::new();
    let wanted = case.expect.pod.as_deref().unwrap_or("accepted");
    if pod != wanted {
        wrongs.push(format!("{pod} instead of {wanted}"));
    }
    wrongs.extend(lack(&case.expect.says, &said, "message").into_iter().chain(have(&case.expect.says_not, &said, "message")));
    Row::new(format!("pod {pod}"), wrongs, said)
}

/// A kubeconfig for a server of ours, in `dir`.
pub(crate) fn kubeconfig(dir: &Path, address: SocketAddr) -> std::path::PathBuf {
    let path = dir.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n\
         contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
    );
    fs::write(&path, text).expect("write");
    path
}
