//! What can be known of a node: plain values, with serde both ways.
//!
//! A [`Fact`] never turns "could not read" into a value. [`Facts`] is the whole
//! of what one run saw; [`rows`] says of each fact where it comes from and in
//! which places it can be read. Nothing here reads anything.

mod apparmor;
mod boot;
mod capacity;
mod defaults;
mod distro;
mod errno;
mod facts;
mod idmap;
mod keeps;
mod kernel;
mod kubelet;
mod observed;
mod os;
mod own_pod;
mod place;
mod probe;
mod proc_fs;
mod process;
mod redact;
mod runtime;
mod selinux;
mod snapshotter;
mod source;
mod state_dir;
mod surroundings;
mod sysctl;
mod tools;
mod trial;
mod tunable;
mod tuned;
mod user_namespace;
mod usual;
mod version;
mod why;

pub use apparmor::{APPARMOR_FILES, AppArmor, DENY_MOUNT, ROOTLESSKIT};
pub use boot::BootArguments;
pub use capacity::Capacity;
pub use defaults::{Defaults, SecurityModule, Version};
pub use distro::{DISTROS, Distro};
pub use errno::Errno;
pub use facts::Facts;
pub use idmap::{Helper, IdMap, IdRange, SubId, SubIds};
pub use keeps::{Keeps, Settings, Switch};
pub use kernel::{FUSE_IN_USERNS, IDMAPPED_MOUNTS, IDMAPPED_TMPFS, OVERLAY_IN_USERNS, OVERLAY_WITH_SELINUX, Since};
pub use kubelet::{Kubelet, Runtime, RuntimeHandler};
pub use observed::Fact;
pub use os::{OsRelease, Release};
pub use own_pod::{Directory, OwnPod, UserEntry};
pub use place::Place;
pub use probe::{Builder, End, HELPERS, MapSource, NO_USER_NAME, Plan, Probe, Step, StepOutcome, StepResult};
pub use proc_fs::ProcFs;
pub use process::{Asked, CapSet, Namespace, Process, Seccomp};
#[cfg(feature = "cli")]
pub use redact::Redaction;
pub use runtime::{KnownRuntime, RUNTIMES, unmasking, with_user_namespaces};
pub use selinux::{Selinux, SelinuxMode, is_builders_type};
pub use snapshotter::Snapshotter;
pub use source::{Row, Source, rows};
pub use state_dir::{MountFlags, StateDir};
pub use surroundings::{Cgroup, CgroupVersion, Container, KeyUse, Propagation, kernel_options};
pub use sysctl::{Raise, SYSCTLS, Sysctl, SysctlRow, Sysctls};
pub use tools::Tools;
pub use trial::{Stage, Trial, TrialEnd};
pub use tunable::{SysctlSetting, Tunable};
pub use tuned::{Problem, Reason, SysctlChange, TUNED_FILE, Tuned};
pub use user_namespace::UserNamespace;
pub use version::KubeVersion;
pub use why::Why;

/// The version of every object this program writes. Within `v1` fields are only ever added.
pub const API_VERSION: &str = "buildkit-preflight.dev/v1";
