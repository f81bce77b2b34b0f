//! What other projects are told, read by their own programs: promtool, node-problem-detector and the packages of
//! node-feature-discovery. `make neighbours-check` builds them.

use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const OURS: &str = env!("CARGO_BIN_EXE_buildkit-preflight");

fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name);
    assert!(path.exists(), "{}: run `make neighbours-check`", path.display());
    path
}

fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().expect("run");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// What one of our commands prints.
fn ours(args: &[&str]) -> String {
    let done = Command::new(OURS).args(args).output().expect("run");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// Runs promtool in a directory.
fn promtool(dir: &Path, args: &[&str]) {
    let (code, said) = output(Command::new(tool("promtool")).args(args).current_dir(dir));
    assert_eq!(code, Some(0), "promtool {args:?}: {said}");
}

#[test]
fn each_alert_fires_where_it_should() {
    let dir = tempfile::tempdir().expect("temp dir");
    let printed = ours(&["render", "monitoring"]);
    let rule: Value = serde_saphyr::from_str(printed.split("---\n").last().expect("a rule")).expect("YAML");
    fs::write(dir.path().join("rules.yaml"), rule["spec"].to_string()).expect("write");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/neighbours/alerts.yaml");
    let cases = fs::read_to_string(&tests).expect("the tests");
    for alert in rule["spec"]["groups"][0]["rules"].as_array().expect("rules") {
        let name = alert["alert"].as_str().expect("a name");
        assert!(cases.contains(&format!("alertname: {name}\n")), "{name} has a case in which it fires");
    }
    fs::write(dir.path().join("alerts.yaml"), cases).expect("write");
    promtool(dir.path(), &["check", "rules", "rules.yaml"]);
    promtool(dir.path(), &["test", "rules", "alerts.yaml"]);
}

#[test]
fn each_expression_of_the_dashboard_is_one() {
    let dir = tempfile::tempdir().expect("temp dir");
    let dashboard: Value = serde_json::from_str(&ours(&["render", "monitoring", "--dashboard"])).expect("JSON");
    let targets = dashboard["panels"].as_array().expect("panels").iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let rules: Vec<_> = targets
        .zip(0..)
        .map(|(target, number)| {
            let expr = target["expr"].as_str().expect("an expression").replace("$profile", "no-process-sandbox");
            assert!(!expr.contains('$'), "{expr}: a variable that nobody fills in");
            json!({"record": format!("panel:{number}"), "expr": expr})
        })
        .collect();
    assert!(rules.len() >= 15, "{}", rules.len());
    fs::write(dir.path().join("panels.yaml"), json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()).expect("write");
    promtool(dir.path(), &["check", "rules", "panels.yaml"]);
}

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for something to be so.
fn wait_for<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match is() {
            Some(it) => return it,
            None => assert!(Instant::now() < until, "{what}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What an address of this machine answers to a request of a path.
fn get(port: u16, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

#[test]
fn node_problem_detector_takes_the_verdict() {
    let dir = tempfile::tempdir().expect("temp dir");
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let (mut bad, mut unknown) = (None, None);
    for entry in fs::read_dir(&hosts).expect("hosts") {
        let root = entry.expect("an entry").path();
        if root.join("proc").is_dir() || root.join("captured.json").is_file() {
            let (code, line) = output(Command::new(OURS).args(["check", "--format", "line", "--root"]).arg(&root));
            assert!(line.len() <= 81 && line.lines().count() == 1, "{line}");
            bad = bad.or_else(|| (code == Some(1)).then(|| (root.clone(), line.clone())));
            unknown = unknown.or_else(|| (code == Some(3)).then_some((root, line)));
        }
    }
    let cases = [("False", None), ("True", bad), ("Unknown", unknown)];
    for (status, host) in cases {
        let program = dir.path().join(status);
        let script = match &host {
            // No machine that is captured without a probe is more than predicted.
            None => "#!/bin/sh\necho ready\n".to_owned(),
            Some((root, _)) => format!(
                "#!/bin/sh\n[ \"$1 $4 $5\" = \"check --format line\" ] && exec {OURS} check --format line --root {}\n",
                root.display()
            ),
        };
        fs::write(&program, script).expect("write");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        let config = dir.path().join("npd.json");
        fs::write(&config, ours(&["render", "npd", "--interval", "1m", "--path", program.to_str().expect("UTF-8")])).expect("write");
        let (port, log) = (free_port(), dir.path().join("log"));
        let to = || Stdio::from(fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log"));
        fs::write(&log, "").expect("write");
        let _running = Running(
            Command::new(tool("nodeproblemdetector"))
                .arg(format!("--config.custom-plugin-monitor={}", config.display()))
                .args(["--enable-k8s-exporter=false", "--port=0", "--prometheus-address=127.0.0.1", "--v=3", "--logtostderr"])
                .arg(format!("--prometheus-port={port}"))
                .env("NODE_NAME", "node1")
                .stdout(to())
                .stderr(to())
                .spawn()
                .expect("run"),
        );
        let said = host.map_or_else(|| "ready".into(), |(_, line)| line.trim().to_owned());
        let wanted = match status {
            "False" => "ExitStatus:0",
            "True" => "ExitStatus:1",
            _ => "ExitStatus:2",
        };
        wait_for(&format!("{status}: {said}\n{}", fs::read_to_string(&log).unwrap_or_default()), || {
            let log = fs::read_to_string(&log).ok()?;
            log.lines().any(|line| line.contains("Add check result") && line.contains(wanted) && line.contains(&said)).then_some(())
        });
        let gauge = format!(
            "problem_gauge{{reason=\"RootlessBuildKitFails\",type=\"RootlessBuildKitUnavailable\"}} {}",
            u8::from(status == "True")
        );
        if status == "True" {
            wait_for(&gauge, || get(port, "/metrics").filter(|text| text.contains(&gauge)));
        }
    }
}

#[test]
fn node_feature_discovery_makes_labels_of_what_the_agent_writes() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (features, rule) = (dir.path().join("features.d"), dir.path().join("rule.yaml"));
    fs::create_dir(&features).expect("mkdir");
    fs::write(&rule, ours(&["render", "nfd-rule"])).expect("write");
    let port = free_port();
    let agent = Command::new(OURS)
        .args(["agent", "--node=node1", "--evidence=probed", "--nfd-features"])
        .arg(&features)
        .arg(format!("--listen=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("run");
    let _agent = Running(agent);
    let file = features.join("buildkit-preflight");
    wait_for("features", || file.exists().then_some(()));
    wait_for("an agent that is ready", || get(port, "/readyz").filter(|text| text.contains("200 OK")));
    let text = fs::read_to_string(&file).expect("features");
    assert!(text.contains("/no-process-sandbox="), "{text}");
    // Others may write there too: what an agent would not say makes no label.
    fs::write(features.join("other"), "# +no-label\nbuildkit-preflight.dev/procmount=perhaps\n# +no-label\nexample.org/x=y\n")
        .expect("write");
    let read = || -> Value {
        let script = "mkdir -p /etc/kubernetes && mount -t tmpfs none /etc/kubernetes && mkdir -p \"$1\" && mount --bind \"$2\" \"$1\" && exec \"$3\" \"$4\"";
        let done = Command::new("unshare")
            .args(["--mount", "sh", "-ec", script, "sh", "/etc/kubernetes/node-feature-discovery/features.d"])
            .arg(&features)
            .arg(tool("nfd"))
            .arg(&rule)
            .output()
            .expect("run");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).expect("JSON")
    };
    let (labels, seen) = (labels(&text), read());
    assert!(labels.contains_key("buildkit-preflight.dev/kernel"), "{text}");
    assert_eq!(seen["rule"], Value::Object(labels.clone()), "the labels are what the agent said, and nothing more");
    assert_eq!(seen["worker"], json!({}), "without the rule there is no label");
    // An agent that is gone says nothing for ever.
    let past = text.lines().map(|line| if line.starts_with("# +expiry-time=") { "# +expiry-time=2026-01-01T00:00:00Z" } else { line });
    fs::write(&file, past.map(|line| line.to_owned() + "\n").collect::<String>()).expect("write");
    assert_eq!(read()["rule"], json!({}), "what has expired makes no label");
}

/// The labels that a file of features stands for.
fn labels(text: &str) -> serde_json::Map<String, Value> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), json!(value))).collect()
}
