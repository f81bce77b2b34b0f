//! Facts files and reports that are damaged: `check --facts`, `tune --facts`.

use crate::oracle::{Expect, FORGED, Output};
use crate::run::{Input, Piece};
use crate::world::world;
use fastrand::Rng;
use serde_json::{Value, json};

/// What reads facts.
const READERS: [(&str, &str, Output); 4] = [
    ("check", "exec \"$P\" check --facts facts.json", Output::Text),
    ("check", "exec \"$P\" check --profile procmount --profile no-process-sandbox --format json --facts facts.json", Output::Report),
    ("tune", "exec \"$P\" tune --facts facts.json", Output::Text),
    ("check", "exec \"$P\" check --facts - < facts.json", Output::Text),
];

fn input(n: usize, what: String, text: impl Into<Vec<u8>>) -> Input {
    let (command, line, output) = READERS[n % READERS.len()];
    Input::new(what, line, Expect::of(command).output(output)).file("facts.json", text)
}

/// Cut off anywhere: never more than a part of a JSON value.
pub(crate) fn cut() -> Vec<Input> {
    let texts = [&world().facts, &world().report];
    let cut = |text: &str, n: usize, every: usize| {
        let mut input = input(n, format!("the first {} bytes of facts", n * every), &text.as_bytes()[..n * every]);
        // The newline at the end may be missing.
        input.expect.codes = if text[..n * every].trim_end() == text.trim_end() { vec![] } else { vec![2] };
        input
    };
    texts.iter().flat_map(|text| (0..text.len() / 17).map(move |n| cut(text, n, 17))).collect()
}

/// The paths of all values in a JSON value.
fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| paths(value, &format!("{path}/{name}"), all)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, value)| paths(value, &format!("{path}/{n}"), all)),
        _ => {}
    }
}

fn substitutes() -> Vec<Value> {
    let hostile = format!("\u{1b}]0;x\u{7}\u{1b}[2J\r\n{FORGED}: line\n\u{9b}31m\u{202e}x\u{0}");
    let deep = (0..100).fold(json!(0), |inner, _| json!([inner]));
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!([]),
        json!({}),
        json!("a".repeat(100_000)),
        json!(hostile),
        deep,
    ]
}

/// Whether a verdict of what was tried hangs on it: how far the probe came, and what it imitated.
fn is_needed(path: &str) -> bool {
    let step = |path: &str| path.ends_with("/outcome") || path.ends_with("/step");
    path == "/probes"
        || path.starts_with("/probes/0/plan")
        || path.starts_with("/probes/0/end")
        || path.starts_with("/probes/0/steps") && step(path)
}

/// Each value replaced by one of another type, and left out.
pub(crate) fn types() -> Vec<Input> {
    let facts: Value = serde_json::from_str(&world().facts).expect("JSON");
    let (mut all, mut inputs) = (Vec::new(), Vec::new());
    paths(&facts, "", &mut all);
    for (n, path) in all.iter().enumerate() {
        // All readers with all substitutes would be ten thousand.
        for (m, substitute) in substitutes().into_iter().enumerate().filter(|(m, _)| path.matches('/').count() < 2 || m % 3 == n % 3) {
            let mut damaged = facts.clone();
            *damaged.pointer_mut(path).expect("there") = substitute;
            let mut input = input(n + m / 3, format!("facts with another value at {path}"), damaged.to_string());
            // Without an attempt the facts alone decide, as after `facts --no-probe`.
            let is_unprobed = path == "/probes" && damaged["probes"] == json!([]);
            input.expect.never_ready = is_needed(path) && !is_unprobed && !input.line.contains("tune");
            inputs.push(input);
        }
        if let Some((parent, name)) = path.rsplit_once('/') {
            let mut damaged = facts.clone();
            match damaged.pointer_mut(parent).expect("there") {
                Value::Object(fields) => drop(fields.remove(name)),
                Value::Array(items) => drop(items.remove(name.parse().expect("an index"))),
                _ => {}
            }
            let mut input = input(n, format!("facts without {path}"), damaged.to_string());
            input.expect.never_ready = is_needed(path) && !input.line.contains("tune");
            inputs.push(input);
        }
    }
    inputs
}

