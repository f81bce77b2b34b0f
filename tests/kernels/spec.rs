//! What a boot's work disk holds for each cell: the node's settings and the OCI configs of its containers.

use crate::cell::{Cell, Context, Proc, Seccomp, State, baseline, word};
use crate::support::oci::{CAPABILITIES, Container, FIRST_ID, Own, Volume, places};
use buildkit_preflight::attempt::BUILD_TIME;
use buildkit_preflight::profile::Profile;
use buildkit_preflight::render::Confinement;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where guest/cell.sh puts a container's root, and its volume.
const ROOT: &str = "/disk/run/rootfs";
const VOLUME: &str = "/run/volume";
/// Its other volumes, each with a number behind it.
const EMPTY_DIRS: &str = "/disk/run/empty";
/// Where it makes many mounts.
const MOUNTS: &str = "/run/mounts";
/// What containerd calls its profile.
const CONTAINERD: &str = "cri-containerd.apparmor.d";

/// The deadline of `check`, in seconds. An emulated CPU takes its time; only what never ends is to end by it.
pub(crate) fn deadline(cell: &Cell) -> u32 {
    if cell.hangs() { 5 } else { 60 }
}

/// Writes a cell to `dir`.
pub(crate) fn write(cell: &Cell, dir: &Path) {
    fs::create_dir_all(dir).expect("mkdir");
    let put = |name: &str, text: String| fs::write(dir.join(name), text).expect("write");
    put("settings", settings(cell));
    put("sysctls", cell.settings.sysctls().iter().map(|(key, value)| format!("{key} {value}\n")).collect());
    if let Some(range) = &cell.context.subuid {
        put("subids", format!("user:{range}\n"));
    }
    for (number, text) in cell.context.files.values().enumerate() {
        put(&format!("file-{number}"), text.clone());
    }
    // What a pod of the default shape is: that of the default profile.
    let default = baseline(Profile::NoProcessSandbox);
    let default: Context = serde_json::from_value(default["context"].clone()).expect("the baseline");
    // Of root nobody knows whether it is a builder's pod; a guard is told, and a guard makes no trial build.
    let guard = cell.is_own_pod() && cell.context.uid == 0;
    let check = match (guard, mutations()) {
        (true, _) => "predict,check,guard",
        (_, true) => "predict,check,mutate",
        (_, false) => "predict,check",
    };
    for (part, parts, context) in [
        ("check", check, &cell.context),
        ("build", if trial_builds() && !guard { "prove,build" } else { "build" }, &cell.context),
        ("shape", "predict", &default),
    ] {
        put(&format!("{part}.json"), config(cell, part, parts, context).to_string());
    }
}

/// Whether each build is tried by `check --prove build` first; PROVE=no saves that time.
pub(crate) fn trial_builds() -> bool {
    std::env::var("PROVE").as_deref() != Ok("no")
}

/// Whether `check` is run without each of its probe's steps too.
pub(crate) fn mutations() -> bool {
    std::env::var("MUTATE").as_deref() == Ok("yes")
}

/// How long the container of `check` may take.
pub(crate) fn check_limit() -> Duration {
    Duration::from_secs(if mutations() { 600 } else { 120 })
}

/// How many seconds the container of the build may take. What hangs is waited for no longer than a slow build takes.
fn build_limit(cell: &Cell) -> u32 {
    match (cell.hangs(), trial_builds()) {
        (false, _) => 300,
        (true, false) => 60,
        (true, true) => 60 + deadline(cell) * (BUILD_TIME + 3),
    }
}

/// The shell variables of guest/cell.sh.
fn settings(cell: &Cell) -> String {
    let (settings, context) = (&cell.settings, &cell.context);
    let profiles: Vec<_> = settings.node_profiles.iter().map(|profile| node_profile(profile)).collect();
    [
        ("PROFILE", cell.profile.to_string()),
        ("SELINUX", if cell.boot.selinux_on { word(settings.selinux_mode) } else { String::new() }),
        ("SELINUX_BOOLEANS", settings.selinux_booleans.join(" ")),
        ("FILE_LABEL", if cell.boot.selinux_on { context.file_label() } else { String::new() }),
        ("HIDEPID", settings.hidepid().unwrap_or_default()),
        ("FUSE_MODULE", if settings.fuse_module { "yes" } else { "no" }.to_owned()),
        ("ROOT_PROPAGATION", word(settings.root_propagation)),
        ("NODE_PROFILES", profiles.join(" ")),
        ("HOLD", settings.hold_userns.clone().unwrap_or_default()),
        ("STATE", word(settings.state)),
        ("STATE_FLAGS", settings.state_flags().join(",")),
        ("IDS", context.map_size.map(|ids| ids.to_string()).unwrap_or_default()),
        ("FIRST_ID", FIRST_ID.to_string()),
        ("ID_HELPER", word(context.idmap_helper)),
        ("STATE_OWNER", word(settings.state_owner)),
        ("STATE_INODES", settings.state_inodes.map(|inodes| inodes.to_string()).unwrap_or_default()),
        ("STATE_QUOTA", settings.state_quota.as_deref().unwrap_or_default().replace(':', " ")),
        ("FS_GROUP", context.fs_group.map(|group| group.to_string()).unwrap_or_default()),
        ("EMPTY_DIRS", context.empty_dirs.len().to_string()),
        // Whose own pod it is, a builder's, is looked at in the builder's image.
        ("CHECK_IMAGE", if cell.is_own_pod() { "builder" } else { "agent" }.to_owned()),
        ("STATE_FREE", settings.state_free.map(|free| free.to_string()).unwrap_or_default()),
        ("MOUNTS", settings.mounts.to_string()),
        ("HANGS", if cell.hangs() { "yes" } else { "" }.to_owned()),
        ("BUILD_LIMIT", build_limit(cell).to_string()),
        ("CHECK_LIMIT", check_limit().as_secs().to_string()),
    ]
    .iter()
    .map(|(name, value)| format!("{name}='{value}'\n"))
    .collect()
}

