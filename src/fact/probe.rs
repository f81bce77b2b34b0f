use super::Errno;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who runs buildkitd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Builder {
    /// An ordinary user, in a user namespace that rootlesskit makes.
    Rootless,
    /// Root of the place itself, without rootlesskit.
    Rootful,
}

/// What a probe imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Who runs buildkitd.
    pub builder: Builder,
    /// Whether each build step has a PID namespace and a proc of its own
    /// (off: `--oci-worker-no-process-sandbox`).
    pub process_sandbox: bool,
}

impl Plan {
    /// Steps of two stages of a build run at the same time. BuildKit runs as many as there are; two are promised.
    pub const STEPS_AT_ONCE: usize = 2;

    /// The kernel counts the mount namespace of a step that has ended for a while yet, when the next step makes its own. Measured
    /// with a limit that leaves no place for one: of five builds three failed.
    pub const MOUNT_NAMESPACES_LATE: usize = 1;

    /// The steps of this plan, in the order in which the kernel meets them.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        Step::ALL.iter().copied().filter(move |step| match step {
            Step::UserNamespace | Step::SubIdRange | Step::UidMap | Step::GidMap | Step::StepMountNamespace => {
                self.builder == Builder::Rootless
            }
            Step::PidNamespace => self.process_sandbox,
            _ => true,
        })
    }
}

/// One thing that a rootless build needs the kernel to do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Step {
    /// rootlesskit: clone(CLONE_NEWUSER).
    UserNamespace,
    /// rootlesskit: a mount namespace in it. For a builder without rootlesskit: that of a build step.
    MountNamespace,
    /// rootlesskit: the user's ranges in /etc/subuid and /etc/subgid.
    SubIdRange,
    /// rootlesskit: newuidmap.
    UidMap,
    /// rootlesskit: newgidmap.
    GidMap,
    /// rootlesskit: mount propagation of / to private.
    PrivateRoot,
    /// buildkitd: a file in TMPDIR. rootlesskit makes its own directory there before all else.
    TempDir,
    /// buildkitd: directories and a file in the state dir, and what its databases do to it: a lock, a shared mapping, a sync.
    StateDir,
    /// buildkitd: a socket in XDG_RUNTIME_DIR.
    RuntimeDir,
    /// buildkitd: overlayfs there. Where it fails fuse-overlayfs is tried.
    Overlay,
    /// A build step: what it does to files of lower layers, through that overlayfs. BuildKit mounts and does not look.
    OverlayChange,
    /// buildkitd: fuse-overlayfs there. Where it fails the native snapshotter is left.
    Fuse,
    /// A build step without overlayfs: links.
    FileChange,
    /// buildkitd: a file in the state dir for the first and for the last ID of the range, and one in a directory of another ID.
    Chown,
    /// A build step: a file capability, by the snapshotter that was found.
    FileCapability,
    /// runc with the native snapshotter: run a program from the state dir.
    Execute,
    /// runc: bind mount from the state dir.
    BindMount,
    /// runc: make it read-only.
    ReadOnlyRemount,
    /// runc: one more mount namespace, for the build step, while rootlesskit holds the first.
    StepMountNamespace,
    /// runc: a UTS namespace.
    UtsNamespace,
    /// runc: an IPC namespace.
    IpcNamespace,
    /// runc: a cgroup namespace, on cgroup v2.
    CgroupNamespace,
    /// runc: a PID namespace, with a process sandbox.
    PidNamespace,
    /// runc: a session keyring, where the kernel has them.
    SessionKeyring,
    /// runc: /proc, a fresh one with a process sandbox, else the one that is there.
    Proc,
    /// runc: tmpfs on /dev, and devpts in it.
    Devpts,
    /// runc: mqueue on /dev/mqueue.
    Mqueue,
    /// runc: sysfs, else /sys as it is there. BuildKit leaves it out when rootless, so this decides nothing.
    Sysfs,
    /// runc: pivot_root into the build step's root.
    PivotRoot,
    /// runc: sethostname.
    Hostname,
}

impl Step {
    /// All steps in order.
    pub const ALL: &'static [Step] = <Step as strum::VariantArray>::VARIANTS;

    /// The id: `user-namespace`.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// Whether it is done in a builder's own pod alone, since it says nothing of a node.
    pub fn is_of_own_pod(self) -> bool {
        matches!(self, Step::TempDir | Step::RuntimeDir)
    }

