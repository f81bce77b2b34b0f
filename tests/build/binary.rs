//! The same through the command line: what is wrong is known before anything is asked of a cluster.

use crate::rows::ROWS;
use crate::{TEMPLATE, Which, changed, healthy};
use assert_cmd::Command;
use std::fs;
use tempfile::TempDir;

/// A cluster that nobody answers for.
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
current-context: c
";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        folder.write("kubeconfig", KUBECONFIG);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect("a file");
    }

    /// The exit code, and what stands on standard error; on standard output is nothing.
    fn build(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
        let command = command.current_dir(self.0.path()).arg("build").args(arguments).args(["--kubeconfig", "kubeconfig"]);
        let output = command.output().expect("runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn each_wrong_file_is_exit_code_2_and_one_error() {
    let folder = Folder::new();
    for row in ROWS {
        let (build, template) = changed(row);
        folder.write("build.yaml", &build);
        folder.write("template.yaml", &template);
        let with_template = ["-f", "build.yaml", "--template", "template.yaml"];
        let (code, said) = folder.build(if matches!(row.which, Which::Steps) { &with_template[..2] } else { &with_template });
        let mut lines = said.lines();
        assert_eq!((code, lines.next()), (Some(2), Some(format!("error: {}", row.says).as_str())), "{said}");
        assert!(lines.all(|line| line.starts_with("hint: ")), "{said}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = Folder::new();
    folder.write("build.yaml", healthy(Which::Page));
    folder.write("large.yaml", &"#".repeat((1 << 20) + 1));
    fs::write(folder.0.path().join("bytes.yaml"), b"a: \xff").expect("a file");
    for (arguments, code, says) in [
        (&["-f", "missing.yaml"][..], 2, "missing.yaml"),
        (&["-f", "."], 2, "."),
        (&["-f", "large.yaml"], 2, "large.yaml"),
        (&["-f", "bytes.yaml"], 2, "bytes.yaml: it is not text in UTF-8"),
        (&["-f", "build.yaml", "--template", "missing.yaml"], 2, "missing.yaml"),
    ] {
        let (found, said) = folder.build(arguments);
        assert!(found == Some(code) && said.contains(says) && said.starts_with("error: "), "{arguments:?}: {found:?} {said}");
    }
}

#[test]
fn what_is_healthy_goes_on_to_the_cluster() {
    let folder = Folder::new();
    folder.write("build.yaml", healthy(Which::Page));
    folder.write("template.yaml", TEMPLATE);
    let (code, said) = folder.build(&["-f", "build.yaml", "--template", "template.yaml"]);
    assert!(code == Some(4) && said.contains("could not be reached"), "{code:?} {said}");
}
