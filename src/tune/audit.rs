//! Every change as one line of JSON on standard error.

use crate::{read, text};
use serde_json::{Value, json};
use std::io::Write;

/// Who changes something, and in which boot.
#[derive(Clone, Debug)]
pub struct Audit {
    who: Value,
    node: Option<String>,
    boot_id: String,
}

impl Audit {
    /// This process, on the node of that name.
    pub fn new(node: Option<String>) -> Self {
        let who = json!({
            "uid": nix::unistd::geteuid().as_raw(),
            "pid": std::process::id(),
            "program": concat!("buildkit-preflight ", env!("CARGO_PKG_VERSION")),
            "arguments": std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect::<Vec<_>>(),
        });
        Audit { who, node, boot_id: read::boot_id() }
    }

    /// The boot in which all is done.
    pub(super) fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Tells a change that was done, and gives the time that it told. Null stands for nothing.
    pub(super) fn changed(&self, what: &str, from: &Value, to: &Value) -> String {
        let when = read::now();
        self.line(json!({"level": "INFO", "message": "changed", "what": what, "from": from, "to": to, "when": when}));
        when
    }

    /// Tells why something is not changed that should be, and gives the time that it told.
    pub(super) fn problem(&self, reason: &str, problem: &str) -> String {
        let when = read::now();
        self.line(json!({"level": "WARN", "message": "not changed", "reason": reason, "problem": problem, "when": when}));
        when
    }

    /// One write a line, so that those of others do not mix with it.
    fn line(&self, mut value: Value) {
        (value["who"], value["bootId"], value["node"]) = (self.who.clone(), json!(self.boot_id), json!(self.node));
        let _ = std::io::stderr().write_all(text::json(format!("{value}\n")).as_bytes());
    }
}
