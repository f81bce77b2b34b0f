//! What `check` says of captured hosts, kept as snapshots.

use buildkit_preflight::check::{Ready, judge};
use buildkit_preflight::fact::{DISTROS, Distro, OsRelease, Release, SYSCTLS, Sysctl};
use buildkit_preflight::gather::{Options, gather};
use buildkit_preflight::profile::Profile;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the trees are.
fn hosts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts")
}

/// The file of a made tree that names the one on which it lies: what both have is its own.
const BASE: &str = "base";

/// Lays a tree on its base, and that on its own.
fn lay(name: &str, on: &Path) {
    let tree = hosts().join(name);
    if let Ok(base) = std::fs::read_to_string(tree.join(BASE)) {
        lay(base.trim(), on);
    }
    copy(&tree.join("."), on);
    let _ = std::fs::remove_file(on.join(BASE));
}

/// The table for all profiles, and the exit code.
fn check(host: &str) -> String {
    let dir = tempfile::tempdir().expect("temp dir");
    lay(host, dir.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
    command.arg("check").arg("--root").arg(dir.path()).args(of_all_profiles());
    let output = command.output().expect("the binary runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stderr.is_empty(), "{stderr}");
    format!("{stdout}exit {}\n", output.status.code().expect("no signal"))
}

/// Arguments that ask for each of them.
fn of_all_profiles() -> Vec<&'static str> {
    Profile::ALL.iter().flat_map(|profile| ["--profile", profile.id()]).collect()
}

/// The names of all hosts.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(hosts()).expect("hosts").flatten();
    let hosts = entries.filter(|entry| entry.path().join("proc").is_dir() || entry.path().join(BASE).is_file());
    let mut names: Vec<_> = hosts.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn each_host_has_its_answer() {
    let names = names();
    assert!(names.len() >= 70, "{}", names.len());
    for name in &names {
        insta::with_settings!({ snapshot_path => "hosts/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), check(name));
        });
    }
    let listed = std::fs::read_to_string(hosts().join("README.md")).expect("README.md");
    let untold: Vec<_> = names.iter().filter(|name| !listed.contains(&format!("`{name}`"))).collect();
    assert!(untold.is_empty(), "README.md tells of each where it is from: {untold:?}");
    let snapshots = std::fs::read_dir(hosts().join("snapshots")).expect("snapshots").count();
    assert_eq!(snapshots, names.len(), "a snapshot of each, and no other");
}

/// Hosts that somebody has set in another way than they come.
const CHANGED: [&str; 2] = ["centos-7-boot-args", "centos-7-sysctl"];

#[test]
fn each_system_that_is_known_by_name_has_a_host_which_is_as_the_table_of_defaults_says() {
    let mut seen = Vec::new();
    for name in names() {
        let dir = tempfile::tempdir().expect("temp dir");
        lay(&name, dir.path());
        let read = |path: &str| std::fs::read_to_string(dir.path().join(path));
        let Some(os) = read("etc/os-release").ok().and_then(|text| OsRelease::parse(&text).ok()) else { continue };
        seen.extend(Distro::of(&os).map(|distro| distro.name));
        if CHANGED.contains(&name.as_str()) {
            continue;
        }
        let value = |sysctl: Sysctl| read(&sysctl.path()[1..]).ok().and_then(|text| text.trim().parse::<u64>().ok());
        for sysctl in SYSCTLS.iter().map(|row| row.sysctl) {
            let (usual, here) = (Distro::default_of(&os, sysctl), value(sysctl));
            let of_kernel = || release(&read("proc/sys/kernel/osrelease").ok()?)?.default_of(sysctl);
            let differs = usual.is_some_and(|usual| here.is_some_and(|here| here != usual) && of_kernel() != here);
            assert!(!differs, "{name}: {sysctl} is {here:?}, by default {usual:?}");
        }
        let kernel = read("proc/sys/kernel/osrelease").ok().and_then(|text| release(&text)).expect("a kernel");
        assert!(Distro::usual_kernel(&os) <= Some(kernel.version()), "{name}: {kernel}");
    }
    let without: Vec<_> = DISTROS.iter().map(|distro| distro.name).filter(|name| !seen.contains(name)).collect();
    // That is what its kin are like.
    assert_eq!(without, ["openSUSE"]);
}

fn release(text: &str) -> Option<Release> {
    text.trim().to_owned().try_into().ok()
}

#[test]
fn a_directory_that_nobody_captured_is_bad_input() {
    let tree = tempfile::tempdir().expect("temp dir");
    std::fs::write(tree.path().join("README.md"), "text").expect("write");
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
        command.args(["check", "--root"]).arg(tree.path()).output().expect("the binary runs")
    };
    let output = check();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{error}");
    assert!(error.contains("it has neither proc nor captured.json\nhint: make one with `buildkit-preflight facts --capture"), "{error}");
    // What a copy lost is not known, and not ready.
    for (place, is_file) in [("captured.json", true), ("proc", false)] {
        let path = tree.path().join(place);
        if is_file {
            std::fs::write(&path, "").expect("write")
        } else {
            std::fs::create_dir(&path).expect("mkdir")
        }
        assert_eq!(check().status.code(), Some(3), "{place}");
        if is_file {
            std::fs::remove_file(&path).expect("remove")
        }
    }
}

