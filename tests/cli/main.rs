//! The command line: exit codes, and one clear message for each kind of bad input.

mod builder;
mod called;
mod explain;
mod input;
mod scaling;
mod tools;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;

pub(crate) fn preflight() -> Command {
    Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"))
}

pub(crate) fn host(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(name).display().to_string()
}

#[test]
fn exit_codes_are_the_verdicts() {
    for (name, profile, code) in [
        ("debian-12", "no-process-sandbox", 0),
        ("debian-10", "no-process-sandbox", 1),
        ("debian-12", "procmount", 3),
        ("garbage", "no-process-sandbox", 3),
        ("bottlerocket-1.51", "rootful", 0),
    ] {
        preflight().args(["check", "--root", &host(name), "--profile", profile]).assert().code(code).stderr("");
    }
    // One that is not ready outweighs one that is unknown.
    preflight().args(["check", "--root", &host("debian-10"), "--profile", "no-process-sandbox", "--profile", "userns"]).assert().code(1);
}

#[test]
fn wrong_usage_is_exit_code_2_and_says_what_there_is() {
    preflight()
        .args(["check", "--profile", "sandbox"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("unknown profile").and(contains("no-process-sandbox")));
    preflight().args(["check", "--formt", "json"]).assert().code(2).stdout("").stderr(contains("--format"));
    preflight().args(["check", "--format", "xml"]).assert().code(2).stdout("").stderr(contains("yaml"));
    preflight().args(["check", "--deadline", "soon"]).assert().code(2).stdout("").stderr(contains("such as 500ms, 10s or 2m"));
    preflight().args(["check", "--process-sandbox", "maybe"]).assert().code(2).stdout("").stderr(contains("on|off"));
    preflight().args(["agent", "--node", "n", "--context", "x"]).assert().code(2).stdout("").stderr(contains("--kubeconfig"));
    preflight()
        .args(["agent", "--node", "n", "--shape", "root"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("no-process-sandbox, procmount, userns"));
    preflight()
        .args(["check", "--facts", "x", "--root", "/"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("--root cannot be used with --facts"));
    preflight().arg("chek").assert().code(2).stdout("").stderr(contains("check"));
    preflight().assert().code(2);
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["check", "facts", "probe", "prover", "tune", "agent", "cleanup"] {
        let help = preflight().args([command, "--help"]).assert().code(0);
        help.stdout(contains("Examples:").and(contains("buildkit-preflight")).and(contains("Exit codes:")));
    }
    preflight().args(["check", "--help"]).assert().stdout(contains("[possible values: no-process-sandbox, procmount, userns,"));
    preflight().args(["render", "builder", "--help"]).assert().code(0).stdout(contains("Examples:").and(contains("--min-nodes")));
    preflight().arg("--help").assert().code(0).stdout(contains("Exit codes:"));
}

#[test]
fn a_plan_for_another_node_says_what_why_and_how() {
    let plan = |name: &str, arguments: &[&str]| {
        let output = preflight().args(["facts", "--root", &host(name)]).output().expect("runs");
        preflight().args(["tune", "--facts", "-"]).args(arguments).write_stdin(output.stdout).assert()
    };
    plan("debian-12", &[]).code(0).stdout(contains("nothing to set"));
    plan("debian-10", &[]).code(1).stdout(
        contains("kernel.unprivileged_userns_clone")
            .and(contains("sysctl -w kernel.unprivileged_userns_clone=1"))
            .and(contains("Nothing was changed")),
    );
    plan("debian-10", &["--only", "user.max_user_namespaces"]).code(1).stdout(contains("--only"));
    plan("rhel-9-stig", &[]).code(1).stdout(contains("policy").and(contains("/etc/sysctl.conf sets this to 0")));
    plan("rhel-9-stig", &["--override-policy"])
        .code(1)
        .stdout(contains("0    63359").and(contains("but /etc/sysctl.conf sets it to 0 at the next boot")));
    plan("bottlerocket-1.51", &[]).code(1).stdout(contains("apiclient set"));
    let json = plan("hardened-two-causes", &["--format", "json"]).code(1);
    let json: serde_json::Value = serde_json::from_slice(&json.get_output().stdout).expect("JSON");
    assert_eq!((&json["kind"], &json["changes"][0]["from"]), (&"TunePlan".into(), &0.into()), "{json:#}");
}

#[test]
fn nothing_else_can_be_set_and_no_order_is_taken_twice() {
    for other in
        ["kernel.core_pattern", "../kernel/core_pattern", "user/../kernel/core_pattern", "kernel.apparmor_restrict_unprivileged_userns"]
    {
        preflight().args(["tune", "--apply", "--only", other]).assert().code(2).stdout("").stderr(contains("not a sysctl that may be set"));
    }
    for arguments in [
        &["--apply", "--forget"][..],
        &["--plan", "--apply"],
        &["--watch"],
        &["--status", "x", "--apply"],
        &["--forget", "--persist"],
        &["--apply", "--facts", "x"],
        &["--max-user-namespaces", "1023"],
        &["--max-user-namespaces", "2147483648"],
        &["kernel.core_pattern=x"],
    ] {
        preflight().arg("tune").args(arguments).assert().code(2).stdout("");
    }
}

#[test]
fn the_format_has_the_letter_that_kubectl_has() {
    let check = |format: &[&str]| preflight().args(["check", "--root", &host("debian-12")]).args(format).output().expect("runs").stdout;
    assert_eq!(check(&["-o", "json"]), check(&["--format", "json"]));
}

#[test]
fn a_cluster_is_asked_in_place_of_this_machine() {
    for arguments in [
        &["--cluster", "--facts", "x"][..],
        &["--cluster", "--root", "/"],
        &["--cluster", "--no-probe"],
        &["--cluster", "--deadline", "5s"],
        &["--cluster", "--namespace", "a/b"],
        &["--namespace", "builds"],
        &["--kubeconfig", "x"],
    ] {
        preflight().arg("check").args(arguments).assert().code(2).stdout("");
    }
    preflight().args(["check", "--cluster", "--kubeconfig", "/nowhere"]).assert().code(2).stdout("").stderr(contains("/nowhere"));
}

#[test]
fn facts_are_listed_with_the_places_where_they_tell_of_the_node() {
    let output = preflight().args(["facts", "--list"]).assert().code(0);
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    let line = |id: &str| text.lines().find(|line| line.starts_with(id)).map(str::to_owned).expect("a line");
    assert!(line("sysctls.user.max_user_namespaces").ends_with("host, pod"));
    assert!(line("process.seccomp").contains("/proc/self/status"));
}

#[test]
fn standard_output_that_takes_nothing_is_exit_code_4() {
    let shell = |redirection: &str| {
        let line = format!("\"$0\" check --root \"$1\" {redirection}; exit ${{PIPESTATUS[0]}}");
        Command::new("bash").args(["-c", &line, env!("CARGO_BIN_EXE_buildkit-preflight"), &host("debian-10")]).assert()
    };
    shell("> /dev/full").code(4).stderr(contains("standard output").and(contains("No space left")));
    shell(">&-").code(4).stderr(contains("standard output is closed"));
    shell("1</dev/null").code(4).stderr(contains("standard output is closed or cannot be written"));
    for closed in [">&-", "1</dev/null", "> /dev/full"] {
        let line = format!("\"$0\" probe --state-dir /tmp {closed}");
        let probe = Command::new("bash").args(["-c", &line, env!("CARGO_BIN_EXE_buildkit-preflight")]).assert();
        probe.code(4).stderr(contains("standard output"));
    }
    // A reader that has seen enough is no error; the verdict counts.
    shell("| true").code(1).stderr("");
    shell("> /dev/null").code(1).stderr("");
}
