//! How it is called: by another file's name, by kubectl, by shells that complete a line, and its manual pages.

use crate::preflight;
use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;

const BINARY: &str = env!("CARGO_BIN_EXE_buildkit-preflight");

#[test]
fn it_has_one_name_whatever_its_file_is_called() {
    let directory = tempfile::tempdir().expect("temp dir");
    let other = directory.path().join("other-x");
    std::os::unix::fs::symlink(BINARY, &other).expect("link");
    Command::new(&other)
        .args(["tune", "--help"])
        .assert()
        .stdout(contains("Usage: buildkit-preflight tune").and(contains("other-x").not()));
    Command::new(&other).args(["tune", "--x"]).assert().code(2).stderr(contains("Usage: buildkit-preflight tune"));
}

/// The program under another file's name.
fn linked(directory: &Path, name: &str) -> Command {
    let link = directory.join(name);
    std::os::unix::fs::symlink(BINARY, &link).expect("link");
    Command::new(link)
}

#[test]
fn as_a_plugin_it_has_the_name_by_which_kubectl_calls_it() {
    for (file, called) in
        [("kubectl-buildkit_preflight", "kubectl buildkit-preflight"), ("kubectl-buildkit-preflight", "kubectl buildkit preflight")]
    {
        let directory = tempfile::tempdir().expect("temp dir");
        let mut plugin = linked(directory.path(), file);
        let ours = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            assert!(!text.contains("\u{1b}") && !text.lines().any(|line| line.trim_start().starts_with("buildkit-preflight ")), "{text}");
            assert!(text.contains(called), "{text}");
        };
        ours(&plugin.arg("check").arg("--help").output().expect("runs").stdout);
        ours(&Command::new(directory.path().join(file)).arg("--help").output().expect("runs").stdout);
        ours(&Command::new(directory.path().join(file)).args(["check", "--x"]).assert().code(2).get_output().stderr);
        // Also in a hint.
        ours(&Command::new(directory.path().join(file)).args(["check", "--facts", "/nowhere"]).assert().code(2).get_output().stderr);
        let help = Command::new(directory.path().join(file)).args(["render", "builder", "--help"]).output().expect("runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

#[test]
fn kubectl_is_told_how_a_line_goes_on() {
    let directory = tempfile::tempdir().expect("temp dir");
    let mut asked = linked(directory.path(), "kubectl_complete-buildkit_preflight");
    asked.args(["check", "--profile", "procm"]).assert().code(0).stdout(predicate::str::starts_with("procmount").and(contains("\n:4\n")));
}

/// What a shell offers, or nothing where the machine has no such shell.
fn offered(shell: &str, script: &str) -> Option<String> {
    let directory = Path::new(BINARY).parent().expect("a directory");
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").expect("PATH"));
    // Some write there at their start.
    let home = tempfile::tempdir().expect("temp dir");
    let output = std::process::Command::new(shell).args(["-c", script]).env("PATH", path).env("HOME", home.path()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn shells_complete_commands_and_values() {
    let bash = r#"source <(buildkit-preflight completion bash)
        words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9; $(complete -p buildkit-preflight | sed 's/.*-F \([^ ]*\) .*/\1/') buildkit-preflight "${!#}" ''; printf '%s\n' "${COMPREPLY[@]}"; }
        words buildkit-preflight expl; words buildkit-preflight check --profile procm; words buildkit-preflight explain userns-max"#;
    let said = offered("bash", bash).expect("bash");
    for word in ["explain", "procmount", "userns-max0"] {
        assert!(said.lines().any(|line| line.trim() == word), "{word}: {said}");
    }
    let fish = "buildkit-preflight completion fish | source; complete -C 'buildkit-preflight check --profile procm'";
    if let Some(said) = offered("fish", fish) {
        assert!(said.contains("procmount"), "{said}");
    }
    // Of zsh: that it takes the script. What it offers is drawn by its line editor.
    let zsh = "autoload -U compinit && compinit -u -D && source <(buildkit-preflight completion zsh) && echo ${_comps[buildkit-preflight]}";
    if let Some(said) = offered("zsh", zsh) {
        assert!(said.contains("_clap_dynamic_completer"), "{said}");
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let directory = tempfile::tempdir().expect("temp dir");
    preflight().arg("man").arg(directory.path()).assert().code(0).stdout("").stderr("");
    let mut pages: Vec<_> = std::fs::read_dir(directory.path()).expect("pages").flatten().map(|page| page.path()).collect();
    pages.sort();
    let names: Vec<_> = pages.iter().filter_map(|page| page.file_name()?.to_str()).collect();
    for name in
        ["buildkit-preflight.1", "buildkit-preflight-check.1", "buildkit-preflight-check-cluster.1", "buildkit-preflight-render-agent.1"]
    {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(!names.contains(&"buildkit-preflight-prover.1"), "{names:?}");
    // Where there is a man that says what is wrong.
    for page in &pages {
        let Ok(lint) = std::process::Command::new("mandoc").args(["-T", "lint", "-W", "error"]).arg(page).output() else { return };
        assert!(lint.status.success(), "{}: {}", page.display(), String::from_utf8_lossy(&lint.stdout));
    }
    preflight().args(["man", "/nowhere/at/all"]).assert().code(2).stderr(contains("/nowhere/at/all"));
}
