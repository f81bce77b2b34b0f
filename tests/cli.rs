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
        (&["--storage", "20"], "a size is a number with a unit"),
        (&["--storage", "20Gi,Fast"], "a storage class has lower case letters"),
        (&["--memory-storage", "20GB"], "a size is a number with a unit"),
        (&["--storage", "20Gi", "--memory-storage", "4Gi"], "cannot be used with"),
        (&["--namespace", "a", "--no-namespace"], "cannot be used with"),
        (&["--guard", "--no-guard"], "cannot be used with"),
        (&["--guard-image", "r.example/p:1", "--no-guard"], "cannot be used with"),
        (&["--guard-image", "a b"], "an image is written as"),
        (&["--config", "/nowhere"], "/nowhere: No such file"),
        (&["--registry-ca", "/"], "/: a directory, not a file"),
    ] {
        render(arguments).code(2).stdout("").stderr(contains(message));
    }
    render(&["--profile", "auto", "--kubeconfig", "/nowhere"]).code(2).stdout("").stderr(contains("/nowhere"));
    render(&["--profile", "procmount", "--ids", "900", "--user", "build:500"]).stderr(contains("hint: --user names"));
}

#[test]
fn a_builder_is_printed_with_its_warning_apart() {
    let render = |arguments: &[&str]| preflight().args(["render", "builder", "--no-guard", "--tls"]).args(arguments).assert().code(0);
    let until = "tls: the certificates are valid until ";
    let no_warning = || predicates::str::starts_with(until).and(predicates::function::function(|said: &str| said.lines().count() == 1));
    render(&[]).stderr(no_warning()).stdout(contains("kind: Deployment").and(contains("kind: NetworkPolicy")));
    render(&["--profile", "procmount"])
        .stdout(contains("user:1:999\n    user:1001:64535\n"))
        .stderr(contains("warning: build steps have the IDs 0 to 65534, nobody (65534) among them"));
    let secret = contains("can have a Secret only on Linux 6.3");
    render(&["--profile", "procmount", "--ids", "131072"]).stderr(secret.clone()).stdout(contains("values: [\"131071\"]"));
    render(&["--profile", "procmount", "--ids", "196608"]).stderr(secret).stdout(contains("ConfigMap").not());
    render(&["--profile", "procmount", "--user", "build:2000:100"])
        .stdout(contains("build:2001:63535").and(contains("build:101:65435")).and(contains("/home/build/.local/share/buildkit")));
}

#[test]
fn who_leaves_a_builder_open_or_its_guard_without_an_image_is_told() {
    let said = |arguments: &[&str]| {
        let done = preflight().args(["render", "builder"]).args(arguments).assert().code(0);
        String::from_utf8_lossy(&done.get_output().stderr).into_owned()
    };
    let (open, image, risk) = (
        "warning: without --tls, every client that reaches the builder's port can build",
        "warning: no --guard-image: ",
        "at your own risk",
    );
    let words = |text: &str| [open, image, risk].map(|word| text.contains(word));
    assert_eq!(words(&said(&[])), [true, true, false]);
    assert_eq!(words(&said(&["--guard-image", "r.example/p:1"])), [true, false, false]);
    assert_eq!(words(&said(&["--tls", "--no-guard"])), [false, false, false]);
    assert_eq!(words(&said(&["--tls", "--guard", "--profile", "rootful"])), [false, true, true]);
    let help = preflight().args(["render", "builder", "--help"]).assert().code(0);
    help.stdout(contains(concat!(":", env!("CARGO_PKG_VERSION"), ", which no registry has")));
}

#[test]
fn files_for_buildkitd_are_read_and_refused_with_what_is_wrong() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("write");
        path.display().to_string()
    };
    let render = |flag: &str, path: &str| preflight().args(["render", "builder", flag, path]).assert();
    let good = file("good.toml", b"[worker.oci]\n  gc = true\n");
    render("--config", &good).code(0).stdout(contains("  buildkitd.toml: |\n    [worker.oci]\n      gc = true\n"));
    let large = vec![b'#'; 500_001];
    for (flag, bytes, why) in [
        ("--config", &b"gc = \n"[..], "it is not TOML: line 1, column 6"),
        ("--config", b" \n", "it is empty"),
        ("--config", b"a = '\xff'\n", "it is not text in UTF-8"),
        ("--config", &large, "larger than"),
        ("--config", b"[grpc]\naddress = []\n", "the manifest decides `grpc.address`"),
        ("--registry-ca", b"hello\n", "it has no certificate in PEM"),
        ("--registry-ca", b"", "it is empty"),
    ] {
        let path = file("bad", bytes);
        render(flag, &path).code(2).stdout("").stderr(contains(why).and(contains(&path)).and(contains("hint: ")));
    }
}

#[test]
fn an_image_that_was_not_named_is_said() {
    let render = |arguments: &[&str]| preflight().args(["render", "agent"]).args(arguments).assert().code(0);
    let said = render(&[]).stdout(contains("image: buildkit-preflight:"));
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.starts_with("warning: no --image: ") && said.contains(env!("CARGO_PKG_VERSION")) && said.lines().count() == 1, "{said}");
    render(&["--image", "r.example/p:1"]).stderr("").stdout(contains("image: r.example/p:1"));
    preflight().args(["render", "agent", "--help"]).assert().code(0).stdout(contains(concat!(
        ":",
        env!("CARGO_PKG_VERSION"),
        ", which no registry has"
    )));
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