/// What `check` says as JSON, for all profiles.
fn json(arguments: &[&str], root: Option<&Path>) -> (Option<i32>, serde_json::Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
    command.args(["check", "--format", "json"]).args(arguments);
    if let Some(root) = root {
        command.arg("--root").arg(root);
    }
    let output = command.args(of_all_profiles()).output().expect("the binary runs");
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp").success());
}

#[test]
fn a_limit_that_nobody_took_is_not_told() {
    let dir = tempfile::tempdir().expect("temp dir");
    let tree = dir.path().join("tree");
    copy(&hosts().join("debian-12"), &tree);
    let verdict = || json(&[], Some(&tree)).1["profiles"][0].clone();
    assert_eq!(verdict()["verdict"], "ready");
    for kind in ["mnt", "pid", "uts", "ipc", "cgroup"] {
        let file = tree.join(format!("proc/sys/user/max_{kind}_namespaces"));
        let text = std::fs::read(&file).expect("a limit");
        std::fs::remove_file(&file).expect("rm");
        let verdict = verdict();
        assert_eq!(verdict["verdict"], "unknown", "{kind}: {verdict:#}");
        assert!(verdict["reason"].to_string().contains("not recorded in a captured tree"), "{verdict:#}");
        std::fs::write(&file, text).expect("write");
    }
    let facts = json(&[], Some(&tree)).1["facts"]["sysctls"].clone();
    assert!(facts["kernel.yama.ptrace_scope"]["denied"].is_object(), "Yama was never taken: {facts:#}");
    assert_eq!(facts["kernel.unprivileged_userns_clone"], "absent", "this one was, where it is");
    std::fs::remove_dir_all(tree.join("proc/sys/user")).expect("rm");
    assert_eq!(verdict()["verdict"], "unknown");
}

#[test]
fn a_captured_machine_is_judged_as_the_machine_itself() {
    let dir = tempfile::tempdir().expect("temp dir");
    let tree = dir.path().join("tree");
    let capture =
        |to: &Path| Command::new(env!("CARGO_BIN_EXE_buildkit-preflight")).args(["facts", "--capture"]).arg(to).output().expect("runs");
    let output = capture(&tree);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    let (here, there) = (json(&["--no-probe"], None), json(&[], Some(&tree)));
    assert_eq!(here.0, there.0, "{:#}", there.1["profiles"]);
    let untold = |value: &serde_json::Value| value.to_string().contains("not recorded in a captured tree");
    for (here, there) in here.1["profiles"].as_array().expect("profiles").iter().zip(there.1["profiles"].as_array().expect("profiles")) {
        for field in ["profile", "verdict", "causes", "evidence"] {
            assert_eq!(here[field], there[field], "{here:#} {there:#}");
        }
        let findings = |verdict: &serde_json::Value| verdict["findings"].as_array().cloned().unwrap_or_default();
        for (here, there) in findings(here).iter().zip(findings(there)) {
            // A tree's helpers have no privileges to be seen, and its state dir no size.
            let blind =
                ["newuidmap", "newgidmap", "idmap-helpers", "disk-space", "dev-fuse"].contains(&here["id"].as_str().unwrap_or_default());
            assert!(*here == there || untold(&there) || blind, "{here:#} {there:#}");
        }
    }
    // What the manifest does not name was not looked at, even where it lies in the tree; what it calls absent is an answer.
    let manifest = tree.join("captured.json");
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).expect("a manifest")).expect("JSON");
    let with = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut changed = whole.clone();
        change(changed["sources"].as_object_mut().expect("sources"));
        std::fs::write(&manifest, changed.to_string()).expect("write");
        json(&[], Some(&tree)).1["facts"]["sysctls"]["user.max_mnt_namespaces"].clone()
    };
    const LIMIT: &str = "/proc/sys/user/max_mnt_namespaces";
    assert!(with(&|_| {})["known"].is_u64());
    assert!(untold(&with(&|sources| drop(sources.remove(LIMIT)))));
    assert_eq!(with(&|sources| drop(sources.insert(LIMIT.into(), "absent".into()))), "absent");
    let refused = with(&|sources| drop(sources.insert(LIMIT.into(), serde_json::json!({ "failed": "EACCES" }))));
    assert_eq!(refused["denied"]["errno"], "EACCES");
    std::fs::write(&manifest, "{").expect("write");
    let broken = json(&[], Some(&tree)).1;
    assert!(broken["profiles"][0]["verdict"] == "unknown" && broken.to_string().contains("captured.json"));
    let again = capture(&tree);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
}

