//! Kubeconfigs as people, programs and attackers write them: each is understood as kubectl understands it, or refused with one
//! error and exit code 4 that names the file and the field.

mod endless;
mod good;
mod proxies;
mod server;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A kubeconfig of one context, `x`. Lines in YAML, of the cluster `c` and the user `u`.
pub(crate) fn kubeconfig(cluster: &str, user: &str) -> String {
    let indent = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts:\n- name: x\n  context: {{cluster: c, user: u}}\n\
         clusters:\n- name: c\n  cluster:\n    disable-compression: false\n{}users:\n- name: u\n  user:\n    extensions: []\n{}",
        indent(cluster),
        indent(user)
    )
}

/// A directory with a kubeconfig in it.
pub(crate) fn written(text: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("temp dir");
    std::fs::write(dir.path().join("config"), text).expect("write");
    dir
}

/// The program, without what this environment says of clusters and proxies.
pub(crate) fn preflight(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
    for name in ["KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
        command.env_remove(name);
    }
    command.args(arguments).timeout(Duration::from_secs(120));
    command
}

pub(crate) fn cleanup(path: &Path) -> Assert {
    preflight(&["cleanup", "--kubeconfig"]).arg(path).assert()
}

/// One error, of one line.
pub(crate) fn is_refused(run: Assert, words: &str) {
    let run = run.code(4).stdout("").stderr(predicate::str::starts_with("error: ").and(contains(words)));
    let error = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(error.len() < 2_000 && error.lines().count() == 1 && !error.trim_end().contains(char::is_control), "{error:?}");
}

const SERVER: &str = "server: http://127.0.0.1:1";

