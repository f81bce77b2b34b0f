//! Files and directories that are named: facts of another machine, what is there and what is not.

use crate::{host, preflight};
use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// A facts file made of a captured host, changed as text.
fn facts_file(change: impl Fn(String) -> String) -> tempfile::NamedTempFile {
    let output = preflight().args(["facts", "--root", &host("debian-12")]).output().expect("runs");
    let text = change(String::from_utf8(output.stdout).expect("UTF-8"));
    let file = tempfile::NamedTempFile::new().expect("temp file");
    std::fs::write(file.path(), text).expect("write");
    file
}

#[test]
fn a_state_dir_that_is_not_there_is_named() {
    preflight()
        .args(["check", "--state-dir", "/nowhere/at/all"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("/nowhere/at/all").and(contains("No such file")));
    preflight().args(["facts", "--state-dir", "/etc/passwd"]).assert().code(2).stdout("").stderr(contains("not a directory"));
    let unreadable = tempfile::tempdir().expect("temp dir");
    let odd = unreadable.path().join(std::ffi::OsString::from_vec(b"st\xff".to_vec()));
    std::fs::create_dir(&odd).expect("mkdir");
    preflight().args(["check", "--state-dir"]).arg(odd).assert().code(2).stdout("").stderr(contains("not UTF-8"));
    preflight().args(["check", "--root", "/nowhere/at/all"]).assert().code(2).stdout("").stderr(contains("/nowhere/at/all"));
}

#[test]
fn a_facts_file_that_is_none_is_refused_with_its_place() {
    type Row = (&'static str, fn(String) -> String, &'static str);
    let rows: [Row; 20] = [
        ("a byte order mark", |text| format!("\u{feff}{text}"), "byte order mark"),
        ("a NUL", |text| text.replacen('{', "{\0", 1), "at line 1"),
        ("another document", |text| format!("{text}\n{text}"), "something follows"),
        (
            "a field twice",
            |text| text.replacen("\"kernel\"", "\"kernel\": {\"known\": \"6.1\"}, \"kernel\"", 1),
            "\"kernel\" is given twice",
        ),
        ("a fact twice", |text| text.replacen("\"known\": \"6.18.44\"", "\"known\": \"6.1\", \"known\": \"6.18.44\"", 1), "given twice"),
        ("YAML", |_| "apiVersion: buildkit-preflight.dev/v1\nkind: Facts\n".into(), "expected value"),
        ("a very deep array", |text| text.replacen('{', &format!("{{\"x\": {},", "[".repeat(100_000)), 1), "recursion limit"),
        ("a very deep object", |text| text.replacen('{', &format!("{{\"x\": {}", "{\"a\":".repeat(100_000)), 1), "recursion limit"),
        ("a number out of range", |text| text.replacen('{', "{\"x\": 1e999,", 1), "number out of range"),
        ("a negative sysctl", |text| text.replace("\"known\": 96365", "\"known\": -1"), "for `sysctls"),
        ("a sysctl as a text", |text| text.replace("\"known\": 96365", "\"known\": \"63359\""), "for `sysctls"),
        ("a sysctl with a fraction", |text| text.replace("\"known\": 96365", "\"known\": 63359.5"), "for `sysctls"),
        ("cut in half", |text| text[..text.len() / 2].to_owned(), "EOF while parsing"),
        ("empty", |_| String::new(), "line 1, column 0"),
        ("no JSON", |_| "kernel: 6.1".into(), "expected value"),
        ("a newer major version", |text| text.replace("preflight.dev/v1", "preflight.dev/v2"), "buildkit-preflight.dev/v2"),
        ("another kind", |text| text.replace("\"Facts\"", "\"Pod\""), "neither Facts nor Report"),
        (
            "an array for an object",
            |text| text.replace("\"tools\": {", "\"tools\": [], \"others\": {"),
            "expected struct Tools for `tools`",
        ),
        ("a wrong type", |text| text.replace("\"6.18.44\"", "6.18"), "for `kernel"),
        ("something after it", |text| text + "{}", "something follows"),
    ];
    for (what, change, message) in rows {
        let file = facts_file(change);
        let path = file.path().to_str().expect("UTF-8");
        preflight()
            .args(["check", "--facts", path])
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains(message).and(contains("hint: ")).and(contains(path)));
        assert!(!what.is_empty());
    }
    for bytes in [vec![0xff, 0xfe], "{}".encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect()] {
        preflight().args(["check", "--facts", "-"]).write_stdin(bytes).assert().code(2).stderr(contains("not text"));
    }
}