/// Where a profile of the node lies in the guest: Debian's where Debian has it, ours by name.
pub(crate) fn node_profile(profile: &str) -> String {
    if profile.starts_with("/etc/apparmor.d/") {
        return profile.to_owned();
    }
    let name = PathBuf::from(profile).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("/guest/apparmor/node/{name}")
}

fn config(cell: &Cell, part: &str, parts: &str, context: &Context) -> Value {
    let settings = &cell.settings;
    let hung = settings.state == State::Hung;
    let (parts, deadline) = (format!("{parts}{}", if hung { ",hung" } else { "" }), format!("--deadline={}s", deadline(cell)));
    // The rootless image has it at the same place for all its users.
    let state = places(if cell.profile.uid() == 0 { context.uid } else { cell.profile.uid() }).state;
    let mut volumes = Vec::new();
    if settings.mounts > 0 {
        volumes.push(Volume { source: MOUNTS.into(), target: "/mnt", flags: Vec::new() });
    }
    if settings.state != State::Overlay {
        let flags = if context.runtime_keeps_flags { settings.state_flags() } else { Vec::new() };
        volumes.push(Volume { source: VOLUME.into(), target: state, flags });
    }
    for (number, target) in context.empty_dirs.iter().enumerate() {
        volumes.push(Volume { source: format!("{EMPTY_DIRS}-{number}").into(), target, flags: Vec::new() });
    }
    for (number, target) in context.files.keys().enumerate() {
        volumes.push(Volume { source: format!("/disk/cells/{}/file-{number}", cell.id).into(), target, flags: vec!["ro"] });
    }
    if context.subuid.is_some() {
        for target in ["/etc/subuid", "/etc/subgid"] {
            volumes.push(Volume { source: format!("/disk/cells/{}/subids", cell.id).into(), target, flags: vec!["ro"] });
        }
    }
    let runtime = context.caps.settings();
    let apparmor = match context.apparmor.as_str() {
        // A CRI runtime sets none where AppArmor is off.
        _ if !cell.boot.apparmor_on => None,
        "unconfined" => None,
        "default" => Some(CONTAINERD),
        name => Some(name),
    };
    let sandbox = if cell.context.process_sandbox { "on" } else { "off" };
    let env: Vec<_> = context.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let config = Container {
        root: Path::new(ROOT),
        cgroup: format!("/cells/{part}"),
        cgroup_namespace: cell.boot.cgroup == 2,
        uid: context.uid,
        privileged: context.privileged,
        capabilities: if context.privileged {
            CAPABILITIES.iter().map(|name| json!(format!("CAP_{name}"))).collect()
        } else {
            runtime["capabilities"].clone()
        },
        no_new_privs: context.no_new_privs,
        seccomp: match context.seccomp {
            Seccomp::Unconfined => Value::Null,
            Seccomp::Default => runtime["containerd"].clone(),
            Seccomp::Crio => runtime["crio"].clone(),
            Seccomp::Shipped => serde_json::from_str(&Confinement::Seccomp.text()).expect("a profile"),
        },
        apparmor,
        masked_proc: context.proc == Proc::Masked,
        ids: context.map_size,
        dev_fuse: (context.privileged || context.fuse_device) && settings.fuse_module,
        volumes,
        parts: &parts,
        check: vec!["--profile", cell.profile.id(), "--process-sandbox", sandbox, &deadline],
        process_sandbox: context.process_sandbox,
        own: Own {
            gid: context.gid,
            fs_group: context.fs_group,
            rootless_image: cell.profile.uid() != 0,
            read_only_root: context.read_only_root,
            env: &env,
            ..Own::default()
        },
    };
    let mut config = config.config();
    if cell.boot.selinux_on {
        config["process"]["selinuxLabel"] = context.process_label().into();
        config["linux"]["mountLabel"] = context.file_label().into();
    }
    if context.proc == Proc::Hidepid
        && let Some(options) = config["mounts"][0]["options"].as_array_mut()
    {
        options.push("hidepid=2".into());
    }
    if hung {
        let target = format!("{ROOT}{}", state);
        config["hooks"] = json!({"createRuntime": [{"path": "/guest/silence.sh", "args": ["silence", target]}]});
    }
    config
}
