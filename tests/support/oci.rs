//! The OCI config of a container, like that of containerd's CRI plugin.

use super::image::tool;
use buildkit_preflight::profile::BUILDER_UID;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The first ID outside of a pod's user namespace.
pub(crate) const FIRST_ID: u32 = 1_048_576;

/// The runtimes' default settings, by the program in tests/tools/profiles: for each set of capabilities its list
/// (`capabilities`) and the seccomp profiles that go with it (`containerd`, `crio`).
static SETTINGS: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(tool("profiles")).output().expect("profiles");
    serde_json::from_slice(&output.stdout).expect("profiles prints JSON")
});

/// The capabilities of a container that is not privileged.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Caps {
    /// containerd's.
    Default,
    Crio,
    AddSysAdmin,
    DropAll,
    #[serde(rename = "drop-all+setids")]
    DropAllAddIds,
}

impl Caps {
    /// Their list, and the seccomp profiles that go with them.
    pub(crate) fn settings(self) -> &'static Value {
        &SETTINGS[match self {
            Caps::Default => "containerd",
            Caps::Crio => "crio",
            Caps::AddSysAdmin => "add-sys-admin",
            Caps::DropAll => "drop-all",
            Caps::DropAllAddIds => "drop-all-add-ids",
        }]
    }
}

/// What differs from one container to another.
pub(crate) struct Container<'a> {
    pub(crate) root: &'a Path,
    /// Its cgroup, from the root of the hierarchy.
    pub(crate) cgroup: String,
    /// Whether it has a cgroup namespace, as containers have on cgroup v2.
    pub(crate) cgroup_namespace: bool,
    pub(crate) uid: u32,
    /// No masks, no read-only /sys, all devices; what else being privileged means, the caller says.
    pub(crate) privileged: bool,
    /// A list of names.
    pub(crate) capabilities: Value,
    pub(crate) no_new_privs: bool,
    /// Null for none.
    pub(crate) seccomp: Value,
    /// A profile that is loaded; `None` for that of the runtime.
    pub(crate) apparmor: Option<&'a str>,
    /// Whether parts of /proc are masked, as in all containers without `procMount: Unmasked`.
    pub(crate) masked_proc: bool,
    /// The size of the pod's user namespace; `None` for the host's.
    pub(crate) ids: Option<u32>,
    pub(crate) dev_fuse: bool,
    pub(crate) volumes: Vec<Volume<'a>>,
    /// What support/container.sh is to do: `predict`, `check`, `prove`, `build`.
    pub(crate) parts: &'a str,
    /// What `check` is asked.
    pub(crate) check: Vec<&'a str>,
    pub(crate) process_sandbox: bool,
    pub(crate) own: Own<'a>,
}

/// What a user's own pod adds to the shape of its profile.
#[derive(Clone, Default)]
pub(crate) struct Own<'a> {
    /// `None` for the user's number.
    pub(crate) gid: Option<u32>,
    /// A group more: `fsGroup`.
    pub(crate) fs_group: Option<u32>,
    /// `readOnlyRootFilesystem: true`.
    pub(crate) read_only_root: bool,
    /// Variables other than the image's.
    pub(crate) env: &'a [(&'a str, &'a str)],
    /// Variables of the image that are not set.
    pub(crate) unset: &'a [&'a str],
    /// Volumes in memory: where, with which options.
    pub(crate) memory: &'a [(&'a str, &'a str)],
    /// `--oci-worker-snapshotter`, and what `check` is told of it.
    pub(crate) snapshotter: Option<&'a str>,
    /// Whether the image is the rootless one, though the user be root.
    pub(crate) rootless_image: bool,
}

/// A bind mount.
pub(crate) struct Volume<'a> {
    pub(crate) source: PathBuf,
    pub(crate) target: &'a str,
    /// Read-only where `ro` is among them.
    pub(crate) flags: Vec<&'a str>,
}

/// Where a builder's image keeps its things.
pub(crate) struct Places {
    pub(crate) home: &'static str,
    pub(crate) state: &'static str,
    pub(crate) socket: &'static str,
}

/// Those of root's image, and those of the rootless one.
pub(crate) fn places(uid: u32) -> Places {
    if uid == 0 {
        Places { home: "/root", state: "/var/lib/buildkit", socket: "unix:///run/buildkit/buildkitd.sock" }
    } else {
        Places { home: "/home/user", state: "/home/user/.local/share/buildkit", socket: "unix:///run/user/1000/buildkit/buildkitd.sock" }
    }
}