#[test]
fn fields_of_a_later_version_are_passed_over_and_named_on_one_line() {
    let check = |file: &tempfile::NamedTempFile| {
        preflight().args(["check", "--format", "json", "--facts"]).arg(file.path()).output().expect("runs")
    };
    let (now, later) = (
        facts_file(|text| text),
        facts_file(|text| {
            text.replacen('{', "{\"fuel\": 1,", 1).replace("\"process\": {", "\"process\": {\"a\\u001bb\\nc\": {\"known\": [2]},")
        }),
    );
    let (now, later) = (check(&now), check(&later));
    assert_eq!((now.stdout, now.status, now.stderr), (later.stdout, later.status, Vec::new()));
    let note = String::from_utf8(later.stderr).expect("UTF-8");
    assert!(note.starts_with("note: ") && note.contains(": fuel, process.a\\u{1b}b\\nc"), "{note:?}");
    assert_eq!(note.lines().count(), 1, "{note:?}");
}

#[test]
fn a_build_that_was_asked_for_and_not_tried_is_said() {
    // No builder's programs are on this PATH.
    for profile in ["no-process-sandbox", "privileged", "rootful", "userns"] {
        let check = |format: &str| {
            let mut command = preflight();
            command
                .env("PATH", "/nowhere")
                .args(["check", "--prove", "build", "--profile", profile, "--format", format])
                .output()
                .expect("runs")
                .stdout
                .clone()
        };
        let table = String::from_utf8(check("table")).expect("UTF-8");
        assert!(table.contains("a real build was not tried: "), "{profile}: {table}");
        let report: serde_json::Value = serde_json::from_slice(&check("json")).expect("JSON");
        let findings = report["profiles"][0]["findings"].as_array().expect("findings");
        let of_build = findings.iter().find(|finding| finding["check"] == "trial-build").expect("a finding of the build");
        assert_eq!(of_build["outcome"], "unknown", "{profile}");
        assert_ne!(report["profiles"][0]["evidence"], "proven", "{profile}");
    }
}

#[test]
fn recorded_probes_are_evidence_and_facts_alone_predict() {
    let check = |facts: &serde_json::Value| {
        let mut command = preflight();
        let output = command.args(["check", "--format", "json", "--facts", "-"]).write_stdin(facts.to_string()).output().expect("runs");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON")["profiles"][0]["evidence"].clone()
    };
    let output = preflight().arg("facts").output().expect("runs");
    let mut facts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let live = preflight().args(["check", "--format", "json"]).output().expect("runs");
    let live: serde_json::Value = serde_json::from_slice(&live.stdout).expect("JSON");
    assert_eq!(check(&facts), live["profiles"][0]["evidence"], "as on the machine itself");
    facts["probes"] = serde_json::json!([]);
    assert_eq!(check(&facts), "predicted");
}

