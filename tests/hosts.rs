//! What `check` says of captured hosts, kept as snapshots.

use std::path::Path;
use std::process::Command;

/// The table for all profiles, and the exit code.
fn check(host: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(host);
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
    command.arg("check").arg("--root").arg(root);
    for profile in ["no-process-sandbox", "procmount", "userns", "privileged", "rootful"] {
        command.args(["--profile", profile]);
    }
    let output = command.output().expect("the binary runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stderr.is_empty(), "{stderr}");
    format!("{stdout}exit {}\n", output.status.code().expect("no signal"))
}

#[test]
fn each_captured_host_has_its_answer() {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let mut names: Vec<_> = std::fs::read_dir(hosts)
        .expect("hosts")
        .flatten()
        .filter(|entry| entry.path().join("proc").is_dir())
        .map(|entry| entry.file_name())
        .collect();
    names.sort();
    assert!(names.len() >= 6);
    for name in names {
        let name = name.to_string_lossy();
        insta::with_settings!({ snapshot_path => "hosts/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_ref(), check(&name));
        });
    }
}

#[test]
fn an_empty_tree_is_unknown_and_not_ready_for_nothing() {
    let empty = tempfile::tempdir().expect("temp dir");
    let output = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"))
        .args(["check", "--root"])
        .arg(empty.path())
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
}
