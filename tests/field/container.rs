//! A container's case: `check`, `check --prove build` and a real build of what its profile promises in one container, as a CRI runtime
//! would start it.

use crate::answer::Answer;
use crate::case::{Case, Mount};
use crate::expect::Wanted;
use crate::fuse::Server;
use crate::keys::Held;
use crate::row::Row;
use crate::runtime::{self, workspace::Workspace};
use crate::support::oci::{Caps, Container, Own, Volume, places};
use buildkit_preflight::fact::Builder;
use buildkit_preflight::profile::{BUILDER_UID, Profile};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

pub(crate) fn look(case: &Case) -> Row {
    let (mut space, id) = Workspace::new();
    let root = runtime::root(&mut space, case.ids.map(runtime::pods));
    for (path, text) in &case.files {
        put(&root.join(&path[1..]), text);
    }
    if let Some(text) = &case.dockerfile {
        put(&root.join("own/Dockerfile"), text);
        fs::copy(root.join("bin/busybox"), root.join("own/busybox")).expect("copy");
    }
    let (volumes, servers) = volumes(case, &space);
    let held = Held::new(case.hold_keys, BUILDER_UID);
    let bundle = space.directory("bundle");
    let log = runtime::run(&space, &id, &bundle, &config(case, &root, &id, volumes), &[]);
    drop((held, servers));
    judge(case, &log)
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
    let _ = fs::remove_file(path);
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if text.starts_with("#!") {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
}

/// The directories of the node's that are bound into the container, that of the state dir if nothing else is there.
fn volumes<'a>(case: &'a Case, space: &Workspace) -> (Vec<Volume<'a>>, Vec<Server>) {
    let state = places(BUILDER_UID).state;
    let (mut volumes, mut servers) = (Vec::new(), Vec::new());
    let mut bind = |target: &'a str, mount: Option<&Mount>| {
        let number = volumes.len();
        let path = space.directory(&format!("volume-{number}"));
        let (uid, gid) = mount.map_or((0, 0), |mount| (mount.uid, mount.gid));
        chown(&path, Some(uid), Some(gid)).expect("chown");
        let mode = mount.and_then(|mount| u32::from_str_radix(mount.mode.as_ref()?, 8).ok()).unwrap_or(0o777);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        if let Some(server) = mount.and_then(|mount| mount.server.as_ref()) {
            servers.push(Server::start(&case.dir.join(server), &space.directory(&format!("backing-{number}")), &path));
        }
        volumes.push(Volume { source: path, target, flags: Vec::new() });
    };
    if !case.mounts.iter().any(|mount| mount.at == state) {
        bind(state, None);
    }
    for mount in case.mounts.iter().filter(|mount| mount.kind.is_none()) {
        bind(&mount.at, Some(mount));
    }
    (volumes, servers)
}

/// The profile that `check` is asked about.
fn profile(case: &Case) -> Profile {
    let given = case.check.iter().position(|argument| argument == "--profile").and_then(|place| case.check.get(place + 1));
    let given = given.or_else(|| case.check.iter().find(|argument| argument.starts_with("--profile=")));
    let name = given.map_or("no-process-sandbox", |name| name.trim_start_matches("--profile="));
    serde_json::from_value(json!(name)).unwrap_or(Profile::NoProcessSandbox)
}

