//! `explain`: a cause by its id, the causes of a log.

use crate::preflight;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

const LINE: &str = "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted\n";

fn explained(log: &str, more: &[&str]) -> Value {
    let output = preflight().args(["explain", "-", "--format", "json"]).args(more).write_stdin(log).output().expect("it runs");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn causes(explained: &Value) -> Vec<&str> {
    explained["causes"].as_array().expect("causes").iter().filter_map(|cause| cause["cause"].as_str()).collect()
}

#[test]
fn an_id_gives_the_text_of_a_cause() {
    for cause in ["userns-max0", "admission-policy", "runtime-regression"] {
        let told = contains("## How to remove it").and(contains("## Source"));
        preflight()
            .args(["explain", cause])
            .assert()
            .code(0)
            .stdout(told.and(predicates::str::starts_with(format!("{cause}: "))))
            .stderr("");
    }
    preflight().args(["explain", "userns-max0", "--facts", "x"]).assert().code(2).stdout("").stderr(contains("--facts is for logs"));
}

#[test]
fn what_is_neither_a_cause_nor_a_file_is_bad_input() {
    let no_file = || contains("No such file").and(contains("hint: "));
    preflight().args(["explain", "userns-max"]).assert().code(2).stdout("").stderr(no_file().and(contains("explain userns-max0")));
    preflight().args(["explain", "nothing.log"]).assert().code(2).stdout("").stderr(no_file().and(contains("causes.md")));
    preflight().args(["explain", "/"]).assert().code(2).stdout("").stderr(contains("a directory, not a file"));
    preflight().args(["explain", "-", "--facts", "-"]).write_stdin("").assert().code(2).stdout("").stderr(contains("either the log or"));
    preflight().args(["explain", "-", "--facts", "Cargo.toml"]).write_stdin(LINE).assert().code(2).stdout("");
}

#[test]
fn facts_tell_which_of_several_causes_it_is() {
    let log = format!("nothing\n\u{1b}[31m2026-11-30T12:00:00Z {LINE}\u{1b}[0m");
    let first = |facts: &str| {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("facts.json");
        std::fs::write(&file, facts).expect("write");
        let told = explained(&log, &["--facts", &file.display().to_string()]);
        (causes(&told)[0].to_owned(), told["causes"][0]["sureness"].as_str().map(str::to_owned))
    };
    let header = r#""apiVersion": "buildkit-preflight.dev/v1", "kind": "Facts""#;
    let shown = |cause: &str| (cause.to_owned(), Some("shown".to_owned()));
    let clone = format!(r#"{{{header}, "sysctls": {{"kernel.unprivileged_userns_clone": {{"known": 0}}}}}}"#);
    assert_eq!(first(&clone), shown("userns-clone0"));
    let debian = format!(r#"{{{header}, "os": {{"known": {{"id": "debian", "versionId": "10"}}}}}}"#);
    assert_eq!(first(&debian), ("userns-clone0".into(), Some("usual".into())));
    let told = explained(&log, &[]);
    assert_eq!((causes(&told)[0], &told["causes"][0]["line"], &told["lines"]), ("seccomp", &2.into(), &3.into()));
}

#[test]
fn a_log_that_says_nothing_is_unknown() {
    preflight().args(["explain", "-"]).write_stdin("all is well\n").assert().code(3).stdout(contains("this log (1 line)")).stderr("");
    preflight().args(["explain", "/dev/null"]).assert().code(2).stderr(contains("a device"));
}

#[test]
fn a_log_of_logs_says_the_same() {
    let run = r##"{"log":"#8 0.07 runc run failed: error mounting \"proc\" to rootfs at \"/proc\": operation not permitted\n","stream":"stderr"}"##;
    assert_eq!(causes(&explained(run, &[]))[0], "masked-proc");
    // Lines end as a terminal's do, and a message lies across two pieces of a line that has no end.
    assert_eq!(causes(&explained(&LINE.replace('\n', "\r\n"), &[]))[0], "seccomp");
    let long = format!("{}{}", "x".repeat((64 << 10) - 40), LINE.trim());
    assert_eq!(causes(&explained(&long, &[]))[0], "seccomp");
}

#[test]
fn bytes_of_anybody_are_harmless() {
    let mut log = b"\xff\xfe\x1b]0;title\x07 ".to_vec();
    log.extend_from_slice(LINE.trim().as_bytes());
    log.extend_from_slice(b" \x1b[2J\xc2\x9b31m\n");
    let output = preflight().args(["explain", "-"]).write_stdin(log).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}
