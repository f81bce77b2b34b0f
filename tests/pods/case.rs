//! The cases, and what `check -f` says beside what is so.

use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `case.json`.
#[derive(Clone, Deserialize)]
pub(crate) struct Case {
    #[serde(skip)]
    pub(crate) dir: PathBuf,
    /// `works`, `fails`, `refused` (by the API server), or `unknown`: the object does not decide it.
    pub(crate) outcome: String,
    /// `admission`, `daemon` or `build`.
    #[serde(default)]
    pub(crate) stage: String,
    /// Whether it can be run here.
    #[serde(default = "yes")]
    pub(crate) measured: bool,
    /// The namespace's level of Pod Security.
    #[serde(default = "privileged")]
    pub(crate) namespace_level: String,
    /// `ordinary` or `hardened`, and more words.
    #[serde(default)]
    pub(crate) node: String,
    /// The first cause is one of these.
    #[serde(default)]
    pub(crate) causes: Vec<String>,
    /// What is to blame, by a path whose last name counts.
    #[serde(default)]
    pub(crate) field: String,
    #[serde(default)]
    pub(crate) fixes_tried: Vec<Fix>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Fix {
    pub(crate) outcome: Option<String>,
}

fn yes() -> bool {
    true
}

fn privileged() -> String {
    "privileged".into()
}

impl Case {
    pub(crate) fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.dir.join("pod.yaml")
    }
}

/// The cases of `CASES`, or ours; `CASE` has parts of names that choose.
pub(crate) fn cases() -> Vec<Case> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let all = set("CASES").map_or_else(own, |dir| cases_in(&root().join(dir)));
    let chosen = set("CASE");
    let is_chosen = |case: &Case| chosen.as_ref().is_none_or(|parts| parts.split(',').any(|part| case.name().contains(part)));
    all.into_iter().filter(is_chosen).collect()
}

/// All of ours.
pub(crate) fn own() -> Vec<Case> {
    cases_in(&root().join("tests/pods/cases"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cases_in(place: &Path) -> Vec<Case> {
    let entries = fs::read_dir(place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mut dirs: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|dir| dir.join("case.json").exists()).collect();
    dirs.sort();
    dirs.into_iter().map(read).collect()
}

fn read(dir: PathBuf) -> Case {
    let text = fs::read_to_string(dir.join("case.json")).expect("case.json");
    let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    Case { dir, ..case }
}

/// What `check -f` says: its exit code and its report.
pub(crate) struct Answer {
    code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) error: String,
}

impl Answer {
    /// Asks the program, with these arguments beside the manifest.
    pub(crate) fn of(mut program: Command, arguments: &[&str], manifest: &Path) -> Self {
        let output = program.args(["check", "--format", "json"]).args(arguments).arg("-f").arg(manifest).output();
        let output = output.expect("the program starts");
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Answer { code: output.status.code(), report, error: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    fn builders(&self) -> impl Iterator<Item = &Value> {
        self.report["builders"].as_array().into_iter().flatten()
    }

    /// The findings of one weight, each with its cause and its field.
    pub(crate) fn findings<'a>(&'a self, weight: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.builders().flat_map(|builder| builder["findings"].as_array().into_iter().flatten());
        let of_weight = all.filter(move |finding| finding["weight"] == weight);
        of_weight.filter_map(|finding| Some((finding["cause"].as_str()?, finding["field"].as_str()?)))
    }

    /// Whether a change of the object lets it build.
    pub(crate) fn is_mended(&self) -> bool {
        self.builders().all(|builder| builder["mended"] == true)
    }

    /// `works`, `fails` or `unknown`, with the weight of what is to blame.
    pub(crate) fn verdict(&self) -> Option<(&'static str, &'static str)> {
        match self.code {
            Some(0) => Some(("works", "needs")),
            Some(1) => Some(("fails", "stops")),
            Some(3) => Some(("unknown", "unknown")),
            _ => None,
        }
    }
}

/// What is to be thought of an answer.
#[derive(Clone, PartialEq)]
pub(crate) enum Judgement {
    Right,
    Unknown,
    Wrong(String),
}

/// The last name of a path: `fsGroup` of `spec.securityContext.fsGroup`, `args` of `containers[].args`. Words behind it do not count.
fn last(path: &str) -> String {
    let path = path.split([' ', ':']).next().unwrap_or_default();
    // What stands in brackets may have dots.
    let names: String = path
        .split('[')
        .enumerate()
        .map(|(n, part)| if n == 0 { part } else { part.split_once(']').map_or("", |(_, rest)| rest) })
        .collect();
    names.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Holds an answer against an outcome, and against the cause and the field of the case.
pub(crate) fn judged(case: &Case, outcome: &str, answer: &Answer) -> Judgement {
    let Some((verdict, weight)) = answer.verdict() else {
        return Judgement::Wrong(format!("exit code {:?}: {}", answer.code, answer.error.trim()));
    };
    // No object knows its namespace: what a level of Pod Security refuses, the cluster alone can tell.
    if outcome == "refused" && case.namespace_level != "privileged" && verdict != "fails" {
        return Judgement::Right;
    }
    let expected = if outcome == "refused" { "fails" } else { outcome };
    match (expected, verdict) {
        (expected, verdict) if expected == verdict => {}
        (_, "unknown") => return Judgement::Unknown,
        (expected, verdict) => {
            return Judgement::Wrong(format!("{verdict}, and a real one {expected}: {:?}", answer.findings(weight).next()));
        }
    }
    if verdict == "works" {
        return Judgement::Right;
    }
    let Some((cause, field)) = answer.findings(weight).next() else { return Judgement::Wrong("nothing is said to be to blame".into()) };
    if !case.causes.iter().any(|known| known == cause) {
        return Judgement::Wrong(format!("cause {cause}, not one of {:?}", case.causes));
    }
    if last(field) != last(&case.field) {
        return Judgement::Wrong(format!("field {field}, not {}", case.field));
    }
    if case.fixes_tried.iter().any(|fix| fix.outcome.as_deref() == Some("works")) && !answer.is_mended() {
        return Judgement::Wrong("a change of the object made it work, and the patch does not".into());
    }
    Judgement::Right
}

/// How many are right.
#[derive(Default)]
pub(crate) struct Tally {
    right: usize,
    wrong: usize,
    unknown: usize,
}

impl Tally {
    /// Counts one; says what is not right.
    pub(crate) fn count(&mut self, name: &str, outcome: &str, judgement: &Judgement) {
        match judgement {
            Judgement::Right => self.right += 1,
            Judgement::Unknown => {
                self.unknown += 1;
                println!("unknown     {name}: a real one {outcome}");
            }
            Judgement::Wrong(why) => {
                self.wrong += 1;
                println!("wrong       {name}: {why}");
            }
        }
    }

    /// The closing line, which begins with what they are; whether all is well.
    pub(crate) fn close(&self, what: &str) -> bool {
        let all = self.right + self.wrong + self.unknown;
        println!("{what}: {all}, right {}, wrong {}, unknown {}", self.right, self.wrong, self.unknown);
        self.wrong == 0 && all > 0
    }
}