/// The answer for each profile to a captured tree.
fn judged(root: &Path) -> Vec<Ready> {
    let options = Options { root: Some(root.to_owned()), deadline: std::time::Duration::from_secs(600), ..Options::default() };
    let facts = match gather(&options) {
        Ok(facts) => facts,
        // Refused as none, it has no verdict.
        Err(why) => {
            assert!(!root.join("proc").exists(), "{why}");
            return vec![Ready::Unknown; Profile::ALL.len()];
        }
    };
    Profile::ALL.iter().map(|profile| judge(&facts, *profile, None).ready()).collect()
}

/// All that is in a tree, what lies in a directory before it.
fn contents(tree: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(tree).expect("readable").flatten() {
        if entry.file_type().expect("a type").is_dir() {
            found.extend(contents(&entry.path()));
        }
        found.push(entry.path());
    }
    found
}

/// Something that a copy may have, and how to make it.
type Loss = (&'static str, fn(&Path));

/// What a copy may have in the place of something; the first: nothing.
const LOSSES: [Loss; 5] = [
    ("nothing", |_| {}),
    ("an empty file", |path| std::fs::write(path, "").expect("write")),
    ("an empty directory", |path| std::fs::create_dir(path).expect("mkdir")),
    ("a FIFO", |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).expect("mkfifo")),
    ("a link to itself", |path| std::os::unix::fs::symlink(path.file_name().expect("a name"), path).expect("symlink")),
];

#[test]
fn what_a_copy_lost_makes_no_verdict() {
    let dir = tempfile::tempdir().expect("temp dir");
    let mut wrong = Vec::new();
    let captured = dir.path().join("captured");
    let capture = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight")).args(["facts", "--capture"]).arg(&captured).status();
    assert!(capture.expect("runs").success());
    for name in ["debian-12", "ubuntu-24.04", "pod", "pod-procmount", "captured"] {
        let whole = if name == "captured" { captured.clone() } else { hosts().join(name) };
        let (tree, aside) = (dir.path().join(format!("{name}-copy")), dir.path().join("aside"));
        copy(&whole, &tree);
        let before = judged(&tree);
        for path in contents(&whole) {
            let path = path.strip_prefix(&whole).expect("below it");
            // A tree without a manifest says by not having one of these two that the kernel has no such switch.
            if path == Path::new("captured.json") {
                continue;
            }
            let is_switch = SYSCTLS.iter().any(|row| row.absence_tells && row.sysctl.path() == format!("/{}", path.display()));
            for (loss, lose) in LOSSES.into_iter().skip(usize::from(is_switch)) {
                let place = tree.join(path);
                std::fs::rename(&place, &aside).expect("rename");
                lose(&place);
                for ((before, after), profile) in before.iter().zip(judged(&tree)).zip(Profile::ALL) {
                    if after != *before && after != Ready::Unknown {
                        wrong.push(format!("{name}: {loss} for {}: {profile} was {before}, is {after}", path.display()));
                    }
                }
                let _ = std::fs::remove_file(&place).or_else(|_| std::fs::remove_dir(&place));
                std::fs::rename(&aside, &place).expect("rename");
            }
        }
        assert_eq!(judged(&tree), before, "{name}: all stands again");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
