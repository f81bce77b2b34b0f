//! What is printed for people: nobody's text acts on the terminal, colours and widths are those that users asked for, and an output
//! that takes nothing is said, or changes nothing.

use assert_cmd::Command;
use buildkit_preflight::check::judge;
use buildkit_preflight::fact::Facts;
use buildkit_preflight::gather::{Options, gather};
use buildkit_preflight::profile::Profile;
use buildkit_preflight::report::{Report, Style, table, tune_plan_table};
use buildkit_preflight::tune::plan::{TuneOptions, TunePlan};
use predicates::str::contains;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// It sets a window's title, and forges a line.
const FORGED: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\r\nFORGED";

const BINARY: &str = env!("CARGO_BIN_EXE_buildkit-preflight");

fn preflight() -> Command {
    Command::new(BINARY)
}

fn host(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(name)
}

fn facts(name: &str) -> Value {
    let options = Options { root: Some(host(name)), ..Options::default() };
    serde_json::to_value(gather(&options).expect("facts")).expect("JSON")
}

/// The places of all texts in a value.
fn texts(value: &Value, path: &str, places: &mut Vec<String>) {
    match value {
        Value::String(_) => places.push(path.to_owned()),
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| texts(value, &format!("{path}/{index}"), places)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| texts(value, &format!("{path}/{name}"), places)),
        _ => {}
    }
}

/// No line but those that are there without what was planted begins with it, and nothing acts on a terminal.
fn assert_harmless(text: &str, what: &str) {
    let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!text.contains(acts), "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("FORGED")), "{what}: {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 3_000), "{what}: a line is too long");
}

#[test]
fn no_text_of_facts_acts_on_the_terminal() {
    let (mut planted, mut shown) = (0, 0);
    for name in ["debian-10", "rhel-9-stig", "hardened-two-causes", "pod-seccomp-crio"] {
        let facts = facts(name);
        let mut places = Vec::new();
        texts(&facts, "", &mut places);
        for place in places {
            for text in [FORGED.to_owned(), format!("{FORGED}{}", "x".repeat(1 << 20))] {
                let mut changed = facts.clone();
                let at = changed.pointer_mut(&place).expect("a text");
                let before = at.as_str().unwrap_or_default().to_owned();
                *at = format!("{before}{text}").into();
                // A text that is one of some words takes no other.
                let Ok(facts) = serde_json::from_value::<Facts>(changed) else { continue };
                planted += 1;
                let verdicts = Profile::ALL.map(|profile| judge(&facts, profile, None)).to_vec();
                let options = TuneOptions { profiles: Profile::ALL.to_vec(), ..TuneOptions::default() };
                let plan = tune_plan_table(&TunePlan::new(&facts, &options), &facts, Style::default());
                let table = table(&Report::new(verdicts, facts), Style::default());
                shown += usize::from(table.contains("FORGED")) + usize::from(plan.contains("FORGED"));
                assert_harmless(&table, &place);
                assert_harmless(&plan, &place);
            }
        }
    }
    assert!(planted > 80 && shown > 20, "{planted} planted, {shown} shown");
}

#[test]
fn no_text_that_was_given_acts_on_the_terminal() {
    let long = format!("{FORGED}{}", "x".repeat(100_000));
    for text in [FORGED, &long] {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        std::fs::write(file.path(), serde_json::json!({"apiVersion": text, "kind": text}).to_string()).expect("write");
        let facts_file = file.path().to_str().expect("UTF-8");
        for arguments in [
            &["check", "--profile", text][..],
            &["check", "--facts", text],
            &["check", "--facts", facts_file],
            &["check", "--root", text],
            &["check", "--state-dir", text],
            &["check", "--deadline", text],
            &["check", "--cluster", "--kubeconfig", text],
            &["check", &format!("--{text}")],
            &["check", text],
            &["cleanup", text],
            &["cleanup", "--", text],
            &["cleanup", &format!("--{text}")],
            &["tune", "--only", text],
            &["agent", "--node", "n", "--kubeconfig", text],
            &["probe", "--sub-ids", &serde_json::json!({ "uids": text }).to_string()],
            &["render", "builder", "--image", text],
            &["render", "builder", "--user", text],
            &["render", "builder", "--pool", text],
            &["render", "karpenter", "--node-class", text],
            &["build", "--image", "a/b:1", "--secret", text],
            &["build", "--image", "a/b:1", "--build-arg", &"x".repeat(100_000)],
            &["prover", "--shape", "userns", "--socket", &format!("/nowhere/{text}")],
            &["facts", "--capture", &format!("/nowhere/{text}")],
            &[text],
        ] {
            let output = preflight().args(arguments).output().expect("runs");
            let said = String::from_utf8(output.stderr).expect("UTF-8");
            assert!([Some(2), Some(4)].contains(&output.status.code()) && !said.is_empty(), "{arguments:.200?}: {:?}", output.status);
            assert_harmless(&said, &format!("{arguments:.200?}"));
            assert!(said.len() < 20_000, "{arguments:.200?}: {} bytes", said.len());
        }
    }
}

