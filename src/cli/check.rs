use super::args::{Sources, asked};
#[cfg(feature = "cli")]
use super::cluster::{self, ClusterArguments};
use super::output::Format;
use super::{Error, exit, values};
use crate::check::judge;
use crate::fact::Facts;
use crate::profile::Profile;
use crate::report::{Report, table};
use clap::Args;

/// What says how to look at a machine. `--cluster` refuses it, and so do the arguments that need `--cluster`: clap asks for what an
/// argument needs only where nothing that is given stands against that.
#[cfg(feature = "cli")]
const OF_A_MACHINE: [&str; 8] = ["facts", "root", "prove", "without", "no_probe", "state_dir", "deadline", "process_sandbox"];

/// Tell whether a builder would work here, and if not, why and what to do
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight check
  buildkit-preflight check --profile procmount --profile no-process-sandbox
  buildkit-preflight check --format json | jq '.profiles[0].causes'
  buildkit-preflight check --facts node.json
  buildkit-preflight check --cluster --namespace builds

--cluster needs an administrator's kubeconfig: `create` of pods in the namespace, of which nothing is stored, and `list` of nodes.", exit::CHECK))]
#[cfg_attr(feature = "cli", command(group = clap::ArgGroup::new("of a cluster").args(cluster::ARGUMENTS).multiple(true).requires("cluster").conflicts_with_all(OF_A_MACHINE)))]
pub(super) struct Arguments {
    /// A way to run buildkitd; may be repeated [default: no-process-sandbox; with --cluster all]
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// How to print the report; the schema of JSON is schema/report.json, with --cluster schema/cluster-report.json
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Judge the facts (or the report) in this file, `-` for standard input, in place of this machine
    #[cfg(feature = "cli")]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "state_dir"])]
    facts: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// Ask a cluster, in place of this machine: would it take the pods of `render builder` as they are, and which nodes wait for them?
    #[cfg(feature = "cli")]
    #[arg(long, conflicts_with_all = OF_A_MACHINE)]
    cluster: bool,
    #[cfg(feature = "cli")]
    #[command(flatten, next_help_heading = "With --cluster")]
    cluster_arguments: ClusterArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    #[cfg(feature = "cli")]
    if arguments.cluster {
        let profiles = if arguments.profiles.is_empty() { Profile::ALL.to_vec() } else { asked(&arguments.profiles) };
        let (report, code) = cluster::check(&arguments.cluster_arguments, &profiles)?;
        arguments.format.print(&report, |colour| crate::report::cluster_table(&report, colour))?;
        return Ok(code);
    }
    let profiles = asked(&arguments.profiles);
    let facts = arguments.facts(&profiles)?;
    let verdicts: Vec<_> = profiles.into_iter().map(|profile| judge(&facts, profile, arguments.sources.process_sandbox)).collect();
    let code = exit::of(verdicts.iter().map(|verdict| verdict.ready()));
    let report = Report::new(verdicts, facts);
    arguments.format.print(&report, |colour| table(&report, colour))?;
    Ok(code)
}

impl Arguments {
    /// The facts to judge: those that were given, or this machine's.
    fn facts(&self, profiles: &[Profile]) -> Result<Facts, Error> {
        #[cfg(feature = "cli")]
        if let Some(path) = &self.facts {
            return super::input::read_facts(path);
        }
        self.sources.gather(profiles)
    }
}
