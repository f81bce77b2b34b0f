//! Doing what a builder does, in one child process.
//!
//! The child is started by exec, by a path that AppArmor treats as the builder's (see [`run`]), tells
//! each step in a line on its standard output, and has a process group of its own, so that one signal
//! ends it and all that it started. [`child`] is what it does.

pub mod child;
mod running;
mod sys;
mod under_rootlesskit;
mod wire;

use crate::fact::{Builder, End, Plan, Probe, Snapshotter, Step, SubIds};
use nix::sys::signal::Signal;
use running::Running;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) use sys::die_with_us;

/// Where the builder's image has rootlesskit, and the agent's image this program under that name.
const ROOTLESSKIT: &str = "/usr/bin/rootlesskit";

/// What to try, and where.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to imitate.
    pub plan: Plan,
    /// Where scratch files may be made.
    pub state_dir: PathBuf,
    /// The user to become first, for root.
    pub become_uid: Option<u32>,
    /// Whether this is a builder's own image, where nothing may be missing.
    pub in_builder_image: bool,
    /// Whether this is a builder's own pod, with its directories and volumes.
    pub own_pod: bool,
    /// The snapshotter that buildkitd is told to use; `None` where it chooses.
    pub snapshotter: Option<Snapshotter>,
    /// Whether fuse-overlayfs counts only if its programs are here.
    pub needs_fuse_programs: bool,
    /// The helpers newuidmap and newgidmap, where they were found.
    pub helpers: [Option<String>; 2],
    /// Which IDs the builder's user may map.
    pub sub_ids: SubIds,
    /// How long it may take.
    pub deadline: Duration,
    /// Steps that are left out.
    pub without: Vec<Step>,
}

/// Runs a probe to its end, or ends it.
///
/// AppArmor attaches profiles by the path of the executable, in unconfined containers too, so the
/// probe must go by the path that rootlesskit has in a builder's image. If that path is this program
/// (a hard link in the agent's image), the child is started by it. If it is the real rootlesskit, in a
/// builder's own image, then rootlesskit itself does its part, and the child the rest under it.
pub fn run(request: &Request, uid: u32) -> Probe {
    // A binary that was replaced while it runs has no path any more.
    let own = std::env::current_exe().ok().and_then(|path| path.metadata().ok().map(|meta| (path, meta)));
    let installed = Path::new(ROOTLESSKIT);
    let there = installed.metadata().ok();
    let is_own = own.as_ref().zip(there.as_ref()).is_some_and(|((own, meta), there)| same_program(own, meta, installed, there));
    let own = own.map_or_else(|| PathBuf::from("/proc/self/exe"), |(path, _)| path);
    let rootless = request.plan.builder == Builder::Rootless && request.become_uid.is_none();
    if request.in_builder_image && rootless && !is_own && there.is_some() {
        return under_rootlesskit::run(request, uid, installed, &own);
    }
    let mut probe = request.probe(uid, if is_own { installed } else { &own });
    let mut command = Command::new(&probe.executable);
    command.args(request.arguments());
    start(command, &mut probe, request.deadline);
    probe
}

/// Starts a command as the leader of a process group and follows it to its end. Gives what it wrote
/// on standard error.
fn start(mut command: Command, probe: &mut Probe, deadline: Duration) -> String {
    sys::keep_children();
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SIGTERM leaves time to tidy up, to our own child and to rootlesskit.
    match sys::die_with_us(&mut command, Signal::SIGTERM).spawn() {
        Ok(child) => Running::new(child, probe).follow(deadline),
        Err(error) => {
            probe.end = End::NotRun(format!("could not start {}: {error}", probe.executable));
            String::new()
        }
    }
}

impl Request {
    /// A probe of which nothing is known yet.
    fn probe(&self, uid: u32, executable: &Path) -> Probe {
        Probe {
            plan: self.plan,
            executable: executable.display().to_string(),
            uid: self.become_uid.unwrap_or(uid),
            map_source: None,
            end: End::Completed,
            steps: Vec::new(),
        }
    }

    /// The child's command line; `buildkit-preflight probe --help` explains it.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["probe".to_owned(), "--child".to_owned(), format!("--state-dir={}", self.state_dir.display())];
        let mut flag = |set: bool, name: &str| arguments.extend(set.then(|| name.to_owned()));
        flag(self.plan.builder == Builder::Rootful, "--rootful");
        flag(self.plan.process_sandbox, "--process-sandbox");
        flag(!self.in_builder_image, "--own-id-fallback");
        flag(self.own_pod, "--own-pod");
        flag(self.needs_fuse_programs, "--needs-fuse-programs");
        arguments.extend(self.snapshotter.map(|name| format!("--snapshotter={name}")));
        let helpers = ["newuidmap", "newgidmap"].into_iter().zip(&self.helpers);
        arguments.extend(helpers.filter_map(|(name, path)| path.as_ref().map(|path| format!("--{name}={path}"))));
        // An argument can't be longer than 128 KiB; without this one the child reads the files itself.
        let sub_ids = serde_json::to_string(&self.sub_ids).ok().filter(|json| json.len() < 64 << 10);
        arguments.extend(sub_ids.map(|json| format!("--sub-ids={json}")));
        arguments.extend(self.without.iter().map(|step| format!("--without={}", step.id())));
        arguments.extend(self.become_uid.map(|uid| format!("--become-uid={uid}")));
        arguments
    }
}

fn same_program(a: &Path, of_a: &Metadata, b: &Path, of_b: &Metadata) -> bool {
    let one_file = of_a.dev() == of_b.dev() && of_a.ino() == of_b.ino();
    one_file || of_a.len() == of_b.len() && std::fs::read(a).is_ok_and(|x| std::fs::read(b).is_ok_and(|y| x == y))
}