impl Container<'_> {
    /// The config as runc reads it.
    pub(crate) fn config(&self) -> Value {
        let places = places(if self.is_rootless() { BUILDER_UID } else { 0 });
        let map = self.ids.map(|ids| json!([{"containerID": 0, "hostID": FIRST_ID, "size": ids}]));
        let capabilities = &self.capabilities;
        let mut kinds = vec!["pid", "ipc", "uts", "mount", "network"];
        kinds.extend(self.cgroup_namespace.then_some("cgroup"));
        kinds.extend(self.ids.map(|_| "user"));
        let namespaces: Vec<_> = kinds.iter().map(|kind| json!({"type": kind})).collect();
        let mut linux = json!({
            "cgroupsPath": self.cgroup,
            "namespaces": namespaces,
            "devices": [],
            "resources": {"devices": [{"allow": self.privileged, "access": "rwm"}]},
        });
        if self.dev_fuse {
            linux["devices"] =
                json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666, "uid": 0, "gid": 0}]);
            if !self.privileged {
                linux["resources"]["devices"] =
                    json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]);
            }
        }
        if let Some(map) = &map {
            linux["uidMappings"] = map.clone();
            linux["gidMappings"] = map.clone();
        }
        if self.masked_proc && !self.privileged {
            linux["maskedPaths"] = json!(MASKED);
            linux["readonlyPaths"] = json!(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]);
        }
        if !self.seccomp.is_null() && !self.privileged {
            linux["seccomp"] = self.seccomp.clone();
        }
        let gid = self.own.gid.unwrap_or(self.uid);
        let groups: Vec<_> = [gid].into_iter().chain(self.own.fs_group).collect();
        let mut process = json!({
            "user": {"uid": self.uid, "gid": gid, "additionalGids": groups},
            "args": self.command(&places),
            "cwd": "/",
            "env": self.environment(&places),
            "noNewPrivileges": self.no_new_privs,
            // As in all pods without requests.
            "oomScoreAdj": 1000,
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
        });
        if let Some(profile) = self.apparmor {
            process["apparmorProfile"] = json!(profile);
        }
        json!({"ociVersion": "1.2.0", "process": process, "root": {"path": self.root, "readonly": self.own.read_only_root}, "mounts": self.mounts(map.as_ref()), "linux": linux})
    }

    /// Whether the image is the rootless one.
    fn is_rootless(&self) -> bool {
        self.uid != 0 || self.own.rootless_image
    }

    fn command<'b>(&'b self, places: &'b Places) -> Vec<&'b str> {
        let mut args = vec!["/bin/sh", "/container.sh", self.parts];
        args.extend(&self.check);
        args.extend(self.own.snapshotter.iter().flat_map(|name| ["--snapshotter", *name]));
        args.push("--");
        args.extend(self.is_rootless().then_some("rootlesskit"));
        let socket = self.own.env.iter().find(|(name, _)| *name == "BUILDKIT_HOST").map_or(places.socket, |(_, socket)| socket);
        args.extend(["buildkitd", "--addr", socket]);
        args.extend((!self.process_sandbox).then_some("--oci-worker-no-process-sandbox"));
        args.extend(self.own.snapshotter.iter().flat_map(|name| ["--oci-worker-snapshotter", *name]));
        args
    }

    fn environment(&self, places: &Places) -> Vec<String> {
        let mut env = vec![
            "PATH=/usr/bin:/bin".to_owned(),
            format!("HOME={}", places.home),
            format!("BUILDKIT_HOST={}", places.socket),
            format!("STATE={}", places.state),
        ];
        if self.is_rootless() {
            env.extend(["USER=user", "XDG_RUNTIME_DIR=/run/user/1000", "TMPDIR=/home/user/.local/tmp"].map(str::to_owned));
        }
        let others = self.own.env.iter().map(|(name, _)| name).chain(self.own.unset).map(|name| format!("{name}=")).collect::<Vec<_>>();
        env.retain(|variable| !others.iter().any(|name| variable.starts_with(name)));
        env.extend(self.own.env.iter().map(|(name, value)| format!("{name}={value}")));
        env
    }

    fn mounts(&self, map: Option<&Value>) -> Vec<Value> {
        let mount = |destination: &str, kind: &str, options: &[&str]| json!({"destination": destination, "type": kind, "source": kind, "options": options});
        let sys: &[&str] = if self.privileged { &["nosuid", "noexec", "nodev"] } else { &["nosuid", "noexec", "nodev", "ro"] };
        let mut mounts = vec![
            mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", sys),
            mount("/sys/fs/cgroup", "cgroup", sys),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=1g"]),
        ];
        for volume in &self.volumes {
            let mut options = vec!["rbind", "rprivate"];
            options.extend(if volume.flags.contains(&"ro") { None } else { Some("rw") });
            options.extend(&volume.flags);
            let mut bind = json!({"destination": volume.target, "type": "bind", "source": volume.source, "options": options});
            if let Some(map) = map {
                bind["uidMappings"] = map.clone();
                bind["gidMappings"] = map.clone();
            }
            mounts.push(bind);
        }
        mounts.extend(self.own.memory.iter().map(|(target, options)| mount(target, "tmpfs", &options.split(',').collect::<Vec<_>>())));
        mounts
    }
}

/// What containerd hides by default.
const MASKED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];

/// By their numbers in include/uapi/linux/capability.h.
pub(crate) const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];
