//! Answers of an API server that no API server gives, or once in a year; and of a proxy in its place.

use crate::oracle::{Expect, FORGED, Output};
use crate::run::Input;
use crate::server::{Answer, JSON, Tail, node, nodes, refusal, url, with};
use crate::world::kubeconfig;
use serde_json::{Value, json};

/// Calls that talk to the API, and the request whose answer is bad.
const CALLS: &[(&str, &str, &str)] = &[
    ("cleanup", "cleanup --dry-run", "GET /api/v1/nodes"),
    ("cleanup", "cleanup", "PATCH /api/v1/nodes/node1"),
    ("cleanup", "cleanup node1 --dry-run", "GET /api/v1/nodes/node1"),
    ("check --cluster", "check --cluster", "GET /version"),
    ("check --cluster", "check --cluster --profile procmount", "GET /api/v1/nodes"),
    ("check --cluster", "check --cluster --profile no-process-sandbox --format json", "POST /api/v1/namespaces"),
    ("render builder", "render builder --profile auto", "GET /api/v1/nodes"),
];

fn input(n: usize, what: &str, mut answer: Answer) -> Input {
    let (command, call, to) = CALLS[n];
    answer.to = to;
    let output = if call.contains("json") { Output::Json } else { Output::Text };
    let line = format!("exec \"$P\" {call} --kubeconfig kubeconfig");
    Input::new(format!("{call}, {to}: {what}"), line, Expect::of(command).output(output)).file("kubeconfig", kubeconfig(&url(answer)))
}

fn hostile() -> String {
    format!("\u{1b}]0;x\u{7}\u{1b}[2J\r\n{FORGED}: line\nerror: x\n\u{9b}31m\u{202e}")
}

fn bytes(bytes: Vec<u8>) -> Answer {
    Answer { bytes, ..Answer::default() }
}

/// Every status, with a Status, with HTML and with nothing.
pub(crate) fn statuses() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (n, code) in (100..600).chain([0, 1, 99, 600, 999, 1000]).enumerate() {
        let common = [200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503, 504].contains(&code);
        let status = refusal(u16::try_from(code).unwrap_or_default(), &hostile()).to_string();
        let html = format!("<html>{}</html>", hostile());
        let bodies = [
            ("a Status", JSON, status.as_str()),
            ("HTML", "Content-Type: text/html\r\nRetry-After: 99999999999\r\n", &html),
            ("nothing", JSON, ""),
        ];
        for (m, (what, headers, body)) in bodies.into_iter().enumerate() {
            for call in (0..CALLS.len()).filter(|call| common || (n + m) % 6 == *call) {
                if !common && m != n % 3 {
                    continue;
                }
                inputs.push(input(call, &format!("{code} with {what}"), bytes(with(&format!("{code} x"), headers, body.as_bytes()))));
            }
        }
    }
    inputs
}

