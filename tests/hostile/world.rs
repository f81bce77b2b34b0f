//! What the inputs are made of: facts of a machine where builders run, a tree, a kubeconfig; and the machine around them.

use crate::oracle::Documented;
use crate::run::{Input, Place};
use crate::schema::Schema;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Files that flags name.
pub(crate) const FILES: &[&str] =
    &["facts.json", "tree", "state", "kubeconfig", "prover.sock", "tuned.json", "buildkitd.toml", "ca.pem", "pod.yaml", "build.log"];

/// A builder in which nothing is wrong.
const POD: &str = "kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: buildkitd\n    image: moby/buildkit:v0.33.1-rootless\n    args: [--oci-worker-no-process-sandbox]\n    securityContext: {seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}}\n";

/// A log that speaks of a cause.
const LOG: &str = "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: no space left on device\n";

/// A server that is nobody: port 1 refuses.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

pub(crate) struct World {
    /// What `facts` and `check --format json` print here.
    pub(crate) facts: String,
    pub(crate) report: String,
    /// A certificate.
    ca: String,
}

static WORLD: OnceLock<World> = OnceLock::new();

pub(crate) fn world() -> &'static World {
    WORLD.get().expect("it was looked at")
}

/// Looks at this machine, which must be one where builders run: else damaged facts could not be told from others.
pub(crate) fn look(place: &Place) {
    let state = place.dir.join("looked");
    std::fs::create_dir_all(&state).expect("mkdir");
    let run = |arguments: &[&str]| {
        let output = Command::new(&place.program).args(arguments).arg("--state-dir").arg(&state).output().expect("the program starts");
        assert!(output.status.success(), "{arguments:?} on this machine: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let (facts, report) = (run(&["facts"]), run(&["check", "--format", "json"]));
    assert!(WORLD.set(World { facts, report, ca: certificate(place) }).is_ok());
}

/// One that the program makes.
fn certificate(place: &Place) -> String {
    let output = Command::new(&place.program).args(["render", "builder", "--tls"]).output().expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let (_, from) = text.split_once("ca.crt: |\n").expect("a certificate");
    from.lines().take_while(|line| line.starts_with("    ")).map(|line| format!("{}\n", line.trim())).collect()
}

pub(crate) fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster:\n    server: {server}\ncontexts:\n- name: c\n  context:\n    cluster: k\n    user: u\nusers:\n- name: u\n  user:\n    token: abc\n"
    )
}

/// The files of [`FILES`] that are right, as far as the line names them.
pub(crate) fn with_files(mut input: Input) -> Input {
    if input.line.contains("facts.json") {
        input = input.file("facts.json", world().facts.as_str());
    }
    if input.line.contains("kubeconfig") {
        input = input.file("kubeconfig", kubeconfig(NOBODY));
    }
    if input.line.contains("buildkitd.toml") {
        input = input.file("buildkitd.toml", "[worker.oci]\n  gc = true\n");
    }
    if input.line.contains("pod.yaml") {
        input = input.file("pod.yaml", POD);
    }
    if input.line.contains("build.log") {
        input = input.file("build.log", LOG);
    }
    if input.line.contains("ca.pem") {
        input = input.file("ca.pem", world().ca.as_str());
    }
    input.tree = input.line.contains("tree").then_some("debian-12");
    input
}

/// The files of a captured tree.
pub(crate) fn tree(name: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(name);
    let (mut files, mut open) = (Vec::new(), vec![root.clone()]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).expect("a tree").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below").display().to_string();
                files.push((name, std::fs::read(&path).unwrap_or_default()));
            }
        }
    }
    files.sort();
    files
}

/// What the helps say: each command's exit codes and flags.
pub(crate) fn documented(program: &Path) -> Documented {
    let mut documented = Documented { codes: Default::default(), flags: Default::default(), report: Schema::read("report.json") };
    for command in crate::commands::COMMANDS {
        let output = Command::new(program).args(command.name.split(' ')).arg("--help").output().expect("the program starts");
        let help = String::from_utf8(output.stdout).expect("UTF-8");
        let (_, codes) = help.split_once("Exit codes:").unwrap_or_else(|| panic!("`{}` does not tell its exit codes", command.name));
        let codes = codes.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        documented.codes.insert(command.name, codes);
        let flag = |line: &str| {
            let line = line.trim_start();
            // A short name may stand before it: `-o, --format <FORMAT>`.
            let name = line.split_once(", ").filter(|(short, _)| short.len() == 2 && short.starts_with('-')).map_or(line, |(_, long)| long);
            name.starts_with("--").then(|| name.split([' ', '=', '[']).next().unwrap_or_default().trim_end_matches("...").to_owned())
        };
        documented.flags.insert(command.name, help.lines().filter_map(flag).collect());
    }
    documented
}

/// Scratch directories in a directory.
pub(crate) fn scratch_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".buildkit-preflight-")).map(|entry| entry.path()).collect()
}

/// Goes into a mount namespace where nothing stays that is written to the places of root's checks and of `tune`.
pub(crate) fn enter() {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace: needs root");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).expect("make / private");
    for dir in ["/run", "/etc/sysctl.d", "/var/lib", "/tmp"].iter().filter(|dir| Path::new(dir).is_dir()) {
        mount(Some("tmpfs"), *dir, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("mount");
    }
}
