//! The OCI configs of the pods: a builder's, that of the DaemonSet that tunes, and those that lack something of it.

use crate::support::oci::{CAPABILITIES, Caps, Container, Own, Volume, places};
use serde_json::{Value, json};
use std::path::Path;

/// Where guest/lib.sh puts a container's root, and its volume.
const ROOT: &str = "/disk/run/rootfs";
const VOLUME: &str = "/disk/run/volume";
/// What containerd calls its AppArmor profile.
const CONTAINERD: &str = "cri-containerd.apparmor.d";
/// The two directories of the node that the DaemonSet's pod is given.
const PATHS: [(&str, &str); 2] = [("/proc/sys/kernel", "/host/proc/sys/kernel"), ("/proc/sys/user", "/host/proc/sys/user")];

/// By the names that guest scripts use.
pub(crate) fn configs() -> Vec<(&'static str, Value)> {
    let tuner = Tuner::default();
    // Even one that may do all else has no say over the limits of namespaces.
    let mut others = tuner.config();
    let names: Vec<_> = CAPABILITIES.iter().filter(|name| **name != "SYS_RESOURCE").map(|name| format!("CAP_{name}")).collect();
    for set in ["bounding", "effective", "permitted"] {
        others["process"]["capabilities"][set] = json!(names);
    }
    vec![
        ("node", node()),
        ("other-capabilities", others),
        ("raise", Tuner { capabilities: &[], ..tuner }.config()),
        ("raise-user", tuner.config()),
        ("no-capability", Tuner { capabilities: &[], ..tuner }.config()),
        ("read-only", Tuner { flags: &["ro"], ..tuner }.config()),
        ("no-path", Tuner { paths: &[], ..tuner }.config()),
        ("nested", Tuner { ids: Some(65_536), ..tuner }.config()),
    ]
}

/// `check` and a real build in a builder's pod.
fn node() -> Value {
    let runtime = Caps::Default.settings();
    let pod = Container {
        check: vec!["--profile", "no-process-sandbox", "--process-sandbox", "off", "--deadline=60s"],
        parts: "check,build",
        no_new_privs: false,
        seccomp: Value::Null,
        apparmor: None,
        volumes: vec![Volume { source: VOLUME.into(), target: places(1000).state, flags: Vec::new() }],
        ..plain(1000, runtime["capabilities"].clone())
    };
    pod.config()
}

/// A pod that runs `tune --apply`, not privileged.
#[derive(Clone, Copy)]
struct Tuner {
    /// All that it has.
    capabilities: &'static [&'static str],
    paths: &'static [(&'static str, &'static str)],
    /// Of the mounts of these paths.
    flags: &'static [&'static str],
    /// The size of a user namespace of its own.
    ids: Option<u32>,
}

impl Default for Tuner {
    /// As the DaemonSet has it.
    fn default() -> Self {
        Tuner { capabilities: &["CAP_SYS_RESOURCE"], paths: &PATHS, flags: &[], ids: None }
    }
}

impl Tuner {
    fn config(self) -> Value {
        let volume = |(source, target): &(&str, &'static str)| Volume { source: (*source).into(), target, flags: self.flags.to_vec() };
        let pod = Container { volumes: self.paths.iter().map(volume).collect(), ids: self.ids, ..plain(0, json!(self.capabilities)) };
        let mut config = pod.config();
        config["process"]["args"] = json!(["buildkit-preflight", "tune", "--apply", "--sysctls=/host/proc/sys", "--format=json"]);
        config["root"]["readonly"] = json!(true);
        for mount in config["mounts"].as_array_mut().expect("mounts") {
            // procfs can't be mounted with other IDs, and no runtime tries.
            let mount = mount.as_object_mut().expect("a mount");
            mount.remove("uidMappings");
            mount.remove("gidMappings");
        }
        config
    }
}

/// What they have in common: the runtime's defaults for a pod that drops all capabilities and may not gain privileges.
fn plain(uid: u32, capabilities: Value) -> Container<'static> {
    Container {
        root: Path::new(ROOT),
        cgroup: "/tune/pod".to_owned(),
        cgroup_namespace: true,
        uid,
        privileged: false,
        capabilities,
        no_new_privs: true,
        // Containerd's filter is the same with SYS_RESOURCE and without.
        seccomp: Caps::DropAll.settings()["containerd"].clone(),
        apparmor: Some(CONTAINERD),
        masked_proc: true,
        ids: None,
        dev_fuse: false,
        volumes: Vec::new(),
        parts: "",
        check: Vec::new(),
        process_sandbox: false,
        own: Own::default(),
    }
}