/// Bodies of a good status.
pub(crate) fn bodies() -> Vec<Input> {
    let cut = |value: &Value| value.to_string().into_bytes();
    let list = |items: Value| json!({"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": items}).to_string().into_bytes();
    let changed = |pointer: &str, value: Value| {
        let mut node = node();
        *node.pointer_mut(pointer).expect("there") = value;
        node
    };
    let mut texts: Vec<(String, Vec<u8>)> = [
        ("nothing", ""),
        ("null", "null"),
        ("a number", "1e400"),
        ("a string", "\"a\""),
        ("an array", "[]"),
        ("an object", "{}"),
        ("HTML", "<html>\u{1b}[2J</html>"),
        ("items of null", "{\"items\": null}"),
        ("items of numbers", "{\"items\": [1, 2]}"),
        ("items of nulls", "{\"items\": [null]}"),
        ("an object of items", "{\"items\": {\"a\": 1}}"),
        ("items that are empty", "{\"items\": [{}]}"),
        ("a continue of another type", "{\"metadata\": {\"continue\": 5}, \"items\": []}"),
        ("not UTF-8", "\u{fffd}"),
    ]
    .into_iter()
    .map(|(what, text)| (what.to_owned(), text.as_bytes().to_vec()))
    .collect();
    texts.push(("not UTF-8".into(), b"{\"gitVersion\": \"\xff\xfe\", \"items\": [], \"metadata\": {\"name\": \"\xff\"}}".to_vec()));
    texts.push(("deep arrays".into(), b"[".repeat(300_000)));
    texts.push(("a continue without end".into(), br#"{"metadata": {"continue": "x"}, "items": []}"#.to_vec()));
    texts.push(("NUL bytes".into(), vec![0; 1000]));
    texts.push((
        "a version that forges".into(),
        json!({"gitVersion": hostile(), "metadata": {"name": hostile()}, "items": []}).to_string().into_bytes(),
    ));
    texts.extend((1..12).map(|n| (format!("{n} twelfths of a list"), cut(&nodes())[..cut(&nodes()).len() * n / 12].to_vec())));
    texts.extend((1..12).map(|n| (format!("{n} twelfths of a node"), cut(&node())[..cut(&node()).len() * n / 12].to_vec())));
    for pointer in [
        "/metadata",
        "/metadata/name",
        "/metadata/uid",
        "/metadata/labels",
        "/metadata/labels/kubernetes.io~1os",
        "/status",
        "/status/conditions",
        "/status/conditions/0",
        "/status/conditions/1/type",
        "/status/conditions/1/message",
        "/status/nodeInfo",
        "/status/nodeInfo/kubeletVersion",
        "/status/nodeInfo/osImage",
        "/spec",
        "/kind",
    ] {
        for value in [json!(null), json!(-1), json!(""), json!([]), json!({}), json!([null]), json!(hostile()), json!("a".repeat(60_000))] {
            let what = format!("{pointer} is {}", value.to_string().chars().take(20).collect::<String>());
            texts.push((format!("a list, {what}"), list(json!([changed(pointer, value.clone())]))));
            texts.push((format!("a node, {what}"), cut(&changed(pointer, value))));
        }
    }
    let mut inputs = Vec::new();
    for (n, (what, text)) in texts.into_iter().enumerate() {
        // Each body for some of the calls: all would be two thousand.
        for call in (0..CALLS.len()).filter(|call| n < 20 || (n + call) % 3 == 0) {
            inputs.push(input(call, &what, bytes(with("200 OK", JSON, &text))));
        }
    }
    inputs
}

/// What breaks HTTP itself, and what does not end.
pub(crate) fn wires() -> Vec<Input> {
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n";
    let after = |text: &str, tail, again: &str| Answer { bytes: text.into(), tail, again: again.into(), ..Answer::default() };
    let million = "a".repeat(1 << 20);
    let answers = vec![
        ("nothing", bytes(vec![])),
        ("garbage", bytes(b"\x16\x03\x01\x1b[2J\nFORGED: x\n".to_vec())),
        ("a head that is cut", bytes(b"HTTP/1.1 200 OK\r\nContent-".to_vec())),
        ("a body that is cut", bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\"".to_vec())),
        ("a length that is none", bytes(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}".to_vec())),
        ("two lengths", bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}".to_vec())),
        ("HTTP/0.9", bytes(b"{\"items\": []}".to_vec())),
        ("HTTP/2", bytes(b"HTTP/2.0 200 OK\r\n\r\n{\"items\": []}".to_vec())),
        ("a header of 1 MB", bytes(format!("HTTP/1.1 200 OK\r\nX: {million}\r\n\r\n{{}}").into_bytes())),
        ("5,000 headers", bytes(format!("HTTP/1.1 200 OK\r\n{}\r\n{{}}", "X: y\r\n".repeat(5000)).into_bytes())),
        (
            "headers with control characters",
            bytes(b"HTTP/1.1 200 \x1b[2J\r\nWarning: 299 - \"\x1b[2J\xff\"\r\nContent-Length: 2\r\n\r\n{}".to_vec()),
        ),
        (
            "warnings that forge",
            bytes(with("201 x", "Warning: 299 - \"\\\u{9b}31m FORGED\"\r\nWarning: 299 - \"unknown field \\\"spec.x\\\"\"\r\n", b"{}")),
        ),
        ("a chunk that is garbage", bytes(format!("{chunked}zz\r\n{{}}\r\n").into_bytes())),
        ("a chunk of 2^64", bytes(format!("{chunked}ffffffffffffffff\r\n{{}}").into_bytes())),
        ("a redirect to itself", bytes(b"HTTP/1.1 302 x\r\nLocation: /api/v1/nodes\r\nContent-Length: 0\r\n\r\n".to_vec())),
        ("a redirect to a file", bytes(b"HTTP/1.1 301 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n".to_vec())),
        ("a redirect that forges", bytes(b"HTTP/1.1 307 x\r\nLocation: http://\x1b[2J\r\nContent-Length: 0\r\n\r\n".to_vec())),
        ("100 Continue for ever", after("", Tail::Endless, "HTTP/1.1 100 Continue\r\n\r\n")),
        ("gzip that is none", bytes(with("200 OK", "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08garbage"))),
        ("protobuf", bytes(with("200 OK", "Content-Type: application/vnd.kubernetes.protobuf\r\n", b"k8s\0\x0a\x0c"))),
        ("silence", after("", Tail::Silence, "")),
        ("a head that drips", after("HTTP/1.1 200 OK\r\nX: ", Tail::Drip, "a")),
        ("a body that drips", after(long, Tail::Drip, " ")),
        ("chunks that drip", after(chunked, Tail::Silence, "")),
        ("a head without end", after("HTTP/1.1 200 OK\r\nX: ", Tail::Endless, &million)),
        ("a body without end", after(long, Tail::Endless, &" ".repeat(1 << 20))),
        ("chunks without end", after(chunked, Tail::Endless, &format!("100000\r\n{}\r\n", " ".repeat(1 << 20)))),
        ("an array without end", after(&format!("{long}{{\"items\": ["), Tail::Endless, &"{},".repeat(1 << 18))),
        ("a refusal without end", after(&long.replace("200 OK", "403 x"), Tail::Endless, &million)),
    ];
    let of_all =
        |(what, answer): (&'static str, Answer)| (0..CALLS.len()).map(move |call| input(call, what, answer.clone())).collect::<Vec<_>>();
    answers.into_iter().flat_map(of_all).collect()
}

/// The same for an agent, which goes on whatever it is told, until it is ended.
pub(crate) fn agents() -> Vec<Input> {
    let texts = ["null", "[]", "{\"metadata\": null}", "\u{1b}[2J", "{\"metadata\":{\"labels\":[]}}", "{\"metadata\":{\"name\":5}}"];
    let codes = [200, 201, 204, 302, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503];
    let mut answers: Vec<(String, Answer)> = codes
        .into_iter()
        .map(|code| (code.to_string(), bytes(with(&format!("{code} x"), JSON, refusal(code, &hostile()).to_string().as_bytes()))))
        .collect();
    answers.extend(texts.into_iter().map(|text| (text.to_owned(), bytes(with("200 OK", JSON, text.as_bytes())))));
    answers.push(("nothing".into(), bytes(vec![])));
    answers.push((
        "a body without end".into(),
        Answer {
            bytes: b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
            tail: Tail::Endless,
            again: b" ".repeat(1 << 20),
            to: "",
        },
    ));
    let mut inputs = Vec::new();
    for (what, answer) in answers {
        for to in ["PATCH", "dryRun=All", "/events", "force=true", "GET"] {
            let file = kubeconfig(&url(Answer { to, ..answer.clone() }));
            let line = "exec timeout --preserve-status --kill-after 50 --signal TERM 3 \"$P\" agent --node node1 --kubeconfig kubeconfig --listen 127.0.0.1:0 --evidence probed --canaries procmount --state-dir state --heartbeat 1s --canary-patience 1s";
            let mut expect = Expect { also: vec![143], ..Expect::of("agent") };
            expect.codes = vec![0];
            inputs.push(Input::new(format!("agent, {to}: {what}"), line, expect).file("kubeconfig", file));
        }
    }
    inputs
}
