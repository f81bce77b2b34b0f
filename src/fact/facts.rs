use super::{
    API_VERSION, AppArmor, BootArguments, Capacity, Cgroup, Container, Fact, Helper, KeyUse, Kubelet, OsRelease, OwnPod, Probe, ProcFs,
    Process, Release, Selinux, StateDir, Step, SubIds, SysctlSetting, Sysctls, Tools, Trial, TrialEnd, Tuned,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All that one run saw. `facts` prints it, `check --facts` judges it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `Facts`.
    pub kind: String,
    /// When the facts were gathered, RFC 3339 in UTC.
    #[serde(default)]
    pub gathered_at: Fact<String>,
    /// When the machine was booted, the same way.
    #[serde(default)]
    pub booted_at: Fact<String>,
    /// The node's name: `NODE_NAME` where a pod is told it, else the host name.
    #[serde(default)]
    pub node: Fact<String>,
    /// The operating system, from os-release.
    #[serde(default)]
    pub os: Fact<OsRelease>,
    /// The running kernel's release.
    #[serde(default)]
    pub kernel: Fact<Release>,
    /// Those of the arguments it was booted with that a builder may come to feel. For a verdict they are read of EL7's kernel alone.
    #[serde(default)]
    pub boot_arguments: Fact<BootArguments>,
    /// The options it was built with that a builder may come to feel. Absent where no file tells.
    #[serde(default)]
    pub kernel_config: Fact<Vec<String>>,
    /// Whether the kernel knows user namespaces at all (CONFIG_USER_NS).
    #[serde(default)]
    pub user_namespaces: Fact<bool>,
    /// The sysctls that decide over user namespaces.
    #[serde(default)]
    pub sysctls: Sysctls,
    /// How many user namespaces have a process in them, beside the machine's first one.
    #[serde(default)]
    pub user_namespaces_in_use: Fact<u64>,
    /// The keys of this process's user, against its quota. Absent where it has none.
    #[serde(default)]
    pub keys: Fact<KeyUse>,
    /// What files of sysctl.d(5) say of those that may be set, in the order in which they are applied at boot.
    #[serde(default)]
    pub sysctl_files: Fact<Vec<SysctlSetting>>,
    /// The confinement of this very process, which a builder in the same place would share.
    #[serde(default)]
    pub process: Process,
    /// The security modules that are active, in the order in which the kernel asks them.
    #[serde(default)]
    pub security_modules: Fact<Vec<String>>,
    /// What SELinux does, where it is active.
    #[serde(default)]
    pub selinux: Selinux,
    /// AppArmor's profiles for a builder's rootlesskit.
    #[serde(default)]
    pub apparmor: AppArmor,
    /// What lies over /proc.
    #[serde(default)]
    pub proc_fs: Fact<ProcFs>,
    /// The directory where BuildKit would keep its state.
    #[serde(default)]
    pub state_dir: StateDir,
    /// Whether /dev/fuse can be opened.
    #[serde(default)]
    pub dev_fuse: Fact<bool>,
    /// Whether /dev/net/tun can be opened, as slirp4netns and pasta do.
    #[serde(default)]
    pub dev_net_tun: Fact<bool>,
    /// The control groups.
    #[serde(default)]
    pub cgroup: Cgroup,
    /// What made the container that this is. Absent where nothing marks one.
    #[serde(default)]
    pub container: Fact<Container>,
    /// The programs of a builder's image that are here.
    #[serde(default)]
    pub tools: Tools,
    /// newuidmap, which writes a map of more than one's own user ID.
    #[serde(default)]
    pub newuidmap: Fact<Helper>,
    /// newgidmap, the same for group IDs.
    #[serde(default)]
    pub newgidmap: Fact<Helper>,
    /// The ranges of subordinate IDs that the builder's user may map.
    #[serde(default)]
    pub sub_ids: SubIds,
    /// What the kubelet says of the node.
    #[serde(default)]
    pub kubelet: Kubelet,
    /// How many IDs the node's own user namespace has, as the agent's label says. Absent where the node has none of its own.
    #[serde(default)]
    pub node_ids: Fact<u64>,
    /// What `tune` did on the node.
    #[serde(default)]
    pub tuned: Fact<Tuned>,
    /// What the node has to offer to builds.
    #[serde(default)]
    pub capacity: Capacity,
    /// The builder's own pod: only where this process was in the builder's place (`check --guard`, or in an image with buildkitd).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_pod: Option<OwnPod>,
    /// What was tried, and what came of it.
    #[serde(default)]
    pub probes: Vec<Probe>,
    /// Real builds that were tried (`--prove build`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
}

impl Facts {
    /// Facts of which nothing is known yet, with their header, which `default` lacks.
    pub fn unknown() -> Self {
        Facts { api_version: API_VERSION.into(), kind: "Facts".into(), ..Facts::default() }
    }

    /// Whether the process stands on the bare machine, in the first PID and IPC namespaces, and not in a container.
    pub fn on_bare_machine(&self) -> Option<bool> {
        self.process.on_bare_machine()
    }

    /// Whether the process is in a user namespace of its own, as in a pod with `hostUsers: false`.
    pub fn in_user_namespace(&self) -> Option<bool> {
        self.process.uid_map.known().map(|map| !map.is_initial())
    }

    /// The steps at which something that was tried ended.
    pub fn failed_steps(&self) -> impl Iterator<Item = Step> {
        let probes = self.probes.iter().filter_map(|probe| probe.failed()).map(|failed| failed.step);
        let trials = self.trials.iter().filter_map(|trial| match &trial.end {
            TrialEnd::Failed { step, .. } => step.as_ref().map(|failed| failed.step),
            _ => None,
        });
        probes.chain(trials)
    }

    /// Whether this place is the builder's: a container that has rootlesskit (or this program
    /// in its place). There a missing helper or range is the builder's own lack; elsewhere the
    /// builder's image would bring it. `None` where that can't be told.
    pub fn in_builder_image(&self) -> Option<bool> {
        match (self.on_bare_machine(), &self.tools.rootlesskit) {
            (Some(true), _) | (_, Fact::Absent) => Some(false),
            (Some(false), Fact::Known(_)) => Some(true),
            _ => None,
        }
    }
}
