//! An API server with one Node that answers as it is told: what a real one does once in a year.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// How a request is answered.
pub(crate) enum Answer {
    /// As a real one would.
    Properly,
    /// With this status and text.
    With(u16, String),
    /// It is done, and the connection is cut before the answer.
    CutAfter,
    /// Never.
    Never,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    DryRun,
    Apply,
    Event,
    /// A list of pods or of events.
    Look,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    pub(crate) body: Value,
}

type Rule = Box<dyn FnMut(&Seen, &mut Value) -> Answer + Send>;

struct State {
    node: Value,
    seen: Vec<Seen>,
    events: Vec<String>,
    rule: Rule,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts one. `rule` sees each request and may change the Node first.
    pub(crate) fn start(rule: impl FnMut(&Seen, &mut Value) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let node = json!({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "node1", "uid": "first", "resourceVersion": "1", "labels": {"kubernetes.io/os": "linux"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.3",
                "containerRuntimeVersion": "containerd://2.0.0", "osImage": "Debian GNU/Linux 12 (bookworm)"}}});
        let state = Arc::new(Mutex::new(State { node, seen: Vec::new(), events: Vec::new(), rule: Box::new(rule) }));
        let server = Server { address: listener.local_addr().expect("an address"), state };
        let serving = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        server
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn node(&self) -> Value {
        self.with(|state| state.node.clone())
    }

    /// The requests of a kind so far.
    pub(crate) fn seen(&self, kind: Kind) -> Vec<Seen> {
        self.with(|state| state.seen.iter().filter(|seen| seen.kind == kind).cloned().collect())
    }

    /// The names of the events that were taken.
    pub(crate) fn events(&self) -> Vec<String> {
        self.with(|state| state.events.clone())
    }

    /// One request a connection.
    fn serve(&self, mut stream: TcpStream) {
        let Some(seen) = read(&stream) else { return };
        let (answer, status, text) = self.with(|state| {
            state.seen.push(seen.clone());
            let answer = (state.rule)(&seen, &mut state.node);
            let (status, text) = match &answer {
                Answer::Properly | Answer::CutAfter => state.act(&seen),
                Answer::With(status, text) => (*status, text.clone()),
                Answer::Never => (0, String::new()),
            };
            (answer, status, text)
        });
        match answer {
            Answer::CutAfter => {}
            Answer::Never => {
                let _ = stream.read(&mut [0]);
            }
            _ => {
                let head = format!(
                    "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    text.len()
                );
                let _ = stream.write_all((head + &text).as_bytes());
            }
        }
    }
}

impl State {
    fn act(&mut self, seen: &Seen) -> (u16, String) {
        match seen.kind {
            Kind::Read => (200, self.node.to_string()),
            Kind::DryRun => (422, refusal(422, "ValidatingAdmissionPolicy 'x' denied request: the agent may write only its own labels")),
            Kind::Apply if seen.body["metadata"]["uid"] != self.node["metadata"]["uid"] => {
                (409, refusal(409, "Precondition failed: UID in precondition"))
            }
            Kind::Apply
                if seen.body["metadata"]
                    .get("resourceVersion")
                    .is_some_and(|version| *version != self.node["metadata"]["resourceVersion"]) =>
            {
                (409, refusal(409, "the object has been modified"))
            }
            Kind::Apply => {
                let labels = self.node["metadata"]["labels"].as_object_mut().expect("labels");
                labels.retain(|key, _| !key.starts_with("buildkit-preflight.dev/"));
                labels.extend(seen.body["metadata"]["labels"].as_object().cloned().unwrap_or_default());
                let conditions = self.node["status"]["conditions"].as_array_mut().expect("conditions");
                conditions.truncate(1);
                conditions.extend(seen.body["status"]["conditions"].as_array().cloned().unwrap_or_default());
                (200, self.node.to_string())
            }
            Kind::Look => (200, json!({"items": []}).to_string()),
            Kind::Event => {
                let name = seen.body["metadata"]["name"].as_str().expect("a name").to_owned();
                if self.events.contains(&name) {
                    return (409, refusal(409, "already exists"));
                }
                self.events.push(name);
                (201, seen.body.to_string())
            }
        }
    }
}

pub(crate) fn refusal(code: u16, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": "x", "code": code}).to_string()
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut media) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_lowercase();
        match header.split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("content-type", value)) => media = value.to_owned(),
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let kind = match media.as_str() {
        _ if method == "GET" => return Some(Seen { kind: Kind::Look, path, body: Value::Null }),
        _ if path.contains("/events") => Kind::Event,
        _ if path.contains("dryRun=All") => Kind::DryRun,
        "application/merge-patch+json" => Kind::Read,
        _ => Kind::Apply,
    };
    Some(Seen { kind, path, body: serde_json::from_slice(&body).ok()? })
}
