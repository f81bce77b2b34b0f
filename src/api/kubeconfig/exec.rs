//! A command that gives credentials: client-go's exec plugins (client.authentication.k8s.io).

use super::tls::Identity;
use crate::api::token::bearer;
use crate::text::plain;
use http::HeaderValue;
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::json;
use std::io::IsTerminal;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// How long a plugin may take that talks to nobody: those of clouds take seconds, more where a network is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one may take that asks a person: to log in with a browser takes minutes.
const PATIENCE_WITH_A_PERSON: Duration = Duration::from_secs(300);
/// How long what it printed is waited for once it has ended: it lies in the pipe by then, but a child that it has left behind
/// keeps the pipe open.
const GRACE: Duration = Duration::from_secs(1);
/// How much it may print: a token, or a certificate and its key, have some KiB.
const MOST: usize = 1024 * 1024;
/// How many characters of its complaints are passed on.
const COMPLAINT: usize = 300;
/// What this speaks. Others were taken out of Kubernetes.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// What a plugin gives. When it ends to be valid is not looked at: the API server then answers 401, and an agent connects anew.
pub(super) struct Credentials {
    pub(super) token: Option<HeaderValue>,
    pub(super) identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs it, in a process group of its own that has ended when this returns. Where standard input is a terminal, and the kubeconfig
/// allows it, the plugin may ask the person there; then it stays in our group, since a terminal stops all others that read from it.
///
/// # Errors
/// What was tried, and what came of it.
pub(super) async fn run(exec: &ExecConfig, cluster: &ExecAuthCluster) -> Result<Credentials, String> {
    let name = exec.command.as_deref().filter(|command| !command.is_empty()).ok_or("the command is missing")?;
    let version = exec.api_version.as_deref().unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return Err(format!("apiVersion is {version:?}, and must be {}", VERSIONS.join(" or ")));
    }
    let interactive = is_interactive(exec.interactive_mode.as_ref(), std::io::stdin().is_terminal())?;
    let mut command = Command::new(name);
    command.args(exec.args.iter().flatten()).stdout(Stdio::piped()).kill_on_drop(true);
    for entry in exec.env.iter().flatten() {
        match (entry.get("name").filter(|name| !name.is_empty()), entry.get("value")) {
            (Some(name), Some(value)) => command.env(name, value),
            _ => return Err("an entry of env needs a name and a value".to_owned()),
        };
    }
    let mut spec = json!({"interactive": interactive});
    if exec.provide_cluster_info {
        spec["cluster"] = serde_json::to_value(cluster).map_err(|error| error.to_string())?;
    }
    let info = json!({"apiVersion": version, "kind": "ExecCredential", "spec": spec});
    command.env("KUBERNETES_EXEC_INFO", info.to_string());
    if interactive {
        command.stdin(Stdio::inherit()).stderr(Stdio::inherit());
    } else {
        command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    }
    // SAFETY: one system call between fork and exec, and nothing else.
    unsafe {
        // A signal may end this process without a word to anybody.
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?));
    }
    let child = command.spawn().map_err(|error| {
        let hint = exec.install_hint.as_deref().map(|hint| format!(" ({})", plain(hint, COMPLAINT))).unwrap_or_default();
        format!("could not start {name}: {error}{hint}")
    })?;
    let patience = if interactive { PATIENCE_WITH_A_PERSON } else { PATIENCE };
    let (status, out, complaint) = wait(child, !interactive, patience).await.map_err(|why| format!("{name} {why}"))?;
    if !status.success() {
        return Err(format!("{name} failed: {status}: {}", plain(String::from_utf8_lossy(&complaint).trim(), COMPLAINT)));
    }
    credentials(&out, version).map_err(|why| format!("what {name} printed {why}"))
}

/// Whether the plugin may ask a person.
fn is_interactive(mode: Option<&ExecInteractiveMode>, is_terminal: bool) -> Result<bool, String> {
    match mode {
        Some(ExecInteractiveMode::Never) => Ok(false),
        Some(ExecInteractiveMode::Always) if !is_terminal => {
            Err("the plugin must ask a person (interactiveMode: Always), and standard input is no terminal".to_owned())
        }
        _ => Ok(is_terminal),
    }
}