fn config(case: &Case, root: &PathBuf, id: &str, volumes: Vec<Volume>) -> Value {
    let env: Vec<_> = case.env.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?))).collect();
    let unset: Vec<_> = case.env.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name.as_str()).collect();
    let memory: Vec<_> = case.mounts.iter().filter(|mount| mount.kind.is_some()).collect();
    let memory: Vec<_> = memory.iter().filter_map(|mount| Some((mount.at.as_str(), mount.options.as_deref()?))).collect();
    let profile = profile(case);
    let plan = profile.plan();
    let mut check: Vec<_> = case.check.iter().map(String::as_str).collect();
    if !check.iter().any(|argument| argument.starts_with("--profile")) {
        check.extend(["--profile", profile.id()]);
    }
    Container {
        root,
        cgroup: format!("/{id}"),
        cgroup_namespace: false,
        uid: case.uid,
        privileged: false,
        capabilities: case.caps.as_ref().map_or_else(|| Caps::Default.settings()["capabilities"].clone(), |names| json!(names)),
        no_new_privs: case.no_new_privs,
        seccomp: Value::Null,
        apparmor: None,
        masked_proc: case.masked,
        ids: case.ids,
        dev_fuse: false,
        volumes,
        parts: if case.dockerfile.is_some() { "check,prove,build,own" } else { "check,prove,build" },
        check,
        process_sandbox: plan.process_sandbox,
        own: Own {
            fs_group: None,
            gid: case.gid,
            read_only_root: case.readonly,
            env: &env,
            unset: &unset,
            memory: &memory,
            snapshotter: None,
            rootless_image: plan.builder == Builder::Rootless,
        },
    }
    .config()
}

/// The real build is the truth; what the case expects comes second.
fn judge(case: &Case, log: &str) -> Row {
    let line = |key: &str| log.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let answer = |key: &str| line(key).and_then(|report| serde_json::from_str(report).ok()).and_then(|report: Value| Answer::of(&report));
    let story: String =
        log.lines().filter(|line| !line.starts_with('@') || line.starts_with("@b")).map(|line| format!("{line}\n")).collect();
    let (Some(check), Some(prove)) = (answer("@report "), answer("@proven ")) else {
        return Row::new("no answer".into(), vec!["check printed no report".into()], log.to_owned());
    };
    // What the profile promises, and what the case builds.
    let is_built = line("@buildctl ") == Some("0") && line("@own ").is_none_or(|code| code == "0");
    let asked = [("check", &check, &case.expect.check), ("--prove build", &prove, &case.expect.prove)];
    let mut row =
        Row::new(format!("check: {}; proven: {}; build: {}", check.line(), prove.line(), ended(is_built, log)), Vec::new(), String::new());
    for (name, answer, wanted) in asked {
        let any = wanted.as_ref().is_some_and(Wanted::is_any);
        let contradicts = if is_built { "not-ready" } else { "ready" };
        if !any && answer.verdict == contradicts {
            row.false_ready |= !is_built;
            row.wrongs.push(format!("{name}: {}, and the build {}", answer.verdict, if is_built { "works" } else { "fails" }));
        }
        let taken = line("@snapshotter ").filter(|_| is_built && answer.verdict == "ready");
        if let Some(taken) = taken.filter(|taken| answer.snapshotter.as_deref() != Some(taken)) {
            row.wrongs.push(format!("{name}: snapshotter {:?}, and buildkitd takes {taken}", answer.snapshotter));
        }
        let Some(wanted) = wanted else { continue };
        let words = if any { Vec::new() } else { case.expect.words(answer) };
        row.wrongs.extend(wanted.wrongs(answer).into_iter().chain(words).map(|wrong| format!("{name}: {wrong}")));
    }
    for (name, answer) in [("check", &check), ("--prove build", &prove)] {
        row.log += &format!("{name} says: {}\n{name}'s fix: {}\n", answer.messages, answer.fix);
    }
    row.log += &story;
    row
}

/// How the build ended, in a line.
fn ended(is_built: bool, log: &str) -> String {
    if is_built {
        return "works".into();
    }
    let daemon = log.lines().any(|line| line.starts_with("@buildctl "));
    let (prefix, what) = if daemon { ("build: ", "fails") } else { ("daemon: ", "the daemon died") };
    let is_error = |line: &&str| ["ERROR", "error"].iter().any(|word| line.contains(word)) && !line.contains("level=");
    let lines: Vec<_> = log.lines().filter_map(|line| line.strip_prefix(prefix)).collect();
    let why = lines.iter().rev().copied().find(is_error).or_else(|| lines.last().copied()).unwrap_or_default();
    format!("{what}: {}", why.chars().take(160).collect::<String>())
}
