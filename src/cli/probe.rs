use super::args::FOR_TESTS;
use super::exit::{self, READY};
use super::uses::{Use, Uses};
use super::{Error, output, values};
use crate::attempt::probe::child::{self, Task};
use crate::fact::{Builder, Plan, Snapshotter, Step, SubIds};
use crate::profile::BUILDER_UID;
use crate::read::{Named, look_at};
use clap::Args;
use std::path::PathBuf;

/// Do what a builder does, step by step, and print each step as a line of JSON; `check` starts this as its child
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight probe
  strace -f buildkit-preflight probe --process-sandbox

`check` also gives its child --child and --sub-ids.", exit::PROBE))]
pub(super) struct Arguments {
    /// The directory in which to make a scratch directory
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    state_dir: PathBuf,
    /// Imitate a builder that is root of its container, without rootlesskit
    #[arg(long)]
    rootful: bool,
    /// Give each build step a PID namespace and a fresh /proc
    #[arg(long)]
    process_sandbox: bool,
    /// Become this user first; needs root [default: 1000 for root]
    #[arg(long, value_name = "UID", conflicts_with = "rootful")]
    become_uid: Option<u32>,
    /// Continue with a single-ID map where there is no range of subordinate IDs or no helper
    #[arg(long)]
    own_id_fallback: bool,
    /// Also try what a builder needs of its own pod: TMPDIR, a socket in XDG_RUNTIME_DIR, files of other owners
    #[arg(long)]
    own_pod: bool,
    /// The snapshotter in buildkitd's command line [default: the fastest that works]
    #[arg(long, value_name = "NAME", value_parser = values::snapshotter())]
    snapshotter: Option<Snapshotter>,
    /// Accept fuse-overlayfs only if its programs are installed
    #[arg(long)]
    needs_fuse_programs: bool,
    /// Which IDs the user may map, as `subIds` of the facts has it [default: what the files in /etc say]
    #[arg(long, value_name = "JSON", value_parser = sub_ids, hide = true)]
    sub_ids: Option<SubIds>,
    /// The program that maps user IDs [default: the one on the PATH]
    #[arg(long, value_name = "FILE", default_value = "newuidmap", hide_default_value = true)]
    newuidmap: PathBuf,
    /// The program that maps group IDs [default: the one on the PATH]
    #[arg(long, value_name = "FILE", default_value = "newgidmap", hide_default_value = true)]
    newgidmap: PathBuf,
    /// This process runs in the namespaces of a real rootlesskit already
    #[arg(long, conflicts_with_all = ["rootful", "become_uid"])]
    under_rootlesskit: bool,
    /// Leave this step out and continue as if it had worked; may be repeated
    #[arg(long, value_name = "STEP", value_parser = values::step(), hide_possible_values = true, help_heading = FOR_TESTS)]
    without: Vec<Step>,
    /// Started by `check`: no default depends on the user
    #[arg(long, hide = true)]
    child: bool,
}

/// Who is imitated. `check` tells its child all that it knows.
pub(super) const USES: Uses = &[&[
    Use {
        by: &[],
        takes: &["become_uid", "own_id_fallback", "own_pod", "snapshotter", "needs_fuse_programs", "sub_ids", "newuidmap", "newgidmap"],
    },
    Use { by: &["rootful"], takes: &["own_pod", "snapshotter"] },
    Use { by: &["under_rootlesskit"], takes: &["own_pod", "snapshotter", "needs_fuse_programs"] },
    Use {
        by: &["child"],
        takes: &[
            "rootful",
            "under_rootlesskit",
            "become_uid",
            "own_id_fallback",
            "own_pod",
            "snapshotter",
            "needs_fuse_programs",
            "sub_ids",
            "newuidmap",
            "newgidmap",
        ],
    },
]];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let builder = if arguments.rootful { Builder::Rootful } else { Builder::Rootless };
    let by_hand_as_root = !arguments.child && !arguments.rootful && !arguments.under_rootlesskit && nix::unistd::geteuid().is_root();
    // The probe changes its directory and must find this one again.
    let state_dir = std::path::absolute(&arguments.state_dir).map_err(|error| Error::Io(format!("the current directory: {error}")))?;
    if !arguments.child && !arguments.under_rootlesskit {
        // By hand. One that goes away later is a step that fails.
        look_at(Named::StateDir, &state_dir)?;
    }
    output::is_open()?;
    let told = child::run(&Task {
        plan: Plan { builder, process_sandbox: arguments.process_sandbox },
        state_dir,
        become_uid: arguments.become_uid.or_else(|| by_hand_as_root.then_some(BUILDER_UID)),
        own_id_fallback: arguments.own_id_fallback,
        own_pod: arguments.own_pod,
        snapshotter: arguments.snapshotter,
        needs_fuse_programs: arguments.needs_fuse_programs,
        sub_ids: arguments.sub_ids.clone(),
        newuidmap: arguments.newuidmap.clone(),
        newgidmap: arguments.newgidmap.clone(),
        under_rootlesskit: arguments.under_rootlesskit,
        without: arguments.without.clone(),
    });
    output::was_printed(told.map_err(Into::into))?;
    Ok(READY)
}

fn sub_ids(json: &str) -> Result<SubIds, String> {
    serde_json::from_str(json).map_err(|error| crate::text::line(&error.to_string()).into_owned())
}
