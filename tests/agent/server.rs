//! An API server with one Node that answers as it is told: what a real one does once in a year.

use buildkit_preflight::node::Rule as PolicyRule;
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
    /// It is done, and the answer is larger than any that is read.
    EndlessAfter,
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
    /// A patch of an event that is there.
    EventPatch,
    /// What others put under our names is taken off.
    Remove,
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
                Answer::EndlessAfter => {
                    let (status, text) = state.act(&seen);
                    (status, text + &" ".repeat(9 << 20))
                }
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
            Kind::DryRun => {
                let rule = tried_by(seen).map_or("none", PolicyRule::refusal);
                (422, refusal(422, &format!("ValidatingAdmissionPolicy 'x' denied request: {rule}")))
            }
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
                let owned = self.node["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"].clone();
                let labels = self.node["metadata"]["labels"].as_object_mut().expect("labels");
                labels.retain(|key, _| !key.starts_with("buildkit-preflight.dev/") || owned.get(format!("f:{key}")).is_none());
                labels.extend(seen.body["metadata"]["labels"].as_object().cloned().unwrap_or_default());
                let conditions = self.node["status"]["conditions"].as_array_mut().expect("conditions");
                conditions.truncate(1);
                conditions.extend(seen.body["status"]["conditions"].as_array().cloned().unwrap_or_default());
                self.owned_by(&seen.path, &seen.body);
                (200, self.node.to_string())
            }
            Kind::Remove => {
                let removed = seen.body["metadata"]["labels"].as_object().cloned().unwrap_or_default();
                self.node["metadata"]["labels"].as_object_mut().expect("labels").retain(|key, _| !removed.contains_key(key));
                (200, self.node.to_string())
            }
            Kind::EventPatch => (200, json!({"metadata": {"resourceVersion": "1"}, "lastTimestamp": "2999-01-01T00:00:00Z"}).to_string()),
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

impl State {
    /// What was applied is from now on the word of whoever asked for this path.
    fn owned_by(&mut self, path: &str, applied: &Value) {
        let manager = path.split("fieldManager=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or_default().replace("%2F", "/");
        let labels = applied["metadata"]["labels"].as_object().into_iter().flatten();
        let labels: serde_json::Map<_, _> = labels.map(|(key, _)| (format!("f:{key}"), json!({}))).collect();
        let said = json!({"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}});
        let conditions = applied["status"]["conditions"].as_array().into_iter().flatten();
        let conditions: serde_json::Map<_, _> =
            conditions.map(|condition| (format!(r#"k:{{"type":{}}}"#, condition["type"]), said.clone())).collect();
        let fields = json!({"f:metadata": {"f:labels": labels}, "f:status": {"f:conditions": conditions}});
        self.node["metadata"]["managedFields"] = json!([{"manager": manager, "operation": "Apply", "fieldsV1": fields}]);
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
        _ if path.contains("dryRun=All") => Kind::DryRun,
        _ if method == "PATCH" && path.contains("/events") => Kind::EventPatch,
        _ if path.contains("/events") => Kind::Event,
        "application/merge-patch+json" => Kind::Read,
        "application/strategic-merge-patch+json" => Kind::Remove,
        _ => Kind::Apply,
    };
    Some(Seen { kind, path, body: serde_json::from_slice(&body).ok()? })
}

/// The rule that is tried with a dry run.
pub(crate) fn tried_by(seen: &Seen) -> Option<PolicyRule> {
    let (body, path) = (&seen.body, &seen.path);
    let condition = &body["status"]["conditions"][0];
    let breaks = |rule: &PolicyRule| match rule {
        PolicyRule::OwnNode => false,
        PolicyRule::Labels => body["metadata"]["labels"].get("confinement-test.invalid/agent").is_some(),
        PolicyRule::Rest => body["metadata"].get("annotations").is_some(),
        PolicyRule::Status => body["status"].get("volumesInUse").is_some(),
        PolicyRule::Conditions => condition["type"] == "ConfinementTest",
        PolicyRule::Texts => condition["message"] == "\u{1b}",
        PolicyRule::Times => condition["lastHeartbeatTime"].as_str().is_some_and(|time| time.starts_with("29")),
        PolicyRule::Managers => path.contains("fieldManager=confinement-test.invalid"),
        PolicyRule::EventNames => body["kind"] == "Event" && body["metadata"]["name"] == "confinement-test.invalid",
        PolicyRule::EventFields => body["message"].as_str().is_some_and(|message| message.len() > 1024),
        PolicyRule::EventTimes => body["lastTimestamp"].as_str().is_some_and(|time| time.starts_with("29")),
    };
    PolicyRule::ALL.into_iter().find(breaks)
}
