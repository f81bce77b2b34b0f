//! The scripts of our containers, run by this machine's sh and git in folders of their own.

use buildkit_preflight::build::{
    BuildOptions, GitBuild, Home, HomeFile, JobOptions, Plan, generated, job, plan, read_build, reported_digest,
};
use buildkit_preflight::profile::Profile;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) fn options() -> JobOptions {
    JobOptions {
        namespace: "ns".into(),
        suffix: "s".into(),
        profile: Profile::NoProcessSandbox,
        prefix: "p.example".into(),
        git_image: "g".into(),
    }
}

/// The words of a container of a plan's pod, init containers first.
fn words(plan: &Plan, home: &Home, index: usize) -> Vec<String> {
    let made = job(plan, home, &options());
    let pod = &made.job["spec"]["template"]["spec"];
    let list = |field: &str| pod[field].as_array().expect("containers").clone();
    let all: Vec<Value> = list("initContainers").into_iter().chain(list("containers")).collect();
    all[index]["command"].as_array().expect("words").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn run(directory: &Path, words: &[String], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(directory).env_remove("GIT_DIR").envs(environment.iter().copied());
    command.output().expect("a shell")
}

/// A repository with two commits on a branch `main`, the first tagged `v1`, and a submodule in the second.
struct Repository {
    root: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Repository { root: tempfile::tempdir().expect("a folder") };
        let script = r#"set -e
git init -q sub && cd sub && echo s > file && git add . && git commit -qm s && cd ..
git init -q -b main main && cd main
mkdir web && echo 1 > web/file && git add . && git commit -qm 1 && git tag v1
echo 2 > web/file && git submodule -q add "$1/sub" lib && git commit -qam 2
git config uploadpack.allowAnySHA1InWant false"#;
        let root = repository.root.path().display().to_string();
        let done = run(repository.root.path(), &["sh", "-c", script, "sh", &root].map(str::to_owned), &environment(repository.root.path()));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        repository
    }

    fn commit(&self, name: &str) -> String {
        let path = self.root.path().join("main");
        let done = Command::new("git").args(["rev-parse", name]).current_dir(path).output().expect("git");
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Fetches into a workspace of its own, and what the script said.
    fn fetch(&self, revision: &str, target: &str, folder: &str) -> (TempDir, Output) {
        let build = "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: a}\nspec:\n  source: {git: {url: \"https://h/a\", revision: r}}\n  steps: [{image: a}]\n";
        let plan = plan(read_build("b", build).expect("a Build"), None).expect("a plan");
        let mut words = words(&plan, &Home::default(), 1);
        let url = format!("file://{}", self.root.path().join("main").display());
        assert_eq!(words.len(), 8);
        words[4..].clone_from_slice(&[url, revision.into(), target.into(), folder.into()]);
        let workspace = tempfile::tempdir().expect("a folder");
        let output = run(workspace.path(), &words, &environment(self.root.path()));
        (workspace, output)
    }
}

/// A home of its own, an author, and submodules of files, which git refuses otherwise.
fn environment(home: &Path) -> [(&'static str, &str); 10] {
    [
        ("HOME", home.to_str().expect("UTF-8")),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "protocol.file.allow"),
        ("GIT_CONFIG_VALUE_0", "always"),
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@a.example"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@a.example"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ]
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[test]
fn a_branch_a_tag_and_a_commit_are_fetched() {
    let repository = Repository::new();
    let (first, second) = (repository.commit("v1"), repository.commit("main"));
    for (revision, wanted) in
        [("main", "2"), ("HEAD", "2"), ("refs/heads/main", "2"), ("v1", "1"), (&first, "1"), (&second, "2"), (&first[..8], "1")]
    {
        let (workspace, output) = repository.fetch(revision, "", "");
        assert!(output.status.success(), "{revision}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(text(workspace.path().join("web/file")).as_deref(), Some(wanted), "{revision}");
        let submodule = (wanted == "2").then(|| "s".to_owned());
        assert_eq!(text(workspace.path().join("lib/file")), submodule, "{revision}");
    }
}

#[test]
fn a_source_goes_into_its_folder() {
    let repository = Repository::new();
    let (workspace, output) = repository.fetch("main", "a b/c", "a b/c/web");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = workspace.path().join("a b/c/web/file");
    assert_eq!(text(&file).as_deref(), Some("2"));
    for path in [file.parent().expect("a folder"), &file] {
        assert_eq!(fs::metadata(path).expect("it is there").permissions().mode() & 0o060, 0o060, "{}", path.display());
    }
}

#[test]
fn what_cannot_be_fetched_fails_and_says_why() {
    let repository = Repository::new();
    for (revision, folder, says) in [
        ("no-such-branch", "", "no-such-branch"),
        ("0123456789012345678901234567890123456789", "", "0123456789012345678901234567890123456789"),
        ("main", "no-such-folder", "the source has no folder no-such-folder, which subPath names"),
        ("$(touch pwned)", "", "$(touch pwned)"),
    ] {
        let (workspace, output) = repository.fetch(revision, "", folder);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(says), "{revision}: {said}");
        assert!(!workspace.path().join("pwned").exists());
    }
}

#[test]
fn credentials_are_where_tools_look_for_them() {
    let file = |path: &str| HomeFile { path: path.into(), content: Vec::new() };
    let paths = [".gitconfig", ".ssh/id_a", ".docker/config.json"];
    let home = Home { files: paths.map(file).to_vec(), notes: Vec::new() };
    let build = "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: a}\nspec: {steps: [{image: a}]}\n";
    let plan = plan(read_build("b", build).expect("a Build"), None).expect("a plan");
    let (secret, place) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for path in paths {
        let path = secret.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "[core]\n").expect("a file");
    }
    let environment = [("HOME", place.path().to_str().expect("UTF-8")), ("CREDENTIALS", secret.path().to_str().expect("UTF-8"))];
    let output = run(place.path(), &words(&plan, &home, 0), &environment);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (path, mode) in paths.into_iter().zip([0o640, 0o600, 0o640]) {
        assert_eq!(fs::metadata(place.path().join(path)).expect(path).permissions().mode() & 0o777, mode, "{path}");
    }
    assert_eq!(text(place.path().join(".gitconfig")).as_deref(), Some("[core]\n[safe]\n\tdirectory = *"));
}

#[test]
fn a_generated_step_leaves_the_digest_or_buildctls_exit_code() {
    let options = BuildOptions {
        image: "r.example/a".into(),
        dockerfile: "Dockerfile".into(),
        build_args: Vec::new(),
        target: None,
        platforms: Vec::new(),
        cache_from: Vec::new(),
        cache_to: Vec::new(),
        push: true,
        builder: "tcp://b:1".into(),
    };
    let build = GitBuild {
        url: "https://git.example/a".into(),
        revision: "HEAD".into(),
        sub_path: None,
        options,
        secrets: Vec::new(),
        tls: None,
        client_image: "c".into(),
        service_account: None,
        timeout: 600,
    };
    let digest = format!("sha256:{}", "0a".repeat(32));
    let metadata = format!(
        "{{\n  \"buildx.build.ref\": \"x\",\n  \"containerimage.descriptor\": {{\n    \"digest\": \"no\"\n  }},\n  \"containerimage.digest\": \"{digest}\"\n}}\n"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run_with = |script: &str| {
        let mut words = words(&generated(&build).expect("a plan"), &Home::default(), 2);
        let start = words.iter().position(|word| word == "buildctl").expect("buildctl");
        words.truncate(start);
        words[start - 2..].clone_from_slice(&[path("metadata.json"), path("message")]);
        words.extend(["sh", "-c", script].map(str::to_owned));
        run(folder.path(), &words, &[])
    };
    fs::write(path("metadata.json"), metadata).expect("a file");
    assert_eq!(run_with("exit 3").status.code(), Some(3));
    assert!(text(path("message")).is_none_or(|text| text.is_empty()));
    assert!(run_with("true").status.success());
    assert_eq!(text(path("message")).and_then(|text| reported_digest(&text)), Some(digest));
}