#[test]
fn a_field_that_is_of_no_use_is_named() {
    let cluster = |field: &str| format!("clusters[c].cluster.{field}: ");
    let user = |field: &str| format!("users[u].user.{field}: ");
    let exec = |fields: &str| format!("exec: {{apiVersion: client.authentication.k8s.io/v1, {fields}}}");
    let tells = |status: &str| {
        exec(&format!(
            r#"command: echo, args: ['{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {status}}}']"#
        ))
    };
    // Twice the same: the key does not fit, being none.
    let pem = "client-certificate-data: bm8gUEVN\nclient-key-data: bm8gUEVN";
    for (of_cluster, of_user, words) in [
        ("", "", cluster("server")),
        ("server: ''", "", cluster("server")),
        ("server: '127.0.0.1:1/path'", "", cluster("server")),
        ("server: 'ftp://127.0.0.1'", "", cluster("server")),
        ("server: 'http://127.0.0.1:99999'", "", cluster("server")),
        (r#"server: "https://a\n""#, "", cluster("server")),
        (r#"server: "\e[31mhttps://a""#, "", cluster("server")),
        ("server: 'https://u:p@a'", "", cluster("server")),
        ("server: https://a\ntls-server-name: 'a b'", "", cluster("tls-server-name")),
        ("server: https://a\nproxy-url: 'ftp://p'", "", cluster("proxy-url")),
        ("server: https://a\nproxy-url: 'p:3128'", "", cluster("proxy-url")),
        ("server: https://a\ncertificate-authority: /nowhere", "", cluster("certificate-authority")),
        ("server: https://a\ncertificate-authority: /dev/zero", "", cluster("certificate-authority")),
        ("server: https://a\ncertificate-authority-data: '*'", "", cluster("certificate-authority-data")),
        ("server: https://a\ncertificate-authority-data: bm8gUEVN", "", cluster("certificate-authority-data")),
        ("server: https://a\ncertificate-authority: config\ninsecure-skip-tls-verify: true", "", cluster("insecure-skip-tls-verify")),
        (SERVER, r#"token: "secret\n""#, user("token")),
        (SERVER, r#"token: "sec\x00ret""#, user("token")),
        (SERVER, "tokenFile: /nowhere", user("tokenFile")),
        (SERVER, "tokenFile: /dev/null", user("tokenFile")),
        (SERVER, "tokenFile: /dev/zero", user("tokenFile")),
        (SERVER, "tokenFile: config", user("tokenFile")),
        (SERVER, "username: a\ntoken: b", user("username")),
        (SERVER, pem, user("client-certificate-data")),
        (SERVER, "client-certificate-data: bm8gUEVN", user("client-certificate-data")),
        (SERVER, "client-key: config", user("client-key")),
        (SERVER, r#"as: "a\n""#, user("as")),
        (SERVER, "as-groups: [a]", user("as")),
        (SERVER, "as: a\nas-groups: [\"\\n\"]", user("as-groups")),
        (SERVER, "as: a\nas-user-extra: {\"k\\n\": [\"\\n\"]}", user("as-user-extra")),
        (SERVER, "auth-provider: {name: gcp, config: {cmd-path: /bin/true}}", user("auth-provider.name")),
        (SERVER, "auth-provider: {name: oidc}", user("auth-provider.config")),
        (SERVER, r#"auth-provider: {name: oidc, config: {id-token: "a\n"}}"#, user("auth-provider.config.id-token")),
        (SERVER, "exec: {command: 'true'}", user("exec")),
        (SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: 'true'}", user("exec")),
        (SERVER, &exec("args: []"), user("exec")),
        (SERVER, &exec("command: /nowhere, installHint: 'get it'"), "get it".to_owned()),
        (SERVER, &exec("command: 'false'"), user("exec")),
        (SERVER, &exec("command: 'true'"), user("exec")),
        (SERVER, &exec("command: 'yes'"), "printed more than".to_owned()),
        (SERVER, &exec("command: cat, args: [/dev/zero]"), "printed more than".to_owned()),
        (SERVER, &exec("command: 'true', env: [{name: A}]"), user("exec")),
        (SERVER, &exec("command: 'true', interactiveMode: Always"), "no terminal".to_owned()),
        (SERVER, &exec(r#"command: sh, args: [-c, 'printf "\033[31m%0100000d" 1 >&2; exit 3']"#), user("exec")),
        (SERVER, &exec("command: echo, args: ['{}']"), user("exec")),
        (SERVER, &tells("null"), user("exec")),
        (SERVER, &tells("{}"), user("exec")),
        (SERVER, &tells(r#"{"token": "secret\n"}"#), "status.token".to_owned()),
        (SERVER, &tells(r#"{"clientCertificateData": "a"}"#), "status.clientKeyData".to_owned()),
        (SERVER, &tells(r#"{"clientCertificateData": "a", "clientKeyData": "b"}"#), "status.clientCertificateData".to_owned()),
    ] {
        let dir = written(&kubeconfig(of_cluster, of_user));
        let path = dir.path().join("config");
        let run = cleanup(&path);
        let error = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(error.contains(&path.display().to_string()) && error.contains(&words), "{of_cluster} {of_user} wants {words}: {error}");
        assert!(!error.contains("secret"), "{error}");
        is_refused(run, &words);
    }
}

#[test]
fn authorities_of_the_system_that_are_no_file_are_named() {
    let dir = written(&kubeconfig("server: https://127.0.0.1:1", "token: t"));
    let mut command = preflight(&["cleanup", "--kubeconfig"]);
    let run = command.arg(dir.path().join("config")).env("SSL_CERT_FILE", "/dev/zero").assert();
    is_refused(run, "SSL_CERT_FILE: /dev/zero: a device, not a file");
}

#[test]
fn a_file_that_is_no_kubeconfig_is_named() {
    let context = "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n";
    for (text, words) in [
        ("", "it has no contexts"),
        ("- a\n", "config: "),
        ("{", "config: "),
        ("clusters: 1\n", "config: "),
        ("\u{1b}[31m", "config: "),
        ("contexts: [{name: a}, {name: b}]\n", "a, b"),
        ("current-context: y\ncontexts: [{name: a}, {name: b}]\n", "\"y\""),
        (context, "\"c\""),
        (&format!("{context}clusters: [{{name: c}}]\n"), "\"c\""),
        (&format!("{context}clusters: [{{name: c, cluster: {{}}}}]\n"), "clusters[c].cluster.server"),
        (&"[".repeat(100_000), "config: "),
        (&format!("a: {}\n", "x".repeat(1_000_000)), "it has no contexts"),
        (&format!("clusters: [{{name: c, cluster: {{server: [{}]}}}}]\n", "x".repeat(1_000_000)), "config: "),
    ] {
        let dir = written(text);
        is_refused(cleanup(&dir.path().join("config")), words);
    }
    let dir = written("");
    std::fs::write(dir.path().join("config"), [0xff, 0xfe, 0x00]).expect("write");
    is_refused(cleanup(&dir.path().join("config")), "UTF-8");
    // What was named and does not exist is bad input.
    cleanup(Path::new("/nowhere")).code(2).stdout("").stderr(contains("/nowhere: "));
    for (path, kind) in [("/", "a directory"), ("/dev/zero", "a socket or a device")] {
        cleanup(Path::new(path)).code(2).stdout("").stderr(contains(format!("error: {path}: {kind}, not a file\nhint: ")));
    }
    // Files that nobody ends: a pipe that nobody writes to, and more than a kubeconfig can have.
    nix::unistd::mkfifo(&dir.path().join("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    is_refused(cleanup(&dir.path().join("fifo")), "fifo: a FIFO to which nobody writes");
    std::fs::File::create(dir.path().join("large")).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
    is_refused(cleanup(&dir.path().join("large")), "large: larger than 16 MiB");
}

#[test]
fn every_command_that_takes_a_kubeconfig_refuses_it_alike() {
    for (text, words) in [
        (kubeconfig("server: '127.0.0.1:1/x'", ""), "clusters[c].cluster.server"),
        (kubeconfig(SERVER, r#"token: "t\n""#), "users[u].user.token"),
        (kubeconfig("server: '127.0.0.1:1'", "token: t"), "the API server http://127.0.0.1:1 (context x of "),
    ] {
        let dir = written(&text);
        let path = dir.path().join("config");
        for command in [&["cleanup"][..], &["check", "--cluster"], &["render", "builder", "--profile", "auto"]] {
            is_refused(preflight(command).arg("--kubeconfig").arg(&path).assert(), words);
            is_refused(preflight(command).env("KUBECONFIG", &path).assert(), words);
        }
        // An agent tries again and again, and says why not.
        let state = dir.path().join("state");
        std::fs::create_dir(&state).expect("mkdir");
        let mut agent = std::process::Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
        agent
            .args(["agent", "--node", "n", "--evidence", "probed", "--listen", "127.0.0.1:0", "--state-dir"])
            .arg(&state)
            .arg("--kubeconfig")
            .arg(&path);
        let mut child = agent.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().expect("an agent");
        let log = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("a log")));
        let said = log.map_while(Result::ok).find(|line| line.contains(words));
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert!(said.is_some(), "the agent ended without {words}");
    }
}
