//! Commands in the text work: what starts with our program is understood, and run where that changes nothing; manifests are there; all
//! else stands in a table of what other tests run. A block that nothing here can run is marked `console example`.

use crate::markdown::{Block, Page, repository, written};
use assert_cmd::Command;
use buildkit_preflight::cli::reference::understood;
use std::fs;
use std::path::Path;

const PROGRAM: &str = "buildkit-preflight";

/// What other tests run: how a command begins, the test, and a word of it.
const RUN_ELSEWHERE: &[(&str, &str, &str)] = &[
    ("kubectl rollout status -n buildkit-preflight daemonset/agent", "tests/cluster/agent.rs", r#""daemonset/agent", "--timeout"#),
    ("kubectl rollout status -n buildkit deployment/buildkitd", "tests/cluster/scheduling.rs", r#""deployment/buildkitd", "--timeout"#),
    ("kubectl describe node ", "tests/cluster/agent.rs", r#""describe", "node"#),
    ("kubectl get nodes -L ", "tests/cluster/agent.rs", r#""get", "nodes""#),
    ("kubectl get nodes -o 'custom-columns=", "tests/cluster/agent.rs", r#""get", "nodes""#),
    ("kubectl logs -n buildkit-preflight daemonset/agent ", "tests/cluster/agent.rs", r#""logs", "-n", NAMESPACE"#),
    ("cd manifests/builder", "tests/cluster/scheduling.rs", "manifests/builder"),
    ("cd manifests/agent", "tests/cluster/agent.rs", "manifests"),
    ("cd manifests/overlays/userns", "tests/cluster/canary.rs", "overlays/userns"),
    ("cd manifests/overlays/baseline", "tests/cluster/baseline.rs", "overlays/baseline"),
    ("cd manifests/overlays/tune-kernel", "tests/cluster/tune.rs", "tune-kernel"),
    ("kustomize edit set image buildkit-preflight=", "tests/cluster/agent.rs", r#""edit", "set", "image""#),
];

/// What the shell makes of a line: its commands, without what divides them. No quotes stand around what divides.
fn commands(line: &str) -> impl Iterator<Item = &str> {
    let line = line.split("  #").next().unwrap_or(line).trim_start_matches('(');
    line.split(" | ").flat_map(|part| part.split(" && ")).map(|part| part.trim().trim_end_matches(')'))
}

/// The arguments of a command, and the file to which its output goes.
fn arguments(command: &str) -> (Vec<&str>, Option<&str>) {
    let (command, file) = command.split_once(" > ").map_or((command, None), |(command, file)| (command, Some(file.trim())));
    (command.split_whitespace().collect(), file)
}

/// Whether it can be run anywhere: it changes nothing and asks no cluster.
fn is_harmless(arguments: &[&str]) -> bool {
    let has = |word: &str| arguments.contains(&word);
    match arguments.first() {
        // The file of -f is the reader's.
        Some(&"check" | &"facts") => !has("--cluster") && !has("-f"),
        Some(&"render") => !has("auto"),
        Some(&"tune") => !has("--apply") && !has("--forget"),
        _ => false,
    }
}

/// What is wrong with a command, if anything is. Files are made in the directory.
fn judge(command: &str, directory: &Path) -> Result<(), String> {
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    let (words, file) = arguments(command);
    match words.as_slice() {
        [PROGRAM, arguments @ ..] => {
            understood(arguments)?;
            if !is_harmless(arguments) {
                return Ok(());
            }
            let mut program = Command::cargo_bin(PROGRAM).expect("the program");
            let output = program.args(arguments).current_dir(directory).output().map_err(|error| error.to_string())?;
            if let Some(file) = file {
                fs::write(directory.join(file), &output.stdout).map_err(|error| error.to_string())?;
            }
            match output.status.code() {
                Some(0 | 1 | 3) => Ok(()),
                code => Err(format!("ended with {code:?}: {}", String::from_utf8_lossy(&output.stderr))),
            }
        }
        ["kubectl", "apply" | "delete", .., "-k", path] => {
            let is_applied = ["agent.rs", "scheduling.rs", "canary.rs", "tune.rs", "cleanup.rs", "baseline.rs"].iter().any(|file| {
                let test = fs::read_to_string(repository().join("tests/cluster").join(file)).unwrap_or_default();
                path.strip_prefix("manifests/").is_some_and(|name| test.contains(name))
            });
            let is_there = repository().join(path).join("kustomization.yaml").exists();
            if is_there && is_applied { Ok(()) } else { Err(format!("there: {is_there}, applied by a test: {is_applied}")) }
        }
        ["kubectl", "apply" | "delete", .., "-f", "-"] => Ok(()),
        // A target that is not there is found by another test.
        ["make", _] => Ok(()),
        _ => {
            let row = RUN_ELSEWHERE.iter().find(|row| command.starts_with(row.0)).ok_or("no test runs it: mark the block as an example")?;
            let test = fs::read_to_string(repository().join(row.1)).map_err(|error| format!("{}: {error}", row.1))?;
            if test.contains(row.2) { Ok(()) } else { Err(format!("{} has not {}", row.1, row.2)) }
        }
    }
}

fn lines<'a>(page: &'a Page, info: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let blocks = page.blocks.iter().filter(move |block| block.info == info);
    blocks.flat_map(|Block { line, text, .. }| {
        text.lines().enumerate().filter_map(move |(number, text)| text.strip_prefix("$ ").map(|command| (line + number, command)))
    })
}

#[test]
fn each_command_works_or_is_marked_as_an_example() {
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for page in written() {
        let directory = tempfile::tempdir().expect("a directory");
        for (line, text) in lines(&page, "console") {
            for command in commands(text) {
                looked_at += 1;
                if let Err(why) = judge(command, directory.path()) {
                    wrong.push(format!("{}: {command}\n  {why}", page.at(line)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(looked_at > 40, "{looked_at}");
}

#[test]
fn our_program_is_understood_in_examples_too() {
    for page in written() {
        for (line, text) in lines(&page, "console example") {
            for command in commands(text) {
                let (words, _) = arguments(command);
                if let [PROGRAM, arguments @ ..] = words.as_slice() {
                    understood(arguments).unwrap_or_else(|why| panic!("{}: {why}", page.at(line)));
                }
            }
        }
    }
}

#[test]
fn each_block_says_what_it_is_and_yaml_is_yaml() {
    for page in written() {
        for block in &page.blocks {
            assert!(["console", "console example", "yaml", "toml", "text"].contains(&block.info.as_str()), "{}", page.at(block.line));
            if block.info == "yaml" {
                let value = serde_saphyr::from_str::<serde_json::Value>(&block.text);
                assert!(value.as_ref().is_ok_and(serde_json::Value::is_object), "{}: {value:?}", page.at(block.line));
            }
        }
    }
}

#[test]
fn what_no_test_runs_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let wrong = |command: &str| commands(command).any(|command| judge(command, directory.path()).is_err());
    for good in [
        "buildkit-preflight check --no-probe",
        "buildkit-preflight render agent | kubectl apply -f -",
        "kubectl apply -k manifests/builder",
    ] {
        assert!(!wrong(good), "{good}");
    }
    for bad in ["buildkit-preflight check --fast", "buildkit-preflight check --facts nowhere", "kubectl apply -k manifests/none", "reboot"]
    {
        assert!(wrong(bad), "{bad}");
    }
}
