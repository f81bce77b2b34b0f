//! What a test left, and what is wrong with it.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// The files of a test, and the complaints.
pub(crate) struct Seen {
    /// For each boot what its script left.
    boots: Vec<PathBuf>,
    pub(crate) wrong: Vec<String>,
}

impl Seen {
    pub(crate) fn new(boots: Vec<PathBuf>) -> Self {
        let mut seen = Seen { boots, wrong: Vec::new() };
        for boot in 0..seen.boots.len() {
            let harness = seen.text_of(boot, "harness");
            seen.wrong.extend(harness.lines().map(|line| format!("harness: {line}")));
        }
        seen
    }

    /// A file of the first boot; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.text_of(0, name)
    }

    pub(crate) fn text_of(&self, boot: usize, name: &str) -> String {
        fs::read(self.boots[boot].join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    pub(crate) fn expect(&mut self, right: bool, or: impl FnOnce() -> String) {
        if !right {
            self.wrong.push(or());
        }
    }

    /// How a command ended that left NAME.exit, NAME.out and NAME.err.
    pub(crate) fn ended(&mut self, boot: usize, name: &str, code: &str) {
        let exit = self.text_of(boot, &format!("{name}.exit")).trim().to_owned();
        if exit != code {
            let error = self.text_of(boot, &format!("{name}.err"));
            let start: String = [error, self.said(boot, name)].concat().chars().take(300).collect();
            self.wrong.push(format!("{name}: exit {exit} in place of {code}: {start}"));
        }
    }

    /// What a command printed, on one line: all of it, to look for words in it.
    pub(crate) fn said(&self, boot: usize, name: &str) -> String {
        let text = [".out", ".err"].map(|end| self.text_of(boot, &format!("{name}{end}"))).join(" ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A command's answer.
    pub(crate) fn answer(&mut self, boot: usize, name: &str, kind: &str) -> Value {
        let text = self.text_of(boot, &format!("{name}.out"));
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        let said = answer["kind"].clone();
        self.expect(said == kind, || format!("{name}: kind is {said}, not {kind}"));
        answer
    }

    /// Whether the container that ran `check` and a build has made what its build makes, and said so before.
    pub(crate) fn node(&mut self, boot: usize, name: &str, builds: bool) {
        let log = self.text_of(boot, &format!("{name}.out"));
        let line = |key: &str| log.lines().find_map(|line| line.strip_prefix(key));
        let report: Value = line("@report ").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let verdict = report["profiles"][0]["verdict"].as_str().unwrap_or("no").to_owned();
        let built = line("@built ").is_some();
        let wanted = if builds { "ready" } else { "not-ready" };
        self.expect(verdict == wanted, || format!("{name}: check says {verdict}, not {wanted}"));
        let end = || log.lines().rev().take(3).collect::<Vec<_>>().join(" | ");
        self.expect(built == builds, || format!("{name}: {}: {}", if built { "a build works" } else { "no build" }, end()));
    }

    /// How long a container took.
    pub(crate) fn seconds(&self, boot: usize, name: &str) -> f64 {
        let text = self.text_of(boot, &format!("{name}.seconds"));
        let times: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        if let [start, end] = times[..] { end - start } else { 0.0 }
    }
}

/// A value as it stands in a sysctl, whether it is text or a number here.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
