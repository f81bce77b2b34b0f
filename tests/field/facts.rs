//! facts-fragment.json: facts that differ from a healthy pod's, judged by `check --facts`.

use crate::answer::Answer;
use crate::expect::ExpectOne;
use crate::prose;
use crate::row::Row;
use crate::support::image::binary;
use buildkit_preflight::fact::{Errno, Facts, Plan, Step};
use buildkit_preflight::profile::Profile;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    /// What was said once, for people.
    #[serde(default, rename = "now")]
    _now: String,
    #[serde(default)]
    truth: String,
    expect: Option<ExpectOne>,
    /// A step of the probe that failed.
    fails: Option<Fails>,
    /// All else is of the facts.
    #[serde(flatten)]
    facts: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fails {
    step: Step,
    errno: Errno,
}

pub(crate) fn read(text: &str) -> Result<Case, String> {
    let case: Case = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let known = serde_json::to_value(Facts::unknown()).map_err(|error| error.to_string())?;
    let optional = ["ownPod", "trials"];
    match case.facts.keys().find(|key| known.get(key).is_none() && !optional.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown key {key}")),
        None => Ok(case),
    }
}

pub(crate) fn look(case: &Case) -> Row {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/pod");
    let healthy = Command::new(binary()).arg("facts").arg("--root").arg(tree).output().expect("facts");
    let mut facts: Value = serde_json::from_slice(&healthy.stdout).expect("facts of a pod");
    if let Some(fails) = &case.fails {
        facts["probes"] = json!([probe(fails)]);
    }
    merge(&mut facts, &Value::Object(case.facts.clone()));
    let (report, errors) = check(&["--facts", "-"], &facts.to_string());
    judge(&report, &errors, case.expect.as_ref(), &case.truth)
}

/// A probe of the default profile that came to a step, and failed there.
fn probe(fails: &Fails) -> Value {
    let plan: Plan = Profile::NoProcessSandbox.plan();
    let steps: Vec<_> = plan.steps().filter(|step| *step < fails.step && !step.is_of_own_pod()).collect();
    let mut results: Vec<_> = steps.iter().map(|step| json!({"step": step, "outcome": "worked", "micros": 1})).collect();
    results.push(json!({"step": fails.step, "outcome": "failed", "errno": fails.errno, "micros": 1}));
    json!({"plan": plan, "executable": "/usr/bin/rootlesskit", "uid": 1000, "mapSource": "helpers", "end": "completed", "steps": results})
}

/// Objects are merged, all else is replaced; a list whose elements have names is merged by these, as a strategic merge does.
pub(crate) fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value))
        }
        (Value::Array(into), Value::Array(from)) if from.iter().all(|element| element["name"].is_string()) => {
            for element in from {
                match into.iter_mut().find(|other| other["name"] == element["name"]) {
                    Some(other) => merge(other, element),
                    None => into.push(element.clone()),
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// `check` with some input: its report, and what it wrote on standard error.
pub(crate) fn check(arguments: &[&str], input: &str) -> (Value, String) {
    let mut command = Command::new(binary());
    command.args(["check", "--format", "json"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("check");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("write");
    let output = child.wait_with_output().expect("check");
    (serde_json::from_slice(&output.stdout).unwrap_or_default(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The row of a report that one expectation is held against.
pub(crate) fn judge(report: &Value, errors: &str, expect: Option<&ExpectOne>, truth: &str) -> Row {
    let Some(answer) = Answer::of(report) else {
        return Row::new("no answer".into(), vec!["check printed no report".into()], errors.into());
    };
    let said = format!("says: {}\nfix: {}", answer.messages, answer.fix);
    match expect {
        Some(expect) => Row::new(answer.line(), expect.wrongs(&answer), said),
        None => prose::judge(Row::new(answer.line(), Vec::new(), said.clone()), truth, &answer.verdict, &said),
    }
}
