//! The OCI config of a pod, like that of containerd's CRI plugin.

use crate::idmap::FIRST_ID;
use crate::image::tool;
use crate::pod::{Caps, Pod, Proc, SeccompProfile};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The runtimes' default settings, by the program in tests/tools/profiles.
static SETTINGS: LazyLock<Value> = LazyLock::new(|| {
    let output = Command::new(tool("profiles")).output().expect("profiles");
    serde_json::from_slice(&output.stdout).expect("profiles prints JSON")
});

impl Pod {
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

    pub(crate) fn config(&self, id: &str, root: &Path, state: Option<&Path>, bundle: &Path) -> Value {
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