    /// What a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Step::UserNamespace => "new user namespace",
            Step::MountNamespace => "new mount namespace",
            Step::SubIdRange => "sub-UID and sub-GID range",
            Step::UidMap => "newuidmap",
            Step::GidMap => "newgidmap",
            Step::PrivateRoot => "make / private",
            Step::TempDir => "write to the temporary directory",
            Step::StateDir => "write to the state dir",
            Step::RuntimeDir => "socket in the runtime directory",
            Step::Overlay => "overlayfs on the state dir",
            Step::OverlayChange => "changes through overlayfs",
            Step::Fuse => "fuse-overlayfs on the state dir",
            Step::FileChange => "links in the state dir",
            Step::Chown => "files of other owners in the state dir",
            Step::FileCapability => "file capability in the state dir",
            Step::Execute => "run a program from the state dir",
            Step::BindMount => "bind mount from the state dir",
            Step::ReadOnlyRemount => "read-only remount",
            Step::StepMountNamespace => "mount namespace of a build step",
            Step::UtsNamespace => "UTS namespace of a build step",
            Step::IpcNamespace => "IPC namespace of a build step",
            Step::CgroupNamespace => "cgroup namespace of a build step",
            Step::PidNamespace => "PID namespace of a build step",
            Step::Proc => "mount of /proc in a build step",
            Step::Devpts => "mount of devpts in a build step",
            Step::Mqueue => "mount of mqueue in a build step",
            Step::Sysfs => "mount of /sys in a build step",
            Step::SessionKeyring => "session keyring of a build step",
            Step::PivotRoot => "pivot_root of a build step",
            Step::Hostname => "sethostname in a build step",
        }
    }
}

/// What became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// The kernel did it.
    Worked,
    /// It refused, and a builder goes on another way: another snapshotter, another mount.
    FellBack,
    /// It refused, and a build ends here.
    Failed,
}

/// How the helpers name themselves in the detail of a step.
pub const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// What is in it where newuidmap does not know whom it works for: "Cannot determine your user name".
pub const NO_USER_NAME: &str = "user name";

/// One step with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// Which step.
    pub step: Step,
    /// What became of it.
    pub outcome: StepOutcome,
    /// The error, where the kernel or a helper gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<Errno>,
    /// What else was seen: a helper's message, the call that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it was a system call filter that answered, and not the kernel; told where it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filtered: Option<bool>,
    /// How long it took, in microseconds.
    #[serde(default)]
    pub micros: u64,
}

impl fmt::Display for StepResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.title())?;
        if let Some(errno) = self.errno {
            write!(f, ": {errno}, {}", errno.text())?;
        }
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, " ({detail})"))
    }
}

/// Who wrote the ID maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MapSource {
    /// newuidmap and newgidmap, as for a real builder.
    Helpers,
    /// Root, which needs no helper.
    Root,
    /// The process itself, its own ID alone: no range or no helper was at hand.
    OwnIdOnly,
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// All steps were done, or one failed that a build can't do without.
    Completed,
    /// It was still at a step when its time was up.
    TimedOut(Step),
    /// A signal ended it during a step: a system call filter that kills, or the kernel short of memory.
    Killed {
        /// The signal's number.
        signal: i32,
        /// The step that was under way.
        step: Step,
    },
    /// It could not be done at all.
    NotRun(String),
}

/// One attempt to do what a builder does, in a process of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// What was imitated.
    pub plan: Plan,
    /// The path by which the child was started: AppArmor attaches profiles by it.
    pub executable: String,
    /// The user ID under which it was done.
    pub uid: u32,
    /// Who wrote the ID maps, once they were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_source: Option<MapSource>,
    /// How it ended.
    pub end: End,
    /// The steps that were done, in order.
    pub steps: Vec<StepResult>,
}

impl Probe {
    /// What became of a step; `None` if it was not reached.
    pub fn step(&self, step: Step) -> Option<&StepResult> {
        self.steps.iter().rfind(|result| result.step == step)
    }

    /// The step at which a build would end.
    pub fn failed(&self) -> Option<&StepResult> {
        self.steps.iter().find(|result| result.outcome == StepOutcome::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_listed_once_and_in_order() {
        assert!(Step::ALL.is_sorted_by(|a, b| a < b));
        for &step in Step::ALL {
            assert_eq!(step.id().parse(), Ok(step));
            assert_eq!(serde_json::to_value(step).expect("a string"), step.id());
        }
        let nps: Vec<_> = Plan { builder: Builder::Rootless, process_sandbox: false }.steps().collect();
        assert!(nps.contains(&Step::UidMap) && !nps.contains(&Step::PidNamespace));
        let rootful: Vec<_> = Plan { builder: Builder::Rootful, process_sandbox: true }.steps().collect();
        assert!(!rootful.contains(&Step::UserNamespace) && rootful.contains(&Step::PidNamespace));
    }
}