/// Bytes changed anywhere.
pub(crate) fn bytes(random: &mut Rng) -> Vec<Input> {
    let text = world().facts.as_bytes();
    let change = |n| {
        let mut text = text.to_vec();
        for _ in 0..random.usize(1..4) {
            let (at, byte) = (random.usize(..text.len()), random.u8(..));
            match random.u8(..3) {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        input(n, "facts with some bytes changed".into(), text)
    };
    (0..400).map(change).collect()
}

/// What is no facts file at all, by its text.
pub(crate) fn texts() -> Vec<Input> {
    let facts = world().facts.as_bytes();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let inside = |what: &str, with: &str| vec![(world().facts.replacen(what, with, 1).into_bytes(), 1)];
    // Fields before the first one, of which a part is repeated.
    let large = |before: &str, piece: &str, times, after: &str| {
        vec![([b"{".as_slice(), before.as_bytes()].concat(), 1), (piece.into(), times), (after.into(), 1), (facts[1..].to_vec(), 1)]
    };
    let one = |text: &[u8]| vec![(text.to_vec(), 1)];
    let texts: Vec<(&str, Vec<Piece>)> = vec![
        ("nothing", vec![]),
        ("white space", one(b" \n\t\n")),
        ("a BOM before it", one(&[b"\xef\xbb\xbf", facts].concat())),
        ("UTF-16", one(&[b"\xff\xfe".to_vec(), utf16(&world().facts)].concat())),
        ("NUL bytes", vec![(vec![0], 4096)]),
        ("NUL after it", one(&[facts, b"\0"].concat())),
        ("twice the same", vec![(facts.to_vec(), 2)]),
        ("not UTF-8", one(&[b"{\"x\": \"\xff\xfe\x80\",", &facts[1..]].concat())),
        ("a kind that forges", inside("\"Facts\"", "\"\\u001b[2J\\nFORGED: x\"")),
        ("a version that forges", inside("preflight.dev/v1", "\\u001b[2J\\nFORGED: x")),
        ("a field that forges", inside("{", "{\"\\u001b[2J\\nFORGED: x\": 1,")),
        ("a field twice", inside("{", "{\"kind\": \"Facts\",")),
        ("5,000 unknown fields", large("", &(0..5000).fold(String::new(), |all, n| all + &format!("\"x{n}\": 1,")), 1, "")),
        ("deep arrays", large("\"x\": ", "[", 200_000, "")),
        ("deep objects", large("\"x\": ", "{\"a\":", 200_000, "")),
        ("a large number", large("\"x\": ", "9", 1 << 20, ",")),
        ("YAML", one(b"apiVersion: buildkit-preflight.dev/v1\nkind: Facts\n")),
        ("HTML", one(b"<!DOCTYPE html><html>\x1b[2J</html>")),
        ("an ELF file", one(b"\x7fELF\x02\x01\x01\0\0\0\0")),
        ("a string of 12 MiB", large("\"x\": \"", "a", 12 << 20, "\",")),
        ("an array of 3 million", large("\"x\": [", "1,", 3_000_000, "1],")),
        ("objects by the million", large("\"x\": [", "{\"a\":0},", 1_500_000, "0],")),
        ("white space of 30 MiB", vec![(b" ".to_vec(), 30 << 20), (facts.to_vec(), 1)]),
    ];
    let mut inputs = Vec::new();
    for (what, text) in texts {
        for (n, (command, line, output)) in READERS.into_iter().enumerate() {
            let what = format!("as facts {what}, {n}");
            inputs.push(Input::new(what, line, Expect::of(command).output(output)).pieces("facts.json", text.clone()));
        }
    }
    inputs
}

/// What is no file: nothing, endless, or blocking.
pub(crate) fn places() -> Vec<Input> {
    let setups = [
        ("nothing", "", "none"),
        ("a directory", "mkdir d; ", "d"),
        ("a FIFO that nobody writes", "mkfifo fifo; ", "fifo"),
        ("a FIFO whose writer says nothing", "mkfifo fifo; sleep 55 > fifo & ", "fifo"),
        ("/dev/zero", "", "/dev/zero"),
        ("/dev/full", "", "/dev/full"),
        ("/dev/null", "", "/dev/null"),
        ("/proc/self/mem", "", "/proc/self/mem"),
        ("/proc/kmsg", "", "/proc/self/pagemap"),
        ("a link to itself", "ln -s loop loop; ", "loop"),
        ("a socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'; ", "sock"),
        ("a name that forges", "", "\"$(printf '\\033[2J\\nFORGED: x')\""),
        ("a name that is not UTF-8", "", "\"$(printf '\\377\\376')\""),
        ("a name that is too long", "", "\"$(head -c 5000 /dev/zero | tr '\\0' a)\""),
        ("an empty name", "", "''"),
        ("a file of 200 MB", "head -c 200000000 /dev/zero | tr '\\0' ' ' > big; ", "big"),
        ("an endless stream", "yes '{' | ", "-"),
        ("an endless line", "tr '\\0' a < /dev/zero | ", "-"),
    ];
    let mut inputs = Vec::new();
    for (what, setup, path) in setups {
        for (command, arguments) in [("check", "check --facts"), ("tune", "tune --facts"), ("check", "check --format json --facts")] {
            let exec = if setup.ends_with("| ") || setup.ends_with("& ") { "" } else { "exec " };
            let after = if setup.ends_with("& ") { "; code=$?; kill $!; exit $code" } else { "" };
            let line = format!("{setup}{exec}\"$P\" {arguments} {path}{after}");
            let mut input = Input::new(format!("{arguments} {what}"), line, Expect::of(command).codes(&[2, 4]));
            input.expect.may_write = vec!["d", "fifo", "loop", "sock", "big"];
            inputs.push(input);
        }
    }
    inputs
}
