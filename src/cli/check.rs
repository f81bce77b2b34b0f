use super::args::{Sources, asked};
use super::output::{self, Format};
use super::uses::{Use, Uses};
use super::{Error, exit, guard, values};
#[cfg(feature = "cli")]
use super::{cluster, pods};
use crate::check::judge;
use crate::fact::Facts;
use crate::gather::AsOwnPod;
use crate::profile::Profile;
use crate::report::{Report, line, table};
use clap::{Args, ValueEnum};

/// Tell whether rootless BuildKit works on this machine, and if not, why and what to do
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight check
  buildkit-preflight check --profile procmount --profile no-process-sandbox
  buildkit-preflight check --format json | jq '.profiles[0].causes'
  buildkit-preflight check --facts node.json
  buildkit-preflight check --guard --profile procmount

With --guard an unknown verdict is no obstacle (0): the builder is started. What
stops it is also written to /dev/termination-log, for `kubectl describe pod`.

To check a cluster: see `buildkit-preflight check --cluster --help`.
To check a builder that you have: see `buildkit-preflight check -f --help`.", exit::CHECK))]
#[cfg_attr(
    feature = "cli",
    command(
        args_conflicts_with_subcommands = true,
        disable_help_subcommand = true,
        override_usage = "buildkit-preflight check [OPTIONS]\n       buildkit-preflight check --cluster [OPTIONS]\n       buildkit-preflight check -f FILE [--cluster] [OPTIONS]"
    )
)]
pub(super) struct Arguments {
    #[cfg(feature = "cli")]
    #[command(subcommand)]
    mode: Option<Mode>,
    /// A way to run buildkitd; may be repeated [default: no-process-sandbox]
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// How to print the report; the schema of the JSON is schema/report.json
    #[arg(long, short = 'o', value_enum, default_value_t = CheckFormat::Table)]
    format: CheckFormat,
    /// Judge the facts (or the report) in this file, `-` for standard input, instead of this machine
    #[cfg(feature = "cli")]
    #[arg(long, value_name = "FILE")]
    facts: Option<String>,
    /// Judge this very pod in front of its builder, as an init container with the builder's image, user and volumes
    #[arg(long)]
    guard: bool,
    /// Replace names of people's own by others before judging, as `facts --redact` does
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    sources: Sources,
}

/// How to print the report.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CheckFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// The same as YAML
    #[cfg(feature = "cli")]
    Yaml,
    /// One line of at most 80 bytes, for monitors such as node-problem-detector
    Line,
}

/// What is checked instead of a machine.
#[cfg(feature = "cli")]
#[derive(Debug, clap::Subcommand)]
enum Mode {
    #[command(name = CLUSTER, hide = true)]
    Cluster(cluster::Arguments),
    #[command(name = FILE, hide = true)]
    File(pods::Arguments),
}

/// The flag that chooses it is the name of a subcommand: it has its own arguments, and none of a machine's.
#[cfg(feature = "cli")]
const CLUSTER: &str = "--cluster";
#[cfg(feature = "cli")]
const FILE: &str = "-f";

/// All such flags. Where two stand beside each other, the first one here has the other as a flag of its own.
#[cfg(feature = "cli")]
pub(super) const MODES: [&str; 2] = [FILE, CLUSTER];

/// Whence facts are taken.
pub(super) const USES: Uses = &[&[
    Use { by: &[], takes: &["prove", "without", "state_dir", "snapshotter", "deadline"] },
    Use { by: &["no_probe"], takes: &["state_dir", "snapshotter", "deadline"] },
    // Nothing is probed there anyway.
    Use { by: &["root"], takes: &["no_probe", "state_dir", "snapshotter", "deadline"] },
    Use { by: &["facts"], takes: &[] },
    Use { by: &["guard"], takes: &["state_dir", "snapshotter", "deadline"] },
]];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    #[cfg(feature = "cli")]
    match &arguments.mode {
        Some(Mode::Cluster(arguments)) => return cluster::run(arguments),
        Some(Mode::File(arguments)) => return pods::run(arguments),
        None => {}
    }
    if arguments.guard {
        return guard::run(|| arguments.report());
    }
    arguments.report().map(|(_, code)| code)
}

impl Arguments {
    /// Judges, prints the report and gives it with its exit code.
    fn report(&self) -> Result<(Report, u8), Error> {
        let profiles = asked(&self.profiles);
        if self.guard && profiles.len() > 1 {
            return Err(Error::BadInput { message: "--guard judges one profile: that of the builder behind it".into(), hint: None });
        }
        let facts = self.facts(&profiles)?;
        let facts = if self.redact { facts.redacted() } else { facts };
        let verdicts: Vec<_> = profiles.into_iter().map(|profile| judge(&facts, profile, self.sources.process_sandbox)).collect();
        let code = exit::of(verdicts.iter().map(|verdict| verdict.ready()));
        let report = Report::new(verdicts, facts);
        let format = match self.format {
            CheckFormat::Table => Format::Table,
            CheckFormat::Json => Format::Json,
            #[cfg(feature = "cli")]
            CheckFormat::Yaml => Format::Yaml,
            CheckFormat::Line => {
                output::print(&format!("{}\n", line(&report)))?;
                return Ok((report, code));
            }
        };
        format.print(&report, |style| table(&report, style))?;
        Ok((report, code))
    }

    /// The facts to judge: those that were given, or this machine's.
    fn facts(&self, profiles: &[Profile]) -> Result<Facts, Error> {
        #[cfg(feature = "cli")]
        if let Some(path) = &self.facts {
            return super::input::read_facts(path);
        }
        self.sources.gather(profiles, if self.guard { AsOwnPod::Yes } else { AsOwnPod::IfBuilders })
    }
}
