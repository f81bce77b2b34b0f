//! What a pod asks for that decides whether a build works in it.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// The shape of a pod with a builder in it: profiles have one each, and an agent's pod takes that of the profile it proves.
/// A SELinux label is the runtime's in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `runAsUser`.
    pub user: u32,
    /// `runAsGroup`.
    pub group: u32,
    /// `seccompProfile`, where it says one.
    pub seccomp: Option<Confinement>,
    /// `appArmorProfile`, where it says one.
    pub apparmor: Option<Confinement>,
    /// What it changes of the runtime's capabilities.
    pub capabilities: Capabilities,
    /// `privileged`: no seccomp, no AppArmor, no masks, all capabilities.
    pub privileged: bool,
    /// `allowPrivilegeEscalation`, where it says so: without, newuidmap gets no capability.
    pub privilege_escalation: Option<bool>,
    /// `procMount`.
    pub proc_mount: ProcMount,
    /// `hostUsers`; off, the pod has a user namespace of its own.
    pub host_users: bool,
    /// `readOnlyRootFilesystem`.
    pub read_only_root: bool,
    /// Where buildkitd keeps its state.
    pub state: Directory,
    /// Where buildkitd has its socket.
    pub runtime: Directory,
    /// Whether each build step has a PID namespace of its own; off, buildkitd has `--oci-worker-no-process-sandbox`.
    pub process_sandbox: bool,
}

/// What confines a container: `type` of `seccompProfile` and of `appArmorProfile`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Nothing.
    Unconfined,
    /// The runtime's own profile.
    RuntimeDefault,
    /// A profile of the node's own, by its name (`localhostProfile`).
    Localhost(Cow<'static, str>),
}

/// `procMount`: what becomes of the parts of /proc that the runtime hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcMount {
    /// They are hidden.
    Default,
    /// They are seen.
    Unmasked,
}

/// `capabilities`, by their names in Kubernetes: `SYS_ADMIN`, `ALL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Those that are added to the runtime's.
    pub add: BTreeSet<String>,
    /// Those that are taken away.
    pub drop: BTreeSet<String>,
}

impl Capabilities {
    /// The runtime's own.
    pub const UNCHANGED: Capabilities = Capabilities { add: BTreeSet::new(), drop: BTreeSet::new() };

    /// What newuidmap and newgidmap get from their files, within the container's set; in its own user namespace a rootless builder
    /// has all.
    pub const OF_HELPERS: [&'static str; 2] = ["SETUID", "SETGID"];

    /// `capabilities` of a container's security context, whose names may begin with `CAP_`.
    pub fn of(field: &Value) -> Self {
        let names = |list: &str| {
            let names = field[list].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.map(|name| name.trim_start_matches("CAP_").to_owned()).collect()
        };
        Capabilities { add: names("add"), drop: names("drop") }
    }

    /// Those of [`Capabilities::OF_HELPERS`] that are taken away.
    pub fn missing_for_helpers(&self) -> Vec<&'static str> {
        let has = |names: &BTreeSet<String>, name: &str| names.contains("ALL") || names.contains(name);
        Capabilities::OF_HELPERS.into_iter().filter(|name| has(&self.drop, name) && !has(&self.add, name)).collect()
    }
}

/// A directory of buildkitd's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where it is.
    pub path: Cow<'static, str>,
    /// What it lies on.
    pub storage: Storage,
}

/// What a directory lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The container's root.
    Root,
    /// A volume of the pod's own on the node's disk.
    EmptyDir,
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confinement::Unconfined => "Unconfined",
            Confinement::RuntimeDefault => "RuntimeDefault",
            Confinement::Localhost(name) => return write!(f, "Localhost {name}"),
        })
    }
}

impl fmt::Display for ProcMount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProcMount::Default => "Default",
            ProcMount::Unmasked => "Unmasked",
        })
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        write!(f, "add [{}], drop [{}]", names(&self.add), names(&self.drop))
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage = match self.storage {
            Storage::Root => "the container's root",
            Storage::EmptyDir => "an emptyDir",
        };
        write!(f, "{} on {storage}", self.path)
    }
}
