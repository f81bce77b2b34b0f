//! What can be known of a node: plain values, with serde both ways.
//!
//! A [`Fact`] never turns "could not read" into a value. [`Facts`] is the whole
//! of what one run saw; [`rows`] says of each fact where it comes from and in
//! which places it can be read. Nothing here reads anything.

mod capacity;
mod distro;
mod errno;
mod idmap;
mod kernel;
mod kubelet;
mod os;
mod probe;
mod proc_fs;
mod process;
mod runtime;
mod source;
mod state_dir;
mod sysctl;
mod tools;
mod trial;
mod tunable;
mod tuned;
mod version;
mod why;

pub use capacity::Capacity;
pub use distro::{DISTROS, Distro, Keeps};
pub use errno::Errno;
pub use idmap::{Helper, IdMap, IdRange, SubId, SubIds};
pub use kernel::{FUSE_IN_USERNS, IDMAPPED_MOUNTS, IDMAPPED_TMPFS, OVERLAY_IN_USERNS, Since};
pub use kubelet::{Kubelet, Runtime};
pub use os::{OsRelease, Release};
pub use probe::{Builder, End, MapSource, Plan, Probe, Step, StepOutcome, StepResult};
pub use proc_fs::ProcFs;
pub use process::{Asked, CapSet, Namespace, Process, Seccomp};
pub use runtime::{KnownRuntime, RUNTIMES, unmasking, with_user_namespaces};
pub use source::{Place, Row, Source, rows};
pub use state_dir::{MountFlags, StateDir};
pub use sysctl::{Raise, SYSCTLS, Sysctl, SysctlRow, Sysctls};
pub use tools::Tools;
pub use trial::{Stage, Trial, TrialEnd};
pub use tunable::{SysctlSetting, Tunable};
pub use tuned::{Problem, Reason, SysctlChange, TUNED_FILE, Tuned};
pub use version::KubeVersion;
pub use why::Why;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of every object this program writes. Within `v1` fields are only ever added.
pub const API_VERSION: &str = "buildkit-preflight.dev/v1";

/// One observation: known, or why it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Fact<T> {
    /// It was read, and this is its value.
    // A field of a value has a default only where leaving it out makes no verdict better: a value that lacks another is not known.
    Known(T),
    /// It was looked for where it would be, and it is not there.
    Absent,
    /// It could not be looked at from here: no permission, or the place that would tell is missing.
    Denied(Why),
    /// Reading it went wrong, or what was read makes no sense.
    Failed(Why),
}

impl<T> Fact<T> {
    /// The value, where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Why there is no knowing: `None` for `Known` and for `Absent`, which are both answers.
    pub fn unreadable(&self) -> Option<&Why> {
        match self {
            Fact::Denied(why) | Fact::Failed(why) => Some(why),
            Fact::Known(_) | Fact::Absent => None,
        }
    }

    /// Turns the value into another, which may fail with a reason.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Result<U, String>) -> Fact<U> {
        match self {
            Fact::Known(value) => match f(value) {
                Ok(value) => Fact::Known(value),
                Err(why) => Fact::Failed(why.into()),
            },
            Fact::Absent => Fact::Absent,
            Fact::Denied(why) => Fact::Denied(why),
            Fact::Failed(why) => Fact::Failed(why),
        }
    }
}

/// A fact that a facts file leaves out is one that nobody could read.
impl<T> Default for Fact<T> {
    fn default() -> Self {
        Fact::Denied("not told".into())
    }
}

/// All that one run saw. `facts` prints it, `check --facts` judges it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether the kernel knows user namespaces at all (CONFIG_USER_NS).
    #[serde(default)]
    pub user_namespaces: Fact<bool>,
    /// The sysctls that decide over user namespaces.
    #[serde(default)]
    pub sysctls: Sysctls,
    /// What files of sysctl.d(5) say of those that may be set, in the order in which they are applied at boot.
    #[serde(default)]
    pub sysctl_files: Fact<Vec<SysctlSetting>>,
    /// The confinement of this very process, which a builder in the same place would share.
    #[serde(default)]
    pub process: Process,
    /// What lies over /proc.
    #[serde(default)]
    pub proc_fs: Fact<ProcFs>,
    /// The directory where BuildKit would keep its state.
    #[serde(default)]
    pub state_dir: StateDir,
    /// Whether /dev/fuse can be opened.
    #[serde(default)]
    pub dev_fuse: Fact<bool>,
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
    /// What `tune` did on the node.
    #[serde(default)]
    pub tuned: Fact<Tuned>,
    /// What the node has to offer to builds.
    #[serde(default)]
    pub capacity: Capacity,
    /// What was tried, and what came of it.
    #[serde(default)]
    pub probes: Vec<Probe>,
    /// Real builds that were tried (`--prove build`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
}

impl Facts {
    /// Facts of which nothing is known yet.
    pub fn unknown() -> Self {
        Facts {
            api_version: API_VERSION.into(),
            kind: "Facts".into(),
            gathered_at: Fact::default(),
            booted_at: Fact::default(),
            node: Fact::default(),
            os: Fact::default(),
            kernel: Fact::default(),
            user_namespaces: Fact::default(),
            sysctls: Sysctls::default(),
            sysctl_files: Fact::default(),
            process: Process::default(),
            proc_fs: Fact::default(),
            state_dir: StateDir::default(),
            dev_fuse: Fact::default(),
            tools: Tools::default(),
            newuidmap: Fact::default(),
            newgidmap: Fact::default(),
            sub_ids: SubIds::default(),
            kubelet: Kubelet::default(),
            tuned: Fact::default(),
            capacity: Capacity::default(),
            probes: Vec::new(),
            trials: Vec::new(),
        }
    }

    /// Whether the process stands on the bare machine, in the first PID and IPC namespaces, and not in a container.
    pub fn on_bare_machine(&self) -> Option<bool> {
        self.process.on_bare_machine()
    }

    /// Whether the process is in a user namespace of its own, as in a pod with `hostUsers: false`.
    pub fn in_user_namespace(&self) -> Option<bool> {
        self.process.uid_map.known().map(|map| !map.is_initial())
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
