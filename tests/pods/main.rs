//! Builders that people have, as small manifests: `check -f` against what became of a real run of each.
//!
//! `CASES=directory` names another directory of the same form (see README.md here). The closing line is
//! `pods: N, right R, wrong W, unknown U`; the exit code is 1 where one is wrong.

use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// `case.json`.
#[derive(Deserialize)]
struct Case {
    /// `works`, `fails`, `refused` (by the API server), or `unknown`: the object does not decide it.
    outcome: String,
    /// The first cause is one of these.
    #[serde(default)]
    causes: Vec<String>,
    /// What is to blame, by a path whose last name counts.
    #[serde(default)]
    field: String,
    #[serde(default)]
    fixes_tried: Vec<Fix>,
}

#[derive(Deserialize)]
struct Fix {
    outcome: Option<String>,
}

#[derive(PartialEq)]
enum Result {
    Right,
    Unknown,
    Wrong(String),
}

fn cases() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var("CASES").ok().filter(|dir| !dir.is_empty()).map_or_else(|| root.join("tests/pods/cases"), |dir| root.join(dir))
}

/// What `check -f` says: its exit code and its report.
fn check(manifest: &Path) -> (Option<i32>, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight")).args(["check", "--format", "json", "-f"]).arg(manifest).output();
    let output = output.expect("the program starts");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), report, String::from_utf8_lossy(&output.stderr).into_owned())
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

/// The findings of one weight, each with its cause and its field.
fn findings<'a>(report: &'a Value, weight: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = report["builders"].as_array().into_iter().flatten().flat_map(|builder| builder["findings"].as_array().into_iter().flatten());
    let of_weight = all.filter(move |finding| finding["weight"] == weight);
    of_weight.filter_map(|finding| Some((finding["cause"].as_str()?, finding["field"].as_str()?)))
}

fn judged(case: &Case, (code, report, error): &(Option<i32>, Value, String)) -> Result {
    let (verdict, weight) = match code {
        Some(0) => ("works", "needs"),
        Some(1) => ("fails", "stops"),
        Some(3) => ("unknown", "unknown"),
        _ => return Result::Wrong(format!("exit code {code:?}: {}", error.trim())),
    };
    let expected = if case.outcome == "refused" { "fails" } else { &case.outcome };
    match (expected, verdict) {
        (expected, verdict) if expected == verdict => {}
        (_, "unknown") => return Result::Unknown,
        (expected, verdict) => {
            return Result::Wrong(format!("{verdict}, and a real one {expected}: {:?}", findings(report, weight).next()));
        }
    }
    if verdict == "works" {
        return Result::Right;
    }
    let Some((cause, field)) = findings(report, weight).next() else { return Result::Wrong("nothing is said to be to blame".into()) };
    if !case.causes.iter().any(|known| known == cause) {
        return Result::Wrong(format!("cause {cause}, not one of {:?}", case.causes));
    }
    if last(field) != last(&case.field) {
        return Result::Wrong(format!("field {field}, not {}", case.field));
    }
    let is_mended = || report["builders"].as_array().is_some_and(|builders| builders.iter().all(|builder| builder["mended"] == true));
    if case.fixes_tried.iter().any(|fix| fix.outcome.as_deref() == Some("works")) && !is_mended() {
        return Result::Wrong("a change of the object made it work, and the patch does not".into());
    }
    Result::Right
}

fn main() -> ExitCode {
    let dir = cases();
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut names: Vec<_> = entries.flatten().filter(|entry| entry.path().join("case.json").exists()).map(|entry| entry.path()).collect();
    names.sort();
    let (mut right, mut wrong, mut unknown) = (0, 0, 0);
    for path in &names {
        let text = fs::read_to_string(path.join("case.json")).expect("case.json");
        let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match judged(&case, &check(&path.join("pod.yaml"))) {
            Result::Right => right += 1,
            Result::Unknown => {
                unknown += 1;
                println!("unknown     {name}: a real one {}", case.outcome);
            }
            Result::Wrong(why) => {
                wrong += 1;
                println!("wrong       {name}: {why}");
            }
        }
    }
    println!("pods: {}, right {right}, wrong {wrong}, unknown {unknown}", names.len());
    ExitCode::from(u8::from(wrong > 0 || names.is_empty()))
}