/// All that a plugin has started, itself too, ends with this: also where nobody waits for it any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// Waits for its end. Gives what it printed: standard output, and the beginning of standard error.
async fn wait(mut child: Child, has_group: bool, patience: Duration) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), String> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let _group = Group(group.filter(|_| has_group));
    let (mut out, mut complaint) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = tokio::time::timeout(patience, async {
        let reading = async { tokio::join!(read(stdout, &mut out), read(stderr, &mut complaint)) };
        tokio::pin!(reading);
        tokio::select! {
            status = child.wait() => {
                let _ = tokio::time::timeout(GRACE, &mut reading).await;
                status
            }
            _ = &mut reading => child.wait().await,
        }
    })
    .await;
    let status = ended.map_err(|_| format!("did not end in {} s", patience.as_secs()))?;
    if out.len() > MOST {
        return Err(format!("printed more than {} KiB", MOST / 1024));
    }
    Ok((status.map_err(|error| format!("could not be waited for: {error}"))?, out, complaint))
}

/// Reads to the end, or until it is too much: then the pipe is closed.
async fn read(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    if let Some(pipe) = pipe {
        let _ = pipe.take(MOST as u64 + 1).read_to_end(into).await;
    }
}

/// What is in an answer. It must be of the version that was asked for.
fn credentials(out: &[u8], version: &str) -> Result<Credentials, String> {
    let answer: ExecCredential = serde_json::from_slice(out).map_err(|error| format!("is no ExecCredential in JSON: {error}"))?;
    if answer.kind != "ExecCredential" {
        return Err(format!("is of kind {:?}, and must be an ExecCredential", answer.kind));
    }
    if answer.api_version != version {
        return Err(format!("has apiVersion {:?}, and the kubeconfig says {version:?}", answer.api_version));
    }
    let status = answer.status.ok_or("has no status")?;
    let of = |text: Option<String>| text.filter(|text| !text.is_empty());
    let token = of(status.token).map(|token| bearer(&token)).transpose().map_err(|why| format!("has a status.token that {why}"))?;
    let identity = match (of(status.client_certificate_data), of(status.client_key_data)) {
        (None, None) => None,
        (Some(certificates), Some(key)) => {
            Some(Identity { certificates: certificates.into_bytes(), key: key.into_bytes(), field: "exec: status.clientCertificateData" })
        }
        _ => return Err("has one of status.clientCertificateData and status.clientKeyData, and must have both".to_owned()),
    };
    if token.is_none() && identity.is_none() {
        return Err("has neither a token nor a certificate in its status".to_owned());
    }
    Ok(Credentials { token, identity })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command.kill_on_drop(true).spawn().expect("a shell")
    }

    /// Whether a process is there that has not ended.
    fn runs(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    async fn ends(pid: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        while runs(pid) {
            assert!(Instant::now() < end, "{pid} still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_plugin_that_hangs_is_ended_with_all_that_it_has_started() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("pid");
        let child = shell(&format!("sleep 1000 & echo $! > {}; wait", file.display()));
        // Only once it has started another.
        while std::fs::read_to_string(&file).map_or(0, |text| text.len()) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let why = wait(child, true, Duration::from_millis(10)).await.expect_err("it hangs");
        assert!(why.contains("did not end in"), "{why}");
        ends(std::fs::read_to_string(&file).expect("a pid").trim()).await;
    }

    #[tokio::test]
    async fn one_that_leaves_a_child_with_its_pipe_is_not_waited_for() {
        let (status, out, complaint) = wait(shell("sleep 1000 & echo $!; echo no >&2"), true, PATIENCE).await.expect("it ended");
        assert!(status.success());
        assert_eq!(complaint, b"no\n");
        ends(String::from_utf8_lossy(&out).trim()).await;
    }

    #[tokio::test]
    async fn one_that_complains_without_end_is_ended() {
        let ended = wait(shell("cat /dev/zero >&2"), true, PATIENCE).await.expect("its pipe is closed");
        assert!(!ended.0.success() && ended.2.len() <= MOST + 1);
        assert!(wait(shell("cat /dev/zero"), true, PATIENCE).await.is_err_and(|why| why.contains("printed more than")));
    }

    #[test]
    fn it_asks_a_person_where_there_is_one() {
        for (mode, terminal, asks) in [
            (None, true, Some(true)),
            (None, false, Some(false)),
            (Some(ExecInteractiveMode::IfAvailable), true, Some(true)),
            (Some(ExecInteractiveMode::Never), true, Some(false)),
            (Some(ExecInteractiveMode::Always), true, Some(true)),
            (Some(ExecInteractiveMode::Always), false, None),
        ] {
            assert_eq!(is_interactive(mode.as_ref(), terminal).ok(), asks, "{mode:?} {terminal}");
        }
    }
}
