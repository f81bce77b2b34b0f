//! A pod as containerd's CRI plugin would hand it to runc, run once.

use crate::idmap::{self, FIRST_ID};
use crate::image::{IMAGE, PLACE, tool};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// What can be set of a pod and its volume.
#[derive(Clone)]
pub(crate) struct Pod {
    pub(crate) profile: &'static str,
    pub(crate) uid: u32,
    pub(crate) privileged: bool,
    pub(crate) seccomp: SeccompProfile,
    pub(crate) no_new_privs: bool,
    pub(crate) caps: Caps,
    pub(crate) proc: Proc,
    /// The size of the pod's user namespace; `None` for the host's.
    pub(crate) ids: Option<u32>,
    /// What /etc/subuid and /etc/subgid say; `None` for the image's own.
    pub(crate) sub_ids: Option<&'static str>,
    /// `None` for the profile's own way.
    pub(crate) process_sandbox: Option<bool>,
    pub(crate) state: State,
    pub(crate) state_flags: &'static [&'static str],
    pub(crate) dev_fuse: bool,
    pub(crate) helper_capabilities: bool,
    pub(crate) build: bool,
    /// Whether /usr/bin/rootlesskit is this program, as in the agent's image; else the real one, as in a builder's.
    pub(crate) agent_image: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum SeccompProfile {
    Unconfined,
    Containerd,
    Crio,
    /// One rule alone: no CLONE_NEWUSER, as some platforms have it.
    NoUserNamespaces,
}

#[derive(Clone, Copy)]
pub(crate) enum Caps {
    Containerd,
    Crio,
    AddSysAdmin,
    DropAll,
    DropAllAddIds,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Proc {
    Masked,
    Unmasked,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    /// A volume on the machine's disk, as an emptyDir.
    Disk,
    /// A volume in memory.
    Tmpfs,
    /// A volume in memory without room.
    Full,
    /// No volume: the container's own overlay.
    Overlay,
    /// A volume that lies on an overlay, which can have flags of its own.
    OverlayVolume,
}

impl Pod {
    /// A pod of the default profile.
    pub(crate) const DEFAULT: Pod = Pod {
        profile: "no-process-sandbox",
        uid: 1000,
        privileged: false,
        seccomp: SeccompProfile::Unconfined,
        no_new_privs: false,
        caps: Caps::Containerd,
        proc: Proc::Masked,
        ids: None,
        sub_ids: None,
        process_sandbox: None,
        state: State::Disk,
        state_flags: &[],
        dev_fuse: false,
        helper_capabilities: true,
        build: true,
        agent_image: false,
    };
}

impl Default for Pod {
    fn default() -> Self {
        Pod::DEFAULT
    }
}

/// What came of a pod.
pub(crate) struct Ran {
    /// What `check --format json` printed.
    pub(crate) report: Value,
    pub(crate) exit_code: i32,
    /// What `check` changed in mounts, files and processes.
    pub(crate) left_behind: String,
    /// Whether the exported image holds the file that the RUN step wrote.
    pub(crate) built: bool,
    pub(crate) snapshotter: Option<String>,
    /// All else that was printed.
    pub(crate) log: String,
}

/// Mounts and directories of one pod, undone in reverse order.
struct Workspace {
    dir: PathBuf,
    mounts: Vec<PathBuf>,
}

impl Workspace {
    fn new() -> (Self, String) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("preflight-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = PLACE.join(&id);
        fs::create_dir_all(&dir).expect("mkdir");
        (Workspace { dir, mounts: Vec::new() }, id)
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).expect("mkdir");
        path
    }

    fn mount(&mut self, arguments: &[&str], target: &Path) {
        let done = Command::new("mount").args(arguments).arg(target).status().expect("mount");
        assert!(done.success(), "mount {arguments:?} {}", target.display());
        self.mounts.push(target.to_path_buf());
    }

