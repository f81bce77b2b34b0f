//! `render values`: what it prints, and what it refuses.

use crate::preflight;
use predicates::prelude::*;
use predicates::str::{contains, starts_with};

#[test]
fn settings_of_a_tool_are_printed_with_the_users_prefix() {
    let render = |arguments: &[&str]| preflight().args(["render", "values"]).args(arguments).assert();
    render(&["--for", "buildx", "--label-prefix", "nodes.example.org"])
        .code(0)
        .stderr("")
        .stdout(starts_with("# For ").and(contains("nodeselector=nodes.example.org/no-process-sandbox=ready\n")));
    render(&["--for", "garden", "--profile", "rootful"]).code(0).stdout(contains("rootful-candidate: \"true\"\n"));
}

#[test]
fn what_a_tool_cannot_run_is_refused_with_a_hint() {
    let render = |arguments: &[&str]| preflight().args(["render", "values"]).args(arguments).assert().code(2).stdout("");
    let hint = "hint: choose --profile no-process-sandbox or rootful, or make the tool a client of the builder that `render builder --profile procmount` prints";
    render(&["--for", "buildx", "--profile", "procmount"]).stderr(
        contains("error: buildx can't run the profile procmount: the kubernetes driver has no option for hostUsers").and(contains(hint)),
    );
    render(&["--for", "shipwright", "--profile", "userns"]).stderr(contains("hint: choose --profile no-process-sandbox, or make"));
    render(&[]).stderr(contains("--for <TOOL>"));
    render(&["--for", "kaniko"]).stderr(contains("unknown tool (one of buildkit-service, "));
}
