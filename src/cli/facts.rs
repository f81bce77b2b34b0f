use super::{Error, READY, output};
use crate::fact::{Facts, Plan, ROWS, Row, Step};
use crate::gather::{self, Options};
use crate::profile::Profile;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Print what can be known of this node, the probes' outcomes included, as JSON
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  buildkit-preflight facts > node.json     what `check` would judge, to be sent to somebody
  buildkit-preflight facts --list          which facts there are
  buildkit-preflight check --facts node.json")]
pub(super) struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// Probe for this profile; may be repeated [default: no-process-sandbox]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// Print which facts there are, what each is read from, and in which places it tells of the node
    #[arg(long, conflicts_with_all = ["root", "profiles"])]
    list: bool,
}

/// Where facts come from; the same for `check` and `facts`.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Read a captured tree in place of this machine; nothing is probed
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    /// How to prove: by the system calls of a build, or by a real build as well, in an image that has rootlesskit, buildkitd and buildctl
    #[arg(long, value_enum, default_value_t = Prove::Syscalls, conflicts_with_all = ["root", "no_probe"])]
    prove: Prove,
    /// Leave this step of the probe out and go on as if it had worked, to see what a verdict hangs on; may be repeated
    #[arg(long, value_name = "STEP", value_parser = step, hide = true)]
    without: Vec<Step>,
    /// Judge by what can be read alone, and start no child process
    #[arg(long)]
    no_probe: bool,
    /// The directory that BuildKit would keep its state in [default: where the builder's image has it]
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// How long a probe may take, and a state dir that does not answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    deadline: Duration,
    /// Judge a builder with (on) or without (off) a PID namespace for each build step [default: the profile's way]
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    pub(super) process_sandbox: Option<bool>,
}

/// How a verdict is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Prove {
    /// What a build asks the kernel for, in some milliseconds
    Syscalls,
    /// A real build of an image from scratch, with one RUN step, in some seconds; it outranks the other
    Build,
}

impl Sources {
    /// Gathers the facts that some profiles need.
    pub(super) fn gather(&self, profiles: &[Profile]) -> Result<Facts, Error> {
        if let Some(root) = &self.root {
            let hint = Some("a captured tree is a directory with proc, etc and so on below it".to_owned());
            let bad = |message| Error::BadInput { message, hint };
            match root.metadata() {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(bad(format!("{} is not a directory", root.display()))),
                Err(error) => return Err(bad(format!("{}: {error}", root.display()))),
            }
        }
        let mut plans: Vec<Plan> = Vec::new();
        for profile in profiles.iter().filter(|_| !self.no_probe) {
            let mut plan = profile.plan();
            plan.process_sandbox = self.process_sandbox.unwrap_or(plan.process_sandbox);
            if !plans.contains(&plan) {
                plans.push(plan);
            }
        }
        let options = Options {
            root: self.root.clone(),
            state_dir: self.state_dir.clone(),
            asked: None,
            plans,
            trial_builds: self.prove == Prove::Build,
            deadline: self.deadline,
            without: self.without.clone(),
        };
        Ok(gather::gather(&options)?)
    }
}

/// The profiles asked about, without repetition.
pub(super) fn asked(profiles: &[Profile]) -> Vec<Profile> {
    let mut asked: Vec<Profile> = Vec::new();
    for profile in profiles {
        if !asked.contains(profile) {
            asked.push(*profile);
        }
    }
    if asked.is_empty() { vec![Profile::NoProcessSandbox] } else { asked }
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if arguments.list {
        output::print(&list())?;
        return Ok(READY);
    }
    let facts = arguments.sources.gather(&asked(&arguments.profiles))?;
    let json = serde_json::to_string_pretty(&facts).map_err(|error| Error::Io(format!("could not write the facts as JSON: {error}")))?;
    output::print(&format!("{json}\n"))?;
    Ok(READY)
}

/// All facts: in a canary, a pod with a user namespace of its own, some files tell of the pod and not of the node.
fn list() -> String {
    let places = |row: &Row| row.places.iter().map(|place| place.title()).collect::<Vec<_>>().join(", ");
    let width = |column: fn(&Row) -> usize| ROWS.iter().map(column).max().unwrap_or_default();
    let (ids, sources) = (width(|row| row.id.len()), width(|row| row.source.len()));
    let mut out = format!("{:<ids$}  {:<sources$}  TELLS OF THE NODE IN\n", "FACT", "READ FROM");
    for row in ROWS {
        out += &format!("{:<ids$}  {:<sources$}  {}\n", row.id, row.source, places(row));
    }
    out
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.001 to 3600".into()),
    }
}

/// A step of the probe by its id.
pub(super) fn step(text: &str) -> Result<Step, String> {
    serde_json::from_value(text.into()).map_err(|_| {
        let ids: Vec<_> = Step::ALL.iter().filter_map(|step| serde_json::to_value(step).ok()?.as_str().map(str::to_owned)).collect();
        format!("one of {}", ids.join(", "))
    })
}

pub(super) fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".into()),
    }
}
