//! A pod's OCI config.

use crate::pod::{Pod, Proc, SeccompProfile};
use crate::support::oci::{CAPABILITIES, Container, Volume, places};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

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
        self.caps.settings()["capabilities"].clone()
    }

    pub(crate) fn config(&self, id: &str, root: &Path, state: Option<&Path>, bundle: &Path) -> Value {
        let mut check = vec!["--profile", self.profile];
        check.extend(self.guard.then_some("--guard"));
        check.extend(self.process_sandbox.map(|on| if on { "--process-sandbox=on" } else { "--process-sandbox=off" }));
        let mut volumes = Vec::new();
        if let Some(state) = state {
            volumes.push(Volume { source: state.to_path_buf(), target: places(self.uid).state, flags: self.state_flags.to_vec() });
        }
        if self.sub_ids.is_some() {
            for target in ["/etc/subuid", "/etc/subgid"] {
                volumes.push(Volume { source: bundle.join("subids"), target, flags: vec!["ro"] });
            }
        }
        if self.guard {
            volumes.push(Volume { source: bundle.join("last-words"), target: "/dev/termination-log", flags: Vec::new() });
        }
        for (number, (target, _)) in self.files.iter().enumerate() {
            volumes.push(Volume { source: bundle.join(format!("file-{number}")), target, flags: vec!["ro"] });
        }
        for (number, target) in self.empty_dirs.iter().enumerate() {
            volumes.push(Volume { source: bundle.join(format!("empty-{number}")), target, flags: Vec::new() });
        }
        let seccomp = match self.seccomp {
            SeccompProfile::Unconfined => Value::Null,
            SeccompProfile::Containerd => self.caps.settings()["containerd"].clone(),
            SeccompProfile::Crio => self.caps.settings()["crio"].clone(),
            SeccompProfile::NoUserNamespaces => {
                json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
                {"names": ["unshare", "clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                 "args": [{"index": 0, "value": 0x1000_0000, "valueTwo": 0x1000_0000, "op": "SCMP_CMP_MASKED_EQ"}]},
                {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})
            }
        };
        Container {
            root,
            cgroup: format!("/{id}"),
            cgroup_namespace: false,
            uid: self.uid,
            privileged: self.privileged,
            capabilities: self.capabilities(),
            no_new_privs: self.no_new_privs,
            seccomp,
            apparmor: None,
            masked_proc: self.proc == Proc::Masked,
            ids: self.ids,
            dev_fuse: self.dev_fuse,
            volumes,
            parts: match (self.build, self.guard) {
                _ if self.whole => "check,build-long,beside",
                (true, false) => "check,prove,build",
                // The guard is no trial build.
                (true, true) => "check,build",
                (false, _) => "check",
            },
            check,
            process_sandbox: self.process_sandbox.unwrap_or(self.profile != "no-process-sandbox"),
            own: self.own.clone(),
        }
        .config()
    }
}
