//! `status --serve`: the page reads itself again and keeps what its reader did; nobody else gets it.

use crate::browser::Browser;
use assert_cmd::Command as Asserted;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const BINARY: &str = env!("CARGO_BIN_EXE_buildkit-preflight");

/// An API server of so many nodes; with none it answers that it is out of order. And how many lists it gave.
fn api(nodes: Arc<AtomicUsize>, lists: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (nodes, lists) = (nodes.clone(), lists.clone());
            std::thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let mut reader = BufReader::new(stream.try_clone().expect("a connection"));
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut head).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    let count = nodes.load(Ordering::SeqCst);
                    let node = |at| json!({ "metadata": { "name": format!("node-{at}"), "uid": format!("u{at}") }, "status": { "nodeInfo": { "operatingSystem": "linux" } } });
                    let (status, body) = if count == 0 {
                        ("503 Service Unavailable", json!({ "kind": "Status", "code": 503, "message": "<b>etcd</b> is away" }))
                    } else if path.starts_with("/version") {
                        ("200 OK", json!({ "major": "1", "minor": "33", "gitVersion": "v1.33.5" }))
                    } else if path.starts_with("/api/v1/nodes") {
                        lists.fetch_add(1, Ordering::SeqCst);
                        (
                            "200 OK",
                            json!({ "kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": (0..count).map(node).collect::<Vec<_>>() }),
                        )
                    } else {
                        ("200 OK", json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": [] }))
                    };
                    let body = body.to_string();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                }
            });
        }
    });
    url
}

/// What a server answers to a request, as it is.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_served_page_is_live_and_keeps_what_its_reader_did() {
    let (nodes, lists) = (Arc::new(AtomicUsize::new(30)), Arc::new(AtomicUsize::new(0)));
    let folder = tempfile::tempdir().expect("a directory");
    let config = folder.path().join("config");
    let cluster = json!([{ "name": "c", "cluster": { "server": api(nodes.clone(), lists.clone()) } }]);
    let context = json!([{ "name": "c", "context": { "cluster": "c", "user": "u" } }]);
    let file = json!({ "apiVersion": "v1", "kind": "Config", "clusters": cluster, "contexts": context, "current-context": "c", "users": [{ "name": "u", "user": {} }] });
    std::fs::write(&config, file.to_string()).expect("a file");
    let mut server = Command::new(BINARY)
        .args(["status", "--serve", "0", "--kubeconfig"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_else(|| panic!("{line}")).to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{line}");

    let get = |method: &str, path: &str, host: &str| ask(&address, &format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for (method, path, host, status) in [
        ("GET", "/", address.as_str(), "200"),
        ("HEAD", "/", "localhost", "200"),
        ("GET", "/fleet.json", &address, "200"),
        ("GET", "/", "evil.example", "403"),
        ("POST", "/", &address, "405"),
        ("DELETE", "/fleet.json", &address, "405"),
        ("GET", "/../etc/passwd", &address, "404"),
    ] {
        let answer = get(method, path, host);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path} {host}: {answer:.300}");
        let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
        for wanted in
            ["frame-ancestors 'none'", "x-content-type-options: nosniff", "referrer-policy: no-referrer", "cache-control: no-store"]
        {
            assert!(head.contains(wanted), "{wanted}: {head}");
        }
    }
    let json = get("GET", "/fleet.json", &address);
    let report: serde_json::Value = serde_json::from_str(json.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    assert_eq!((&report["kind"], &report["nodes"]), (&json!("FleetReport"), &json!(30)));
    assert_eq!(lists.load(Ordering::SeqCst), 1, "however many ask");

    let mut browser = Browser::start();
    browser.look(1440, 900, "light");
    browser.open(&format!("http://{address}/"));
    let found = "document.getElementById('found').textContent";
    browser.click("#query");
    browser.write("node-1");
    browser.until(&format!("{found} === '11 of 30 nodes'"));
    browser.click("#rows button.open");
    nodes.store(40, Ordering::SeqCst);
    browser.until(&format!("{found} === '11 of 40 nodes'"));
    let kept = "document.getElementById('query').value === 'node-1' && document.querySelector('#rows .detail') && document.activeElement.textContent === 'node-1'";
    browser.until(kept);
    nodes.store(0, Ordering::SeqCst);
    browser.until("document.getElementById('notice').textContent.includes('does not answer')");
    browser.until(&format!("{found} === '11 of 40 nodes' && {kept}"));
    browser.click("#pause");
    browser.until("document.getElementById('pause').getAttribute('aria-pressed') === 'true'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let elsewhere: Vec<_> =
        browser.requests().into_iter().filter(|asked| !asked.starts_with(&format!("http://{address}/")) && asked != "data:,").collect();
    assert_eq!(elsewhere, Vec::<String>::new());

    kill(Pid::from_raw(i32::try_from(server.id()).expect("a number")), Signal::SIGINT).expect("it runs");
    assert_eq!(server.wait().expect("it ends").code(), Some(0));
}

#[test]
fn an_address_that_is_none_is_refused() {
    for address in [":8080", "localhost", "70000"] {
        Asserted::new(BINARY).args(["status", "--serve", address]).assert().code(2);
    }
}
