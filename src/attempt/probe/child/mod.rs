//! The child of a probe: what rootlesskit, buildkitd and runc do, in their order.
//!
//! ```text
//! probe            makes the scratch directory; as root, writes the ID maps and cleans up
//!  └─ builder      the builder's user: rootlesskit's parent, runs newuidmap and newgidmap
//!      └─ daemon   in the user namespace: rootlesskit's child and buildkitd
//!          └─ step in the namespaces of a build step: runc
//! ```
//! Where probe and builder are one user they are one process, and a step has one process more for
//! its PID namespace. All share a process group and die with their parents. Mounts are made only
//! in mount namespaces of their own and go with them.

mod buildkitd;
mod changes;
mod cleanup;
mod own_pod;
mod rootlesskit;
mod runc;
mod scratch;
mod tell;

use super::wire::Line;
use crate::fact::{Fact, Plan, Snapshotter, Step, SubIds};
use crate::profile::BUILDER_UID;
use crate::read::{Host, sub_ids};
use std::path::PathBuf;

pub use scratch::remove_left;

/// What to do; the command line of the child.
#[derive(Clone, Debug)]
pub struct Task {
    /// What to imitate.
    pub plan: Plan,
    /// Where to make the scratch directory.
    pub state_dir: PathBuf,
    /// The user to become first; needs root.
    pub become_uid: Option<u32>,
    /// Whether to go on with the own ID alone where no range or helper is at hand.
    pub own_id_fallback: bool,
    /// Whether this is a builder's own pod, with its directories and volumes.
    pub own_pod: bool,
    /// The snapshotter that buildkitd is told to use; `None` where it chooses.
    pub snapshotter: Option<Snapshotter>,
    /// Whether fuse-overlayfs counts only if its programs are here.
    pub needs_fuse_programs: bool,
    /// Which IDs the builder's user may map, where that is known.
    pub sub_ids: Option<SubIds>,
    /// The program that maps user IDs; a bare name is looked for on the PATH.
    pub newuidmap: PathBuf,
    /// The program that maps group IDs.
    pub newgidmap: PathBuf,
    /// Whether a real rootlesskit has done its part already.
    pub under_rootlesskit: bool,
    /// Steps that are not done, to see what a verdict hangs on.
    pub without: Vec<Step>,
}

/// Does all steps of the plan until one fails, and tells each on standard output.
///
/// # Errors
/// Standard output takes nothing; then no step is done.
pub fn run(task: &Task) -> nix::Result<()> {
    // Not by SIGKILL: from here on there may be something to remove.
    let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM);
    tell::leave_out(&task.without);
    // A binary that can't be read, or a change of user, would leave /proc/self to root.
    let _ = nix::sys::prctl::set_dumpable(true);
    let scratch = scratch::make(task);
    let told = tell::try_to_tell(&Line::Made(scratch.is_ok()));
    let probe = Probe { task, scratch: scratch.as_ref().map(|_| ()).map_err(|errno| *errno) };
    match task.become_uid {
        _ if told.is_err() => {}
        _ if task.under_rootlesskit => drop(probe.buildkitd(false)),
        Some(uid) => probe.as_user(uid),
        None => probe.builder(None),
    }
    if scratch.as_ref().map_or(true, |path| cleanup::remove() || scratch::remove_own(path)) {
        tell::tell(&Line::Clean);
    }
    told
}

impl Task {
    /// Which IDs a user may map.
    fn sub_ids(&self, uid: u32) -> SubIds {
        self.sub_ids.clone().unwrap_or_else(|| sub_ids(&Host::new(None), &Fact::Known(uid), BUILDER_UID))
    }
}

struct Probe<'a> {
    task: &'a Task,
    scratch: nix::Result<()>,
}