#[test]
fn facts_left_out_are_unknown_and_never_bad() {
    preflight()
        .args(["check", "--facts", "-"])
        .write_stdin(r#"{"apiVersion":"buildkit-preflight.dev/v1","kind":"Facts"}"#)
        .assert()
        .code(3)
        .stdout(contains("not reported"));
}

#[test]
fn judging_again_gives_the_same_bytes() {
    let check =
        |arguments: &[&str], input: &[u8]| preflight().arg("check").args(arguments).write_stdin(input).output().expect("runs").stdout;
    for format in ["table", "json", "yaml"] {
        // A report contains its facts, those of a probe on this very machine included.
        let report = check(&["--format", "json", "--profile", "privileged", "--profile", "userns"], b"");
        let again = |input: &[u8]| check(&["--format", format, "--profile", "privileged", "--profile", "userns", "--facts", "-"], input);
        let facts = serde_json::from_slice::<serde_json::Value>(&report).expect("JSON")["facts"].to_string();
        assert_eq!(again(&report), again(facts.as_bytes()));
        assert!(format != "json" || again(&report) == report, "the report judged again is the report");
    }
}

#[test]
fn json_yaml_and_table_say_the_same() {
    let check = |format: &str| {
        let output = preflight().args(["check", "--root", &host("debian-10"), "--format", format]).output().expect("runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let json: serde_json::Value = serde_json::from_str(&check("json")).expect("JSON");
    assert_eq!(json["profiles"][0]["verdict"], "not-ready");
    assert_eq!(json["profiles"][0]["causes"][0], "userns-clone0");
    assert!(check("yaml").contains("verdict: not-ready") && check("yaml").contains("- userns-clone0"));
    assert!(check("table").contains("not ready") && check("table").contains("(userns-clone0)"));
    assert!(!check("table").contains('\x1b'), "no colour in a pipe");
}

/// Something in the place of a file or a directory that a user named, below a directory of its own.
fn odd_places(dir: &Path) -> Vec<(&'static str, std::path::PathBuf)> {
    let path = |name: &str| dir.join(name);
    std::fs::write(path("file"), "not facts").expect("write");
    nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    std::mem::forget(std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket"));
    std::os::unix::fs::symlink("loop", path("loop")).expect("symlink");
    std::os::unix::fs::symlink("gone", path("dangling")).expect("symlink");
    let long = "x".repeat(5000);
    vec![
        ("nothing", path("none")),
        ("nothing below a file", path("file/below")),
        ("a FIFO", path("fifo")),
        ("a socket", path("socket")),
        ("an endless device", "/dev/zero".into()),
        ("an empty device", "/dev/null".into()),
        ("a circle", path("loop")),
        ("a link to nothing", path("dangling")),
        ("a name that is too long", path(&long)),
    ]
}

#[test]
fn a_path_that_was_named_and_is_not_there_or_of_another_kind_is_bad_input() {
    let dir = tempfile::tempdir().expect("temp dir");
    let whole = dir.path().display().to_string();
    let places = odd_places(dir.path());
    let file = ("a file", dir.path().join("file"));
    let directory = ("a directory", dir.path().to_owned());
    let refused = |what: &str, arguments: &[&str], path: &Path| {
        let output = preflight().args(arguments).arg(path).timeout(std::time::Duration::from_secs(60)).output().expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {what}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains("\nhint: ") && stderr.lines().count() == 2, "{what}: {stderr}");
        assert_eq!(output.stdout, b"", "{what}");
    };
    for (what, path) in places.iter().chain([&directory]) {
        refused(what, &["check", "--facts"], path);
        refused(what, &["tune", "--facts"], path);
    }
    for (what, path) in places.iter().chain([&file]) {
        refused(what, &["check", "--root"], path);
        refused(what, &["facts", "--root"], path);
        refused(what, &["check", "--state-dir"], path);
        refused(what, &["facts", "--state-dir"], path);
        refused(what, &["probe", "--state-dir"], path);
        refused(what, &["tune", "--apply", "--sysctls"], path);
        refused(what, &["agent", "--node", "n", "--state-dir"], path);
        refused(what, &["prover", "--shape", "userns", "--socket", &format!("{whole}/s"), "--state-dir"], path);
    }
    for (what, path) in places.iter().filter(|(what, _)| *what != "nothing").chain([&file, &directory]) {
        refused(what, &["facts", "--capture"], path);
    }
    refused("no parent", &["facts", "--capture"], &dir.path().join("none/below"));
}

#[test]
fn what_could_not_be_read_is_no_bad_input() {
    // A process without a right to look: root has it all the same, unless it gives it up.
    let dir = tempfile::tempdir().expect("temp dir");
    let closed = dir.path().join("closed");
    std::fs::create_dir_all(closed.join("tree")).expect("mkdir");
    let facts = facts_file(|text| text);
    std::fs::copy(facts.path(), closed.join("facts.json")).expect("copy");
    let mode = |mode| std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("chmod");
    mode(0o000);
    let denied = |arguments: &str, path: &str| {
        let line = format!("exec \"$0\" {arguments} \"$1\"/{path}");
        let bare = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "sh", "-c", &line];
        let mut command = Command::new("setpriv");
        let output = command.args(bare).arg(env!("CARGO_BIN_EXE_buildkit-preflight")).arg(&closed).output().expect("setpriv");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(4) && stderr.contains("Permission denied"), "{arguments}: {:?} {stderr}", output.status);
    };
    denied("check --facts", "facts.json");
    denied("check --root", "tree");
    denied("check --root", ".");
    denied("check --state-dir", "tree");
    denied("prover --shape userns --socket /nowhere --state-dir", "tree");
    denied("tune --apply --sysctls", "tree");
    denied("facts --capture", "new");
    mode(0o755);
}

#[test]
fn facts_may_come_through_a_pipe() {
    let shell = |line: &str| Command::new("bash").args(["-c", line, env!("CARGO_BIN_EXE_buildkit-preflight"), &host("debian-10")]).assert();
    shell("\"$0\" check --facts <(\"$0\" facts --root \"$1\")").code(1).stderr("");
    shell("\"$0\" facts --root \"$1\" | \"$0\" check --facts -").code(1).stderr("");
    shell("head -c 20M /dev/zero | \"$0\" check --facts -").code(2).stderr(contains("standard input: larger than 2 MiB"));
    shell("\"$0\" check --facts <(head -c 20M /dev/zero)").code(2).stderr(contains("larger than 2 MiB"));
    shell("\"$0\" check --facts - < /").code(2).stderr(contains("directory"));
    shell("\"$0\" check --facts - <&-").code(2);
}

#[test]
fn a_file_that_is_too_large_is_said_to_be() {
    let facts = facts_file(|text| text + &" ".repeat(2 << 20));
    preflight().args(["check", "--facts"]).arg(facts.path()).assert().code(2).stdout("").stderr(contains(": larger than 2 MiB"));
    let dir = tempfile::tempdir().expect("temp dir");
    let tree = dir.path().join("tree");
    assert!(std::process::Command::new("cp").arg("-a").arg(host("debian-12")).arg(&tree).status().expect("cp").success());
    // The line of the state dir lies behind what fits.
    let table = tree.join("proc/self/mountinfo");
    let text = std::fs::read_to_string(&table).expect("a table");
    let line = |n: usize| format!("{n} 1 0:{n} / /pods/{n} rw - tmpfs none rw\n");
    let long: String = (100..500_000).map(line).collect();
    assert!(long.len() > 16 << 20);
    std::fs::write(&table, long + &text).expect("write");
    let output = preflight().args(["check", "--format", "json", "--root"]).arg(&tree).output().expect("runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for fact in ["/procFs", "/stateDir/flags"] {
        let why = report["facts"].pointer(fact).expect(fact).to_string();
        assert!(why.contains("/proc/self/mountinfo: larger than 16 MiB"), "{fact}: {why}");
    }
}

#[test]
fn a_fifo_in_a_captured_tree_is_not_waited_for() {
    let tree = tempfile::tempdir().expect("temp dir");
    for directory in ["etc", "proc"] {
        std::fs::create_dir_all(tree.path().join(directory)).expect("mkdir");
    }
    nix::unistd::mkfifo(&tree.path().join("etc/os-release"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    preflight().args(["check", "--root"]).arg(tree.path()).assert().code(3);
}