    /// An overlay over `lower` at `name`.
    fn overlay(&mut self, name: &str, lower: &Path, owner: u32) -> PathBuf {
        let target = self.directory(name);
        let (upper, work) = (self.directory(&format!("{name}-upper")), self.directory(&format!("{name}-work")));
        for dir in [&upper, &work] {
            std::os::unix::fs::chown(dir, Some(owner), Some(owner)).expect("chown");
        }
        let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
        self.mount(&["-t", "overlay", "overlay", "-o", &options], &target);
        target
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        for mount in self.mounts.iter().rev() {
            let done = Command::new("umount").arg("-l").arg(mount).status();
            assert!(done.is_ok_and(|done| done.success()) || std::thread::panicking(), "umount {}", mount.display());
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The runtimes' default settings, by the program in tests/tools/profiles.
static SETTINGS: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(tool("profiles")).output().expect("profiles");
    serde_json::from_slice(&output.stdout).expect("profiles prints JSON")
});

impl Pod {
    pub(crate) fn run(&self) -> Ran {
        let (mut space, id) = Workspace::new();
        let owner = if self.ids.is_some() { FIRST_ID } else { 0 };
        let lower = match self.ids {
            None => IMAGE.clone(),
            Some(ids) => {
                let lower = space.directory("image");
                idmap::mount(&IMAGE, &lower, ids).expect("an idmapped mount of the image");
                space.mounts.push(lower.clone());
                lower
            }
        };
        let root = space.overlay("rootfs", &lower, owner);
        if !self.helper_capabilities {
            for helper in ["usr/bin/newuidmap", "usr/bin/newgidmap"] {
                let path = root.join(helper);
                let bytes = fs::read(&path).expect("a helper");
                fs::remove_file(&path).expect("remove");
                fs::write(&path, bytes).expect("write");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
            }
        }
        if self.agent_image {
            let name = root.join("usr/bin/rootlesskit");
            fs::remove_file(&name).expect("remove");
            fs::hard_link(root.join("usr/bin/buildkit-preflight"), &name).expect("hard link");
        }
        let state = self.volume(&mut space);
        let bundle = space.directory("bundle");
        if let Some(text) = self.sub_ids {
            fs::write(bundle.join("subids"), format!("{text}\n")).expect("write");
        }
        let config = self.config(&id, &root, state.as_deref(), &bundle);
        fs::write(bundle.join("config.json"), config.to_string()).expect("write");
        let runc = |arguments: &[&str]| {
            let mut command = Command::new(tool("runc"));
            command.arg("--root").arg(space.dir.join("runc")).args(arguments).stdin(Stdio::null());
            command.output().expect("runc")
        };
        let output = runc(&["run", "--bundle", bundle.to_str().expect("UTF-8"), &id]);
        runc(&["delete", "--force", &id]);
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
        let report = line("@report ").unwrap_or_else(|| panic!("the container did not run:\n{text}"));
        Ran {
            report: serde_json::from_str(&report).unwrap_or_else(|error| panic!("check printed no JSON ({error}):\n{text}")),
            exit_code: line("@exit ").and_then(|code| code.parse().ok()).expect("an exit code"),
            left_behind: line("@left ").unwrap_or_default(),
            built: line("@built ").is_some(),
            snapshotter: line("@snapshotter "),
            log: text.lines().filter(|line| !line.starts_with("@report")).collect::<Vec<_>>().join("\n"),
        }
    }

    fn volume(&self, space: &mut Workspace) -> Option<PathBuf> {
        let path = match self.state {
            State::Overlay => return None,
            State::Disk => space.directory("volume"),
            State::OverlayVolume => {
                let lower = space.directory("nothing");
                space.overlay("volume", &lower, 0)
            }
            State::Tmpfs | State::Full => {
                let path = space.directory("volume");
                let size = if self.state == State::Full { "size=64k" } else { "size=512m" };
                space.mount(&["-t", "tmpfs", "-o", size, "tmpfs"], &path);
                path
            }
        };
        if self.state == State::Full {
            fs::write(path.join("filler"), [0; 65_536]).expect("fill the volume");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("chmod");
        Some(path)
    }

    fn capabilities(&self) -> Value {
        if self.privileged {
            // All that this machine itself may give away.
            let status = fs::read_to_string("/proc/self/status").expect("status");
            let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).expect("CapBnd");
            let bounding = u64::from_str_radix(bounding.trim(), 16).expect("hexadecimal");
            return CAPABILITIES
                .iter()
                .enumerate()
                .filter(|(bit, _)| bounding >> bit & 1 == 1)
                .map(|(_, name)| json!(format!("CAP_{name}")))
                .collect();
        }
        self.settings()["capabilities"].clone()
    }

    fn settings(&self) -> &'static Value {
        &SETTINGS[match self.caps {
            Caps::Containerd => "containerd",
            Caps::Crio => "crio",
            Caps::AddSysAdmin => "add-sys-admin",
            Caps::DropAll => "drop-all",
            Caps::DropAllAddIds => "drop-all-add-ids",
        }]
    }

