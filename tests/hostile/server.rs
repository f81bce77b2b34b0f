//! An API server that answers as badly as it is told. Which way is in the path: `/case/7/api/v1/nodes`.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

/// What comes after the head and body of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tail {
    #[default]
    Close,
    /// Nothing, and the connection stays.
    Silence,
    /// A byte every so often.
    Drip,
    /// The same again without end.
    Endless,
}

/// An answer as it goes over the wire, and which requests get it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// Part of a method and path, with a space between; the others are answered properly.
    pub(crate) to: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) tail: Tail,
    /// What is said again without end.
    pub(crate) again: Vec<u8>,
}

/// An answer with a length.
pub(crate) fn with(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) const JSON: &str = "Content-Type: application/json\r\n";

pub(crate) fn node() -> Value {
    json!({"kind": "Node", "apiVersion": "v1",
        "metadata": {"name": "node1", "uid": "first", "resourceVersion": "1", "labels": {"kubernetes.io/os": "linux",
            "buildkit-preflight.dev/no-process-sandbox": "ready", "buildkit-preflight.dev/procmount": "not-ready"}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "BuildKitReady", "status": "True", "reason": "Ready", "message": "x",
                "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "containerRuntimeVersion": "containerd://2.0.0", "osImage": "Debian GNU/Linux 12 (bookworm)"}}})
}

pub(crate) fn nodes() -> Value {
    json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [node()]})
}

pub(crate) fn refusal(code: u16, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": "Forbidden", "code": code})
}

/// What a real one says.
pub(crate) fn proper(request: &str, body: &[u8]) -> (u16, Value) {
    match request {
        _ if request.contains("/version") => (200, json!({"major": "1", "minor": "36", "gitVersion": "v1.36.3"})),
        _ if request.starts_with("GET") && request.contains("/nodes/") => (200, node()),
        _ if request.starts_with("GET") && request.contains("/nodes") => (200, nodes()),
        _ if request.starts_with("GET") => (200, json!({"items": []})),
        _ if request.contains("dryRun=All") && request.contains("/nodes/") => {
            (422, refusal(422, "ValidatingAdmissionPolicy 'x' denied request: the agent may write only its own labels"))
        }
        _ if request.contains("/nodes/") => (200, node()),
        _ => (201, serde_json::from_slice(body).unwrap_or_default()),
    }
}

static CASES: LazyLock<Mutex<HashMap<usize, Arc<Answer>>>> = LazyLock::new(Mutex::default);

/// The address of the server; it is started with the first call.
static ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
});

/// A new way of answering; the URL of the server that does so.
pub(crate) fn url(answer: Answer) -> String {
    let mut cases = CASES.lock().expect("no panic");
    let case = cases.len();
    cases.insert(case, Arc::new(answer));
    format!("http://{}/case/{case}", *ADDRESS)
}

/// One request a connection.
fn serve(mut stream: TcpStream) -> Option<()> {
    // Longer than any client may wait.
    let until = Instant::now() + Duration::from_secs(70);
    let (request, body) = read(&stream)?;
    let (case, rest) = request.split_once("/case/")?.1.split_once('/')?;
    let request = format!("{} /{rest}", request.split(' ').next()?);
    let answer = CASES.lock().expect("no panic").get(&case.parse().ok()?)?.clone();
    if !request.contains(answer.to) {
        let (status, value) = proper(&request, &body);
        stream.write_all(&with(&format!("{status} x"), JSON, value.to_string().as_bytes())).ok()?;
        return Some(());
    }
    stream.write_all(&answer.bytes).ok()?;
    match answer.tail {
        Tail::Close => {}
        Tail::Silence => {
            stream.set_read_timeout(Some(until - Instant::now())).ok()?;
            let _ = stream.read(&mut [0; 1]);
        }
        Tail::Drip => {
            while Instant::now() < until && stream.write_all(&answer.again[..1]).is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
        Tail::Endless => while Instant::now() < until && stream.write_all(&answer.again).is_ok() {},
    }
    Some(())
}

/// Method and path, and the body.
fn read(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim().to_lowercase().split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line, body))
}
