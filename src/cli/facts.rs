use super::args::{Sources, asked};
use super::exit::{self, READY};
use super::output::{self, Format};
use super::uses::{Use, Uses};
use super::{Error, values};
use crate::fact::{Row, rows};
use crate::gather::AsOwnPod;
use crate::profile::Profile;
use crate::read;
use crate::report::columns;
use clap::Args;
use std::path::PathBuf;

/// Print all facts about this machine, with the probes' results, as JSON
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight facts > node.json     what `check` judges, in a file
  buildkit-preflight check --facts node.json
  buildkit-preflight facts --redact        the same for others to see
  buildkit-preflight facts --list          which facts there are
  buildkit-preflight facts --capture DIR   the files behind the facts
  buildkit-preflight check --root DIR", exit::FACTS))]
pub(super) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// Probe for this profile; may be repeated [default: no-process-sandbox]
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// Replace names of people's own (nodes, hosts, users, files, addresses, profiles) by others, for a report; verdicts stay the same
    #[arg(long)]
    redact: bool,
    /// List the facts: what each is read from, and in which places it is about the node
    #[arg(long)]
    list: bool,
    /// Copy the files that facts are read from into this new directory, for `check --root` on another machine
    #[arg(long, value_name = "DIR")]
    capture: Option<PathBuf>,
}

/// Whence facts are taken, or what is printed instead of them.
pub(super) const USES: Uses = &[&[
    Use { by: &[], takes: &["profiles", "prove", "without", "state_dir", "snapshotter", "deadline", "process_sandbox", "redact"] },
    Use { by: &["no_probe"], takes: &["state_dir", "snapshotter", "deadline", "redact"] },
    // Nothing is probed there anyway.
    Use { by: &["root"], takes: &["no_probe", "state_dir", "snapshotter", "deadline", "redact"] },
    Use { by: &["list"], takes: &[] },
    Use { by: &["capture"], takes: &[] },
]];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if arguments.list {
        output::print(&list())?;
        return Ok(READY);
    }
    if let Some(directory) = &arguments.capture {
        read::capture(directory)?;
        return Ok(READY);
    }
    let facts = arguments.sources.gather_all(&asked(&arguments.profiles), AsOwnPod::IfBuilders)?;
    let facts = if arguments.redact { facts.redacted() } else { facts };
    Format::Json.print(&facts, |_| String::new())?;
    Ok(READY)
}

/// All facts: in a canary, a pod with a user namespace of its own, some files tell of the pod and not of the node.
fn list() -> String {
    let line = |row: Row| {
        let places: Vec<_> = row.places.iter().map(|place| place.title()).collect();
        [row.id(), row.source.to_string(), places.join(", ")]
    };
    let head = ["FACT", "READ FROM", "TELLS OF THE NODE IN"].map(str::to_owned);
    columns(&std::iter::once(head).chain(rows().map(line)).collect::<Vec<_>>())
}
