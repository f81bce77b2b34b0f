//! node.json: a Node as an API server tells it to an agent, on a node without user namespaces: what the agent publishes of it.

use crate::cluster::kubeconfig;
use crate::expect::{have, lack};
use crate::facts::merge;
use crate::prose;
use crate::row::Row;
use crate::runtime::idmap::user_namespace;
use crate::server::{Answer, Kind, Server};
use crate::support::image::binary;
use nix::sched::{CloneFlags, setns};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    status: Value,
    /// What was said once, and what is so: for people.
    #[serde(default, rename = "now")]
    _now: String,
    #[serde(default, rename = "truth")]
    truth: String,
    expect: Option<Expect>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// `ID` of os-release(5).
    os: String,
    version: Option<String>,
    /// In the condition's message.
    #[serde(default)]
    fix_has: Vec<String>,
    #[serde(default)]
    fix_lacks: Vec<String>,
}

pub(crate) fn read(text: &str) -> Result<Case, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// All IDs as they are, so that it looks like a machine's own user namespace, in which no others can be made.
const ALL_IDS: &str = "0 0 4294967295";
/// In a PID namespace, as in a pod: whose files of /etc are not the node's.
const NO_NAMESPACES: &str =
    r#"echo 0 > /proc/sys/user/max_user_namespaces && exec unshare --pid --fork --kill-child --mount-proc "$0" "$@""#;
/// How long an agent may take to publish.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn look(case: &Case) -> Row {
    let change = json!({"status": case.status});
    let server = Server::start(move |_, node| {
        merge(node, &change);
        Answer::Properly
    });
    let dir = tempfile::tempdir().expect("temp dir");
    let state = dir.path().join("state");
    fs::create_dir(&state).expect("mkdir");
    for path in [dir.path(), &state] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("chmod");
    }
    let namespace = user_namespace(ALL_IDS).expect("a user namespace");
    let log = dir.path().join("log");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", NO_NAMESPACES]).arg(binary());
    command.args(["agent", "--node", "node1", "--evidence", "probed", "--listen", "127.0.0.1:0", "--kubeconfig"]);
    command.arg(kubeconfig(dir.path(), server.address)).arg("--state-dir").arg(&state);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
    // SAFETY: one system call, on a descriptor that lives in the closure.
    unsafe {
        command.pre_exec(move || setns(&namespace, CloneFlags::CLONE_NEWUSER).map_err(Into::into));
    }
    let mut agent = command.spawn().expect("an agent");
    let end = Instant::now() + PATIENCE;
    let applied = loop {
        match server.seen(Kind::Apply).pop() {
            None if Instant::now() < end && matches!(agent.try_wait(), Ok(None)) => std::thread::sleep(Duration::from_millis(20)),
            applied => break applied,
        }
    };
    let _ = agent.kill();
    let _ = agent.wait();
    let said = fs::read_to_string(&log).unwrap_or_default();
    let Some(applied) = applied.map(|seen| seen.body) else { return Row::new("nothing published".into(), vec!["no labels".into()], said) };
    let label = |name: &str| applied["metadata"]["labels"][format!("buildkit-preflight.dev/{name}")].as_str().unwrap_or("none").to_owned();
    let message = applied["status"]["conditions"][0]["message"].as_str().unwrap_or_default();
    let (os, version) = (label("distro"), label("distro-version"));
    let mut row = Row::new(format!("distro {os} {version}, cause {}", label("cause")), Vec::new(), format!("{message}\n{said}"));
    match &case.expect {
        None => return prose::judge(row, &case.truth, "not-ready", &format!("{os} {version} {message}")),
        Some(expect) => {
            if os != expect.os || expect.version.as_ref().is_some_and(|wanted| *wanted != version) {
                row.wrongs.push(format!("{os} {version} instead of {} {}", expect.os, expect.version.as_deref().unwrap_or_default()));
            }
            row.wrongs.extend(lack(&expect.fix_has, message, "message").into_iter().chain(have(&expect.fix_lacks, message, "message")));
        }
    }
    row
}