#[test]
fn json_and_yaml_keep_a_text_as_it_is() {
    let mut facts = facts("debian-12");
    facts["node"]["known"] = FORGED.into();
    let print = |format: &str| {
        let output = preflight().args(["check", "--facts", "-", "--format", format]).write_stdin(facts.to_string()).output().expect("runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let (json, yaml) = (print("json"), print("yaml"));
    assert_harmless(&json, "JSON");
    assert_harmless(&yaml, "YAML");
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON")["node"], FORGED);
    assert!(yaml.contains("FORGED"));
}

/// Runs a line of the shell with the program as `$0`; its exit code and standard error.
fn shell(line: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new("bash").args(["-c", line, BINARY]).args(arguments).output().expect("bash");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_standard_error_that_takes_nothing_changes_no_exit_code() {
    let root = host("debian-10");
    let root = root.to_str().expect("UTF-8");
    for redirection in ["2> /dev/full", "2>&-", "2> >(exec <&-; sleep 0)"] {
        for (command, code) in [
            ("check --root \"$1\" > /dev/null", 1),
            ("check --profile x", 2),
            ("check --facts /nowhere/at/all", 0),
            ("render builder --profile procmount > /dev/null", 0),
            ("prover --shape userns --socket /nowhere/at/all", 4),
            ("agent --node n --kubeconfig /nowhere --listen 127.0.0.1:0", 2),
        ] {
            let (got, _) = shell(&format!("\"$0\" {command} {redirection}"), &[root]);
            let expected = if code == 0 && command.starts_with("check") { [Some(2), Some(4)] } else { [Some(code); 2] };
            assert!(expected.contains(&got), "{command} {redirection}: {got:?}");
        }
    }
}

#[test]
fn a_standard_output_that_takes_nothing_is_said() {
    let root = host("debian-12");
    let root = root.to_str().expect("UTF-8");
    for command in [
        "--help",
        "--version",
        "help check",
        "check --help",
        "check --cluster --help",
        "check --root \"$1\"",
        "check --root \"$1\" --format json",
        "check --root \"$1\" --format yaml",
        "facts --root \"$1\"",
        "facts --list",
        "render agent --image r.example/p:1",
        "render builder --tls --no-guard",
        "render template",
        "render values --for buildx",
        "render readiness-rule",
        "render nfd-rule",
        "render npd",
        "render monitoring",
        "render cluster-autoscaler",
    ] {
        for redirection in ["> /dev/full", ">&-"] {
            let (code, said) = shell(&format!("\"$0\" {command} {redirection}"), &[root]);
            assert!(code == Some(4) && said.contains("standard output"), "{command} {redirection}: {code:?} {said}");
        }
        let (code, said) = shell(&format!("set -o pipefail; \"$0\" {command} | true"), &[root]);
        // How long certificates are valid is said beside them.
        let said = said.lines().find(|line| !line.starts_with("tls: "));
        assert_eq!((code, said), (Some(0), None), "{command}: a reader that has seen enough");
    }
}

#[test]
fn colours_are_those_that_users_ask_for() {
    let coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = preflight();
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "CI"] {
            command.env_remove(name);
        }
        let output = command.envs(variables.iter().copied()).args(arguments).output().expect("runs");
        (output.stdout.contains(&0x1b), output.stderr.contains(&0x1b))
    };
    let root = host("debian-10");
    let check = ["check", "--root", root.to_str().expect("UTF-8")];
    // Nothing here is a terminal.
    assert_eq!(coloured(&[], &check), (false, false));
    assert_eq!(coloured(&[("CLICOLOR", "1")], &check), (false, false));
    for (arguments, forced) in [(&check[..], (true, false)), (&["--help"], (true, false)), (&["check", "--x"], (false, true))] {
        assert_eq!(coloured(&[("CLICOLOR_FORCE", "1")], arguments), forced, "{arguments:?}");
        assert_eq!(coloured(&[("CLICOLOR_FORCE", "0")], arguments), (false, false), "{arguments:?}");
        assert_eq!(coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")], arguments), forced, "{arguments:?}");
        assert_eq!(coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "0")], arguments), (false, false), "{arguments:?}");
    }
}

