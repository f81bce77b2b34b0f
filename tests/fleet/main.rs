//! `status` against a real API server with thousands of nodes that have every kind of trouble: what it says of them, how much memory it
//! takes, and that nothing of theirs reaches the terminal raw. There are no kubelets: nodes are objects.
//!
//! `NODES=10000` makes so many. `STATIC_BINARY` is the program that is measured.

mod server;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use server::{ApiServer, TROUBLES};
use std::ffi::OsString;
use std::process::{Command, Output};
use std::time::Instant;

/// What issue reports and small machines bear: 64 MiB, in the kilobytes of getrusage(2).
const MOST_MEMORY: i64 = 64 * 1024;

fn program() -> OsString {
    std::env::var_os("STATIC_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_buildkit-preflight").into())
}

fn status(server: &ApiServer, arguments: &[&str]) -> Output {
    let began = Instant::now();
    let kubeconfig = server.kubeconfig();
    let output = Command::new(program()).arg("status").arg("--kubeconfig").arg(kubeconfig).args(arguments).output().expect("status");
    println!("status {}: {:.1} s", arguments.join(" "), began.elapsed().as_secs_f32());
    output
}

fn text(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    let acts =
        |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    assert!(!text.contains(acts), "something acts on a terminal");
    text
}

#[test]
fn a_fleet_is_told_from_an_api_server_in_little_memory() {
    let nodes: usize = std::env::var("NODES").ok().map_or(1_000, |nodes| nodes.parse().expect("NODES is a number"));
    let server = ApiServer::start();
    server.make_nodes(nodes);
    let json = status(&server, &["--format", "json"]);
    assert_eq!(json.status.code(), Some(0), "{}", String::from_utf8_lossy(&json.stderr));
    let report: Value = serde_json::from_str(&text(&json)).expect("JSON");
    assert_eq!((report["nodes"].as_u64(), report["list"].as_array().map(Vec::len)), (Some(nodes as u64), Some(nodes)));
    for node in report["list"].as_array().into_iter().flatten() {
        let number: usize = node["name"].as_str().and_then(|name| name.strip_prefix("node-")?.parse().ok()).expect("a number");
        let trouble = TROUBLES[number % TROUBLES.len()];
        let standing = &node["profiles"]["no-process-sandbox"];
        assert_eq!(standing["verdict"], trouble.verdict, "{trouble:?}: {node}");
        // No agent's pod is there to explain a silence otherwise.
        let silence = if trouble.verdict == "silent" { Value::from("no-agent") } else { Value::Null };
        assert_eq!(node["silentBecause"], silence, "{trouble:?}: {node}");
        let said = node["silentText"].as_str().unwrap_or_default();
        assert!(said.contains(trouble.says), "{trouble:?}: {said}");
    }
    for arguments in [&["--format", "table"][..], &["--format", "csv"], &["--format", "line"], &["node-1"]] {
        assert!(!text(&status(&server, arguments)).is_empty(), "{arguments:?}");
    }
    assert_eq!(status(&server, &["--fail-below", "100%", "--format", "line"]).status.code(), Some(1));
    let missing = status(&server, &["no-such-node"]);
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(4), 0));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no node no-such-node"));
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage").max_rss();
    println!("{nodes} nodes: {} MiB at most", memory / 1024);
    assert!(memory <= MOST_MEMORY, "{memory} kB");
}
