//! The outputs in the text are the program's: what it prints for recorded facts, or says of them in a condition. `make docs` writes
//! them anew.
//!
//! The facts were recorded by `facts` on a machine, and in a container of runc with containerd's default seccomp profile and
//! no_new_privs; the kernels' local suffixes and the program's path are left out.

use crate::markdown::{repository, write, written};
use assert_cmd::Command;
use buildkit_preflight::admission::{Answer, judge};
use buildkit_preflight::fact::{Fact, Facts};
use buildkit_preflight::fleet::{Fleet, best};
use buildkit_preflight::node::{DEFAULT_PREFIX, Observation, View};
use buildkit_preflight::profile::Profile;
use buildkit_preflight::publish::{Accept, Verdicts, proof};
use buildkit_preflight::render::{BuilderOptions, builder_pod};
use buildkit_preflight::report::{ClusterProfile, ClusterReport, cluster_table};
use serde_json::{Map, Value, json};
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
    let pod = "tests/pods/cases/read-only-root/pod.yaml";
    stands("docs/pod-check.md", &format!("buildkit-preflight check -f {pod}"), 0, &text(output(&["check", "-f", pod], b"")));
    let explain = ["explain", "tests/docs/logs/buildkitd.log", "--facts", "tests/docs/facts/pod.json"];
    stands("docs/explain.md", &format!("buildkit-preflight {}", explain.join(" ")), 0, &text(output(&explain, b"")));
    let facts = output(&["facts", "--root", "tests/hosts/debian-5.10-clone0"], b"");
    stands("docs/tune.md", "buildkit-preflight tune", 0, &text(output(&["tune", "--facts", "-"], &facts)));
}

/// A node on which the profile's labels are these, and no more is known of others.
fn node(name: &str, verdict: &str) -> View {
    let labels = [("no-process-sandbox", verdict), ("procmount", verdict), ("userns-candidate", "true"), ("privileged", "unknown")];
    let labels: Map<_, _> = labels.iter().map(|(name, value)| (format!("{DEFAULT_PREFIX}/{name}"), json!(value))).collect();
    let node = serde_json::from_value(json!({"metadata": {"name": name, "uid": "u", "labels": labels}}));
    View::new(node.expect("a node"), DEFAULT_PREFIX)
}

fn nodes() -> [View; 2] {
    [node("node1", "ready"), node("node2", "not-ready")]
}

/// What `render builder --profile auto` says of these nodes.
fn chosen() -> String {
    let (best, fleets) = best(&nodes(), None, 2);
    assert_eq!(best, Some(Profile::Privileged));
    let chosen = fleets.iter().position(|fleet| fleet.profile == Profile::Privileged).expect("the chosen one");
    let passed: String = fleets[..chosen].iter().map(|fleet| format!("  {:<18}  {fleet}\n", fleet.profile.id())).collect();
    format!("auto: {}: {}\nbetter profiles with fewer than 2 ready nodes:\n{passed}", Profile::Privileged, fleets[chosen])
}

/// What `check --cluster` says where an API server answered so.
fn refused() -> String {
    let (profile, namespace, kubernetes) = (Profile::ProcMount, "baseline", "v1.36.3");
    let json = fs::read_to_string(repository().join("src/admission/captured/v1.36-baseline.json")).expect("an answer");
    let answer: Value = serde_json::from_str(&json).expect("JSON");
    let answer = Answer::Refused { code: 403, message: answer["message"].as_str().expect("a message").to_owned() };
    asked(profile, namespace, kubernetes, |_| answer)
}

/// What it says where an API server makes the pod as it was sent.
fn accepted() -> String {
    asked(Profile::NoProcessSandbox, "default", "v1.36.3", |pod| Answer::Made { pod: pod.clone(), warnings: Vec::new() })
}

fn asked(profile: Profile, namespace: &str, kubernetes: &str, answer: impl FnOnce(&Value) -> Answer) -> String {
    let pod = builder_pod(&BuilderOptions { profile, namespace: Some(namespace.into()), ..BuilderOptions::default() }).expect("a pod");
    let admission = judge(&answer(&pod), &pod, namespace, kubernetes).expect("an answer about the pod");
    let answered = ClusterProfile::new(profile, admission, Some(&Fleet::new(&nodes(), profile, None)));
    let report = ClusterReport::new(kubernetes.into(), namespace.into(), Ok(nodes().len()), vec![answered]);
    cluster_table(&report, Default::default())
}

#[test]
fn outputs_about_clusters_are_the_programs() {
    stands("docs/builders.md", "buildkit-preflight render builder --profile auto --min-nodes 2 | kubectl apply -f -", 0, &chosen());
    stands("README.md", "buildkit-preflight check --cluster --profile no-process-sandbox --namespace default", 0, &accepted());
    stands("docs/cluster-check.md", "buildkit-preflight check --cluster --profile procmount --namespace baseline", 0, &refused());
}
