//! What a row says.

use crate::fact::{Errno, Step};
use crate::profile::Profile;

/// One thing that builds do.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// What it is called, for ever: `remove-directory`.
    pub id: &'static str,
    /// What a build does, in half a sentence.
    pub title: &'static str,
    /// Where it stands in the document.
    pub group: Group,
    /// What people write.
    pub lines: Lines,
    /// What it asks of kernel, volume and daemon.
    pub needs: &'static [Need],
    /// Which profiles promise it.
    pub offers: Offers,
    /// Where it is tried.
    pub tried: Tried,
}

impl Behaviour {
    /// With scripts of three layers.
    pub(super) const fn lines(self, before: &'static str, now: &'static str, after: &'static str) -> Self {
        Behaviour { lines: Lines::layers(before, now, after), ..self }
    }

    /// With one script of a step.
    pub(super) const fn run(self, now: &'static str) -> Self {
        Behaviour { lines: Lines::run(now), ..self }
    }

    /// With a stage of its own.
    pub(super) const fn stage(self, stage: &'static str, after: &'static str) -> Self {
        Behaviour { lines: Lines::stage(stage, after), ..self }
    }

    /// Whether `check --prove build` does it.
    pub fn is_of_trial(&self) -> bool {
        matches!(self.tried, Tried::Everywhere | Tried::TrialAndLongBuilds)
    }

    /// The step of the probe that stands for it, where it failed with this error.
    pub fn step(&self, errno: Option<Errno>) -> Option<Step> {
        let needs = |need| self.needs.contains(&need);
        match errno? {
            Errno::ENOSPC | Errno::EDQUOT => Some(Step::StateDir),
            _ if needs(Need::FileCapabilities) => Some(Step::FileCapability),
            Errno::EPERM | Errno::EINVAL if needs(Need::Owners) => Some(Step::Chown),
            Errno::EIO | Errno::EOPNOTSUPP | Errno::EROFS if needs(Need::Whiteouts) || needs(Need::CopyUp) => Some(Step::OverlayChange),
            _ => None,
        }
    }

    /// Whether a builder of this profile promises it on each node and in each pod that is ready.
    pub fn is_promised(&self, profile: Profile) -> bool {
        self.offers.of(profile) == Offer::Promised
    }
}

/// The subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
pub enum Group {
    /// Layers over layers.
    Layers,
    /// Owners, modes and attributes.
    Owners,
    /// Files that are not ordinary.
    Files,
    /// Processes of a step.
    Processes,
    /// `RUN --mount`.
    Mounts,
    /// What a step sees of networks.
    Network,
    /// Where content comes from.
    Sources,
    /// What becomes of a build, and what is kept of it.
    Export,
    /// The daemon over time.
    Daemon,
}

impl Group {
    /// All groups, in order.
    pub const ALL: &'static [Group] = <Group as strum::VariantArray>::VARIANTS;

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Layers => "Layers",
            Group::Owners => "Owners, modes and attributes",
            Group::Files => "Special files and names",
            Group::Processes => "Processes of a step",
            Group::Mounts => "Mounts of a step",
            Group::Network => "Network of a step",
            Group::Sources => "Contexts and sources",
            Group::Export => "Exports and caches",
            Group::Daemon => "The daemon over time",
        }
    }
}

/// What people write for one behaviour. The base image is busybox with a few tools of Debian; all scripts are run by `sh -ex`.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// Instructions of a stage of its own, after `FROM base AS ID` unless it begins with a `FROM`. What it leaves in /kept is
    /// copied to /stages/ID.
    pub stage: &'static str,
    /// A script of the first layer.
    pub before: &'static str,
    /// One of the second layer.
    pub now: &'static str,
    /// One of the third layer: what must be so by then.
    pub after: &'static str,
    /// A script beside the daemon, with buildctl.
    pub beside: &'static str,
}

impl Lines {
    pub(super) const NONE: Lines = Lines { stage: "", before: "", now: "", after: "", beside: "" };

    /// Layers over layers.
    pub(super) const fn layers(before: &'static str, now: &'static str, after: &'static str) -> Self {
        Lines { before, now, after, ..Lines::NONE }
    }