/// What a command prints on a terminal of 60 columns.
fn on_a_terminal(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    use std::io::Read;
    use std::os::fd::FromRawFd;
    let (mut master, mut slave) = (-1, -1);
    let size = nix::libc::winsize { ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: writes two file descriptors, and reads a size that lives.
    let opened = unsafe { nix::libc::openpty(&mut master, &mut slave, std::ptr::null_mut(), std::ptr::null(), &size) };
    assert_eq!(opened, 0, "openpty");
    // SAFETY: both were opened just now, and nobody else has them.
    let (mut master, slave) = unsafe { (std::fs::File::from_raw_fd(master), std::fs::File::from_raw_fd(slave)) };
    let mut command = std::process::Command::new(BINARY);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    let mut child = command.env("TERM", "xterm").envs(variables.iter().copied()).args(arguments).stdout(slave).spawn().expect("runs");
    drop(command);
    let mut printed = Vec::new();
    // The end of a terminal is an error (EIO).
    let _ = master.read_to_end(&mut printed);
    child.wait().expect("ends");
    String::from_utf8(printed).expect("UTF-8")
}

#[test]
fn on_a_terminal_there_are_colours_unless_users_ask_for_none_and_lines_keep_within_it() {
    let root = host("hardened-two-causes");
    let check = ["check", "--root", root.to_str().expect("UTF-8")];
    for (variables, coloured) in [
        (&[][..], true),
        (&[("NO_COLOR", "")], true),
        (&[("NO_COLOR", "1")], false),
        (&[("CLICOLOR", "0")], false),
        (&[("CLICOLOR", "1")], true),
        (&[("TERM", "dumb")], false),
        (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true),
    ] {
        assert_eq!(on_a_terminal(variables, &check).contains('\u{1b}'), coloured, "{variables:?}");
        assert_eq!(on_a_terminal(variables, &["--help"]).contains('\u{1b}'), coloured, "{variables:?}");
    }
    let text = on_a_terminal(&[("NO_COLOR", "1")], &check);
    let words: Vec<_> = text.lines().filter(|line| !line.starts_with("  fix") && !line.trim_start().starts_with("to keep it")).collect();
    assert!(words.iter().all(|line| line.chars().count() <= 60) && words.len() > 8, "{text}");
    // A command to paste stays one line.
    assert!(text.contains("to keep it: echo 'user.max_user_namespaces = 63359' >> /etc/sysctl.d/60-userns.conf"), "{text}");
}

#[test]
fn help_keeps_within_the_width_that_there_is() {
    for (columns, most) in [(None, 100), (Some("80"), 80), (Some("300"), 100), (Some("60"), 80)] {
        for command in [
            &["--help"][..],
            &["check", "--help"],
            &["check", "--cluster", "--help"],
            &["check", "-h"],
            &["facts", "--help"],
            &["agent", "--help"],
            &["cleanup", "--help"],
            &["tune", "--help"],
            &["render", "--help"],
            &["render", "agent", "--help"],
            &["render", "builder", "--help"],
            &["render", "values", "--help"],
            &["render", "karpenter", "--help"],
            &["probe", "--help"],
            &["prover", "--help"],
        ] {
            let mut program = preflight();
            program.env_remove("COLUMNS").envs(columns.map(|columns| ("COLUMNS", columns)));
            let help = program.args(command).assert().code(0);
            let help = String::from_utf8_lossy(&help.get_output().stdout).into_owned();
            for line in help.lines() {
                assert!(line.chars().count() <= most, "{command:?} at {columns:?}: {line}");
            }
            assert!(help.contains("Usage: buildkit-preflight"));
        }
    }
}

#[test]
fn who_wants_only_results_gets_no_warnings() {
    let render = ["render", "agent"];
    preflight().args(render).assert().code(0).stderr(contains("warning: no --image"));
    let quiet = preflight().args(render).arg("--quiet").assert().code(0).stderr("");
    let loud = preflight().args(render).output().expect("runs");
    assert_eq!(quiet.get_output().stdout, loud.stdout);
    preflight().args(["-q", "check", "--facts", "/nowhere"]).assert().code(2).stderr(contains("error: "));
}
