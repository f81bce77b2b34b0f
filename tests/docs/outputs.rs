//! The outputs in the text are the program's: what it prints for recorded facts, or says of them in a condition. `make docs` writes
//! them anew.
//!
//! The facts were recorded by `facts` on a machine, and in a container of runc with containerd's default seccomp profile and
//! no_new_privs; the kernels' local suffixes and the program's path are left out.

use crate::markdown::{repository, write, written};
use assert_cmd::Command;
use buildkit_preflight::admission::Obstacle;
use buildkit_preflight::fact::{Fact, Facts};
use buildkit_preflight::fleet::best;
use buildkit_preflight::node::{DEFAULT_PREFIX, Observation, View};
use buildkit_preflight::profile::Profile;
use buildkit_preflight::publish::{Accept, Verdicts, proof};
use serde_json::{Map, json};
use std::fs;
use std::path::Path;

/// The longest line of a condition's message.
const WIDTH: usize = 92;

/// The output of a command that is no failure by itself.
fn output(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut program = Command::cargo_bin("buildkit-preflight").expect("the program");
    let output = program.current_dir(repository()).args(arguments).write_stdin(input).output().expect("it runs");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).expect("text")
}

/// Holds the block that begins with this command, counted from 0 among those of a page, to what follows the command; or writes it.
fn stands(path: &str, command: &str, number: usize, expected: &str) {
    let page = written().find(|page| page.path == Path::new(path)).expect("a page");
    let begin = format!("$ {command}\n");
    let block = page.blocks.iter().filter(|block| block.text.starts_with(&begin)).nth(number);
    let stood = &block.unwrap_or_else(|| panic!("{path} has no block {number} of {command}")).text[begin.len()..];
    if std::env::var_os("UPDATE").is_some() && stood != expected {
        let position = page.text.match_indices(&begin).nth(number).expect("the block").0 + begin.len();
        let (before, after) = page.text.split_at(position);
        write(&repository().join(path), &format!("{before}{expected}{}", &after[stood.len()..]));
    } else {
        assert!(stood == expected, "{path}: the output of {command} is not the program's: run `make docs`. It prints\n{expected}");
    }
}

/// What `kubectl describe node` shows of the pod's node, where the pod asked for a builder's confinement.
fn described() -> String {
    let json = fs::read_to_string(repository().join("tests/docs/facts/pod.json")).expect("facts");
    let mut facts: Facts = serde_json::from_str(&json).expect("facts");
    facts.process.no_new_privs = Fact::Known(false);
    facts.process.asked_unconfined = Fact::Known(true);
    let seen = Observation::new(facts, &View::default());
    let desired = proof(&seen, &Verdicts::of(&seen, Profile::NoProcessSandbox), Accept::Proven);
    let condition = &desired.conditions[0];
    let start = format!("  {}  {:<6}  ...  {:<7}  ", condition.kind, condition.status.to_string(), condition.reason);
    let mut lines = vec![String::new()];
    for word in condition.message.split(' ') {
        let line = lines.last_mut().expect("a line");
        if line.is_empty() || line.len() + word.len() < WIDTH {
            line.extend([if line.is_empty() { "" } else { " " }, word]);
        } else {
            lines.push(word.to_owned());
        }
    }
    let margin = format!("\n{:width$}", "", width = start.len());
    format!("Conditions:\n  Type              Status  ...  Reason   Message\n{start}{}\n", lines.join(&margin))
}

#[test]
fn outputs_are_the_programs() {
    stands("README.md", "buildkit-preflight check", 0, &text(output(&["check", "--facts", "tests/docs/facts/machine.json"], b"")));
    stands("README.md", "buildkit-preflight check", 1, &text(output(&["check", "--facts", "tests/docs/facts/pod.json"], b"")));
    stands("README.md", "kubectl describe node node2", 0, &described());
    let facts = output(&["facts", "--root", "tests/hosts/debian-5.10-clone0"], b"");
    stands("docs/tune.md", "buildkit-preflight tune", 0, &text(output(&["tune", "--facts", "-"], &facts)));
}

/// The text of a page.
fn page(path: &str) -> String {
    fs::read_to_string(repository().join(path)).expect("a page")
}

#[test]
fn what_auto_says_is_what_the_labels_of_two_nodes_come_to() {
    let node = |verdict: &str| {
        let labels = [("no-process-sandbox", verdict), ("procmount", verdict), ("userns-candidate", "true"), ("privileged", "unknown")];
        let labels: Map<_, _> = labels.iter().map(|(name, value)| (format!("{DEFAULT_PREFIX}/{name}"), json!(value))).collect();
        let node = serde_json::from_value(json!({"metadata": {"name": verdict, "uid": "u", "labels": labels}}));
        View::new(node.expect("a node"), DEFAULT_PREFIX)
    };
    let (best, fleets) = best(&[node("ready"), node("not-ready")], None, 2);
    let text = page("docs/builders.md");
    assert_eq!(best, Some(Profile::Privileged));
    for fleet in &fleets {
        let (profile, said) = (fleet.profile, fleet.to_string());
        let line =
            if profile == Profile::Privileged { format!("auto: {profile}: {said}") } else { format!("  {:<18}  {said}", profile.id()) };
        assert!(text.lines().any(|text| text == line) == (profile != Profile::Rootful), "docs/builders.md: {line}");
    }
}

#[test]
fn what_a_cluster_refuses_is_named_by_the_programs_words() {
    let why = format!("{} (baseline)", Obstacle::PodSecurity.title());
    let (text, id) = (page("docs/cluster-check.md"), format!("not ready ({})", Obstacle::PodSecurity.id()));
    assert!(text.contains(&why) && text.contains(&id), "docs/cluster-check.md has not: {why}, {id}");
}
