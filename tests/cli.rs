//! The command line: exit codes, and one clear message for each kind of bad input.

use assert_cmd::Command;
use buildkit_preflight::profile::Profile;
use predicates::prelude::*;
use predicates::str::contains;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

fn preflight() -> Command {
    Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"))
}

fn host(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(name).display().to_string()
}

/// A facts file made of a captured host, changed as text.
fn facts_file(change: impl Fn(String) -> String) -> tempfile::NamedTempFile {
    let output = preflight().args(["facts", "--root", &host("debian-12")]).output().expect("runs");
    let text = change(String::from_utf8(output.stdout).expect("UTF-8"));
    let file = tempfile::NamedTempFile::new().expect("temp file");
    std::fs::write(file.path(), text).expect("write");
    file
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
        .args(["agent", "--node", "n", "--shape", "rootful"])
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
fn a_builder_that_cannot_be_is_refused_with_a_hint() {
    let render = |arguments: &[&str]| preflight().args(["render", "builder"]).args(arguments).assert();
    let profiles: Vec<_> = Profile::ALL.iter().map(|profile| profile.id()).collect();
    let unknown = format!("unknown profile (one of {}, auto)", profiles.join(", "));
    for (arguments, message) in [
        (&["--profile", "sandbox"][..], unknown.as_str()),
        (&["--profile", "procmount", "--user", "build:70000"], "no user or group 70000: it has 65536 IDs"),
        (&["--profile", "procmount", "--ids", "1500", "--user", "build:1700"], "no user or group 1700: it has 1500 IDs"),
        (&["--profile", "procmount", "--ids", "900", "--user", "build:500"], "900 IDs leave the builder 899"),
        (&["--profile", "rootful", "--ids", "131072"], "has no user namespace"),
        (&["--profile", "userns", "--user", "build:2000"], "runs as root"),
        (&["--min-nodes", "1"], "without --profile auto"),
        (&["--namespace", "kube-system"], "namespace of its own"),
        (&["--name", "1a"], "not a name for a Service"),
        (&["--user", "root:0"], "not root"),
        (&["--profile", "procmount", "--ids", "0"], "0 is not in 2.."),
        (&["--replicas", "10001"], "--replicas"),
    ] {
        render(arguments).code(2).stdout("").stderr(contains(message));
    }
    render(&["--profile", "auto", "--kubeconfig", "/nowhere"]).code(2).stdout("").stderr(contains("/nowhere"));
    render(&["--profile", "procmount", "--ids", "900", "--user", "build:500"]).stderr(contains("hint: --user names"));
}

#[test]
fn a_builder_is_printed_with_its_warning_apart() {
    let render = |arguments: &[&str]| preflight().args(["render", "builder"]).args(arguments).assert().code(0);
    render(&[]).stderr("").stdout(contains("kind: Deployment").and(contains("kind: NetworkPolicy")));
    render(&["--profile", "procmount"])
        .stdout(contains("user:1:999\n    user:1001:64535\n"))
        .stderr(contains("warning: build steps have the IDs 0 to 65534, nobody (65534) among them"));
    render(&["--profile", "procmount", "--ids", "131072"]).stderr("").stdout(contains("values: [\"131071\"]"));
    render(&["--profile", "procmount", "--ids", "196608"]).stderr("").stdout(contains("ConfigMap").not());
    render(&["--profile", "procmount", "--user", "build:2000:100"])
        .stdout(contains("build:2001:63535").and(contains("build:101:65435")).and(contains("/home/build/.local/share/buildkit")));
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
    let rows: [Row; 8] = [
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
    preflight().args(["check", "--facts", "/nowhere.json"]).assert().code(4).stdout("").stderr(contains("/nowhere.json"));
    preflight().args(["check", "--facts", "-"]).write_stdin(vec![0xff, 0xfe]).assert().code(2).stderr(contains("not text"));
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

#[test]
fn a_fifo_in_a_captured_tree_is_not_waited_for() {
    let tree = tempfile::tempdir().expect("temp dir");
    std::fs::create_dir_all(tree.path().join("etc")).expect("mkdir");
    nix::unistd::mkfifo(&tree.path().join("etc/os-release"), nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
    preflight().args(["check", "--root"]).arg(tree.path()).assert().code(3);
}

#[test]
fn standard_output_that_takes_nothing_is_exit_code_4() {
    let shell = |redirection: &str| {
        let line = format!("\"$0\" check --root \"$1\" {redirection}; exit ${{PIPESTATUS[0]}}");
        Command::new("bash").args(["-c", &line, env!("CARGO_BIN_EXE_buildkit-preflight"), &host("debian-10")]).assert()
    };
    shell("> /dev/full").code(4).stderr(contains("standard output").and(contains("No space left")));
    shell(">&-").code(4).stderr(contains("standard output is closed"));
    // A reader that has seen enough is no error; the verdict counts.
    shell("| true").code(1).stderr("");
    shell("> /dev/null").code(1).stderr("");
}
