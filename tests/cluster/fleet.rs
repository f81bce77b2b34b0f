//! Which nodes a run has, and how the OCI runtime of each behaves. The suite decides: `SUITE=procmount` has more of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A node as it is planned.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Ports end in it, and its pods' addresses begin with [`Plan::net`].
    pub(crate) number: u16,
    pub(crate) runtime: Behaviour,
    /// How many IDs a pod with a user namespace gets, where that is not the kubelet's default.
    pub(crate) ids: Option<u32>,
    /// Whether its kubelet gives containers the runtime's seccomp filter that name none.
    pub(crate) seccomp_default: bool,
    /// Whether it is there from the beginning, or joins later.
    pub(crate) from_the_start: bool,
}

impl Plan {
    pub(crate) fn net(&self) -> String {
        format!("10.{}", 87 + self.number)
    }

    pub(crate) fn address(&self) -> String {
        format!("{}.0.1", self.net())
    }
}

/// How a node's OCI runtime behaves: see runtime.sh. Kernel, sysctls and versions are the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    Ordinary,
    /// Processes may make no user namespaces, whatever a pod's security context says.
    ForbidsUserNamespaces,
    /// /proc is masked, whatever procMount says.
    IgnoresUnmasked,
    /// A pod with hostUsers: false gets the machine's own user namespace, without a word.
    IgnoresHostUsers,
    /// It says that it can't make user namespaces for pods.
    ReportsNoUserNamespaces,
    /// No pod with hostUsers: false starts.
    FailsUserNamespaces,
}

impl Behaviour {
    fn word(self) -> &'static str {
        match self {
            Behaviour::Ordinary => "ordinary",
            Behaviour::ForbidsUserNamespaces => "forbids-user-namespaces",
            Behaviour::IgnoresUnmasked => "ignores-unmasked",
            Behaviour::IgnoresHostUsers => "ignores-host-users",
            Behaviour::ReportsNoUserNamespaces => "reports-no-user-namespaces",
            Behaviour::FailsUserNamespaces => "fails-user-namespaces",
        }
    }

    /// From now on the runtime of the node in this directory behaves so.
    pub(crate) fn set(self, node: &Path) {
        let (file, new) = (node.join("behaviour"), node.join("behaviour.new"));
        fs::write(&new, self.word()).expect("write");
        fs::rename(new, file).expect("rename");
    }
}

const fn plan(name: &'static str, number: u16, runtime: Behaviour) -> Plan {
    Plan { name, number, runtime, ids: None, seccomp_default: false, from_the_start: true }
}

const USUAL: &[Plan] = &[plan("node1", 1, Behaviour::Ordinary), plan("node2", 2, Behaviour::ForbidsUserNamespaces)];

const PROCMOUNT: &[Plan] = &[
    plan("node1", 1, Behaviour::Ordinary),
    plan("node2", 2, Behaviour::ForbidsUserNamespaces),
    plan("node3", 3, Behaviour::IgnoresUnmasked),
    plan("node4", 4, Behaviour::IgnoresHostUsers),
    plan("node5", 5, Behaviour::ReportsNoUserNamespaces),
    plan("node6", 6, Behaviour::FailsUserNamespaces),
    Plan { ids: Some(196_608), from_the_start: false, ..plan("node7", 7, Behaviour::Ordinary) },
];

/// The second one is as hardened nodes are: its kubelet has `seccompDefault`.
const PODS: &[Plan] = &[plan("node1", 1, Behaviour::Ordinary), Plan { seccomp_default: true, ..plan("node2", 2, Behaviour::Ordinary) }];

/// Which steps are run.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Suite {
    /// The agent.
    Agent,
    /// The profile procmount, and pods with a user namespace.
    Procmount,
    /// What Knative's BuildKit template offered.
    Seed,
    /// Pools of nodes that Karpenter makes.
    Scaling,
    /// Namespaces where Pod Security enforces its level baseline.
    Baseline,
    /// The charts, by helm.
    Charts,
    /// Builders that people have.
    Pods,
}

impl Suite {
    /// The one that the variable SUITE names.
    pub(crate) fn chosen() -> Self {
        match std::env::var("SUITE").as_deref() {
            Ok("procmount") => Suite::Procmount,
            Ok("seed") => Suite::Seed,
            Ok("scaling") => Suite::Scaling,
            Ok("baseline") => Suite::Baseline,
            Ok("charts") => Suite::Charts,
            Ok("pods") => Suite::Pods,
            _ => Suite::Agent,
        }
    }
}

/// Whether a part of the steps is enough.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("SET").is_some_and(|set| set == "ci")
}

pub(crate) fn planned() -> &'static [Plan] {
    match Suite::chosen() {
        Suite::Agent | Suite::Seed | Suite::Scaling | Suite::Baseline | Suite::Charts => USUAL,
        Suite::Procmount => PROCMOUNT,
        Suite::Pods => PODS,
    }
}

/// Makes the OCI runtime of the node in this directory, a script around the real one.
pub(crate) fn runtime(node: &Path) -> PathBuf {
    let path = node.join("runtime");
    let script = include_str!("runtime.sh");
    let runc = crate::image::tool("runc");
    let script =
        script.replace("@RUNC@", &runc.display().to_string()).replace("@BEHAVIOUR@", &node.join("behaviour").display().to_string());
    fs::write(&path, script).expect("write");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    path
}