    fn config(&self, id: &str, root: &Path, state: Option<&Path>, bundle: &Path) -> Value {
        let rootful = self.uid == 0;
        let (home, state_dir, socket) = if rootful {
            ("/root", "/var/lib/buildkit", "unix:///run/buildkit/buildkitd.sock")
        } else {
            ("/home/user", "/home/user/.local/share/buildkit", "unix:///run/user/1000/buildkit/buildkitd.sock")
        };
        let sandbox = self.process_sandbox.unwrap_or(self.profile != "no-process-sandbox");
        let mut args = vec!["/bin/sh", "/run.sh", if self.build { "yes" } else { "no" }, "--profile", self.profile];
        args.extend(self.process_sandbox.map(|on| if on { "--process-sandbox=on" } else { "--process-sandbox=off" }));
        args.push("--");
        args.extend((!rootful).then_some("rootlesskit"));
        args.extend(["buildkitd", "--addr", socket]);
        args.extend((!sandbox).then_some("--oci-worker-no-process-sandbox"));

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
        let map = self.ids.map(|ids| json!([{"containerID": 0, "hostID": FIRST_ID, "size": ids}]));
        let mut volume = |source: &Path, destination: &str, flags: &[&str]| {
            let mut options = vec!["rbind", "rprivate"];
            options.extend(if flags.contains(&"ro") { None } else { Some("rw") });
            options.extend(flags);
            let mut bind = json!({"destination": destination, "type": "bind", "source": source, "options": options});
            if let Some(map) = &map {
                bind["uidMappings"] = map.clone();
                bind["gidMappings"] = map.clone();
            }
            mounts.push(bind);
        };
        if let Some(state) = state {
            volume(state, state_dir, self.state_flags);
        }
        if self.sub_ids.is_some() {
            volume(&bundle.join("subids"), "/etc/subuid", &["ro"]);
            volume(&bundle.join("subids"), "/etc/subgid", &["ro"]);
        }

        let mut env =
            vec!["PATH=/usr/bin:/bin".to_owned(), format!("HOME={home}"), format!("BUILDKIT_HOST={socket}"), format!("STATE={state_dir}")];
        if !rootful {
            env.extend(["USER=user", "XDG_RUNTIME_DIR=/run/user/1000", "TMPDIR=/home/user/.local/tmp"].map(str::to_owned));
        }
        let caps = self.capabilities();
        let mut namespaces: Vec<_> = ["pid", "ipc", "uts", "mount", "network"].iter().map(|kind| json!({"type": kind})).collect();
        namespaces.extend(self.ids.map(|_| json!({"type": "user"})));
        let mut linux = json!({
            "cgroupsPath": format!("/{id}"),
            "namespaces": namespaces,
            "devices": [],
            "resources": {"devices": [{"allow": self.privileged, "access": "rwm"}]},
        });
        if self.dev_fuse {
            linux["devices"] =
                json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666, "uid": 0, "gid": 0}]);
            linux["resources"]["devices"] =
                json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]);
        }
        if let Some(map) = &map {
            linux["uidMappings"] = map.clone();
            linux["gidMappings"] = map.clone();
        }
        if self.proc == Proc::Masked && !self.privileged {
            linux["maskedPaths"] = json!([
                "/proc/acpi",
                "/proc/interrupts",
                "/proc/kcore",
                "/proc/keys",
                "/proc/latency_stats",
                "/proc/timer_list",
                "/proc/timer_stats",
                "/proc/sched_debug",
                "/proc/scsi",
                "/sys/firmware"
            ]);
            linux["readonlyPaths"] = json!(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]);
        }
        let seccomp = match self.seccomp {
            SeccompProfile::Unconfined => Value::Null,
            SeccompProfile::Containerd => self.settings()["containerd"].clone(),
            SeccompProfile::Crio => self.settings()["crio"].clone(),
            SeccompProfile::NoUserNamespaces => {
                json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
                {"names": ["unshare", "clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                 "args": [{"index": 0, "value": 0x1000_0000, "valueTwo": 0x1000_0000, "op": "SCMP_CMP_MASKED_EQ"}]},
                {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})
            }
        };
        if !seccomp.is_null() && !self.privileged {
            linux["seccomp"] = seccomp;
        }
        json!({
            "ociVersion": "1.2.0",
            "process": {
                "user": {"uid": self.uid, "gid": self.uid, "additionalGids": [self.uid]},
                "args": args, "cwd": "/", "env": env, "noNewPrivileges": self.no_new_privs,
                "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
            },
            "root": {"path": root},
            "mounts": mounts,
            "linux": linux,
        })
    }
}

/// By their numbers in include/uapi/linux/capability.h.
const CAPABILITIES: [&str; 41] = [
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