    /// A stage, and what must be so in the end.
    pub(super) const fn stage(stage: &'static str, after: &'static str) -> Self {
        Lines { stage, after, ..Lines::NONE }
    }

    /// One script of a step.
    pub(super) const fn run(now: &'static str) -> Self {
        Lines { now, ..Lines::NONE }
    }

    /// A script beside the daemon.
    pub(super) const fn beside(beside: &'static str) -> Self {
        Lines { beside, ..Lines::NONE }
    }
}

/// What a behaviour asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Whiteouts.
    Whiteouts,
    /// Extended attributes that overlayfs keeps for itself.
    OverlayXattrs,
    /// Copies from a lower layer.
    CopyUp,
    /// IDs of the range, and a volume that gives files to them.
    Owners,
    /// `security.capability`.
    FileCapabilities,
    /// `user.*` attributes.
    UserXattrs,
    /// Space and inodes.
    Space,
    /// Sync and locks.
    Locks,
    /// Namespaces of a step.
    Namespaces,
    /// A PID namespace of each step.
    PidNamespace,
    /// The root of the machine.
    Root,
    /// The network of the pod.
    Network,
    /// A daemon that is told to allow it.
    Daemon,
}

impl Need {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Need::Whiteouts => "whiteouts (Linux 5.11 in a user namespace)",
            Need::OverlayXattrs => "overlayfs with extended attributes on the volume",
            Need::CopyUp => "copies from a lower layer",
            Need::Owners => "mapped IDs, and a volume that gives files to them",
            Need::FileCapabilities => "`security.capability` on the volume",
            Need::UserXattrs => "`user.*` attributes on the volume",
            Need::Space => "free space and inodes",
            Need::Locks => "`fsync`, `mmap` and file locks on the volume",
            Need::Namespaces => "namespaces of a step",
            Need::PidNamespace => "a PID namespace of each step",
            Need::Root => "root of the machine",
            Need::Network => "the network of the pod",
            Need::Daemon => "settings of the daemon",
        }
    }
}

/// Whether a profile promises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It works on each node and in each pod that is ready.
    Promised,
    /// It is not promised: why.
    No(&'static str),
}

/// What each profile offers.
#[derive(Clone, Copy, Debug)]
pub struct Offers {
    pub(super) no_process_sandbox: Offer,
    pub(super) procmount: Offer,
    pub(super) userns: Offer,
    pub(super) privileged: Offer,
    pub(super) rootful: Offer,
}

impl Offers {
    /// All promise it.
    pub(super) const ALL: Offers = Offers::each(Offer::Promised);

    /// None promises it.
    pub(super) const fn none(why: &'static str) -> Self {
        Offers::each(Offer::No(why))
    }

    /// Only root of the machine does.
    pub(super) const fn machine(why: &'static str) -> Self {
        Offers { rootful: Offer::Promised, ..Offers::none(why) }
    }

    const fn each(offer: Offer) -> Self {
        Offers { no_process_sandbox: offer, procmount: offer, userns: offer, privileged: offer, rootful: offer }
    }

    /// That of a profile.
    pub fn of(&self, profile: Profile) -> Offer {
        match profile {
            // The same builder, otherwise confined.
            Profile::NoProcessSandbox | Profile::Baseline => self.no_process_sandbox,
            Profile::ProcMount => self.procmount,
            Profile::Userns => self.userns,
            Profile::Privileged => self.privileged,
            Profile::Rootful => self.rootful,
        }
    }
}

/// Where a behaviour is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// By the trial build of `check --prove build`, and by the build of the tests in containers, kernels and clusters.
    Everywhere,
    /// By the trial build, and by the longer build of the tests.
    TrialAndLongBuilds,
    /// By all builds of the tests.
    Builds,
    /// By the longer build of the tests, in containers and clusters.
    LongBuilds,
    /// With buildctl beside the daemon of that build.
    Beside,
    /// By this step of the cluster's tests.
    Cluster(&'static str),
    /// Nowhere: none promises it.
    Nowhere,
}
