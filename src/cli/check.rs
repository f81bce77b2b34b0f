use super::cluster::{self, ClusterArguments};
use super::facts::{Sources, asked};
use super::{Error, NOT_READY, READY, UNKNOWN, input, output};
use crate::check::{Ready, judge};
use crate::profile::Profile;
use crate::report::{Report, cluster_table, table};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::IsTerminal;

/// Tell whether a builder would work here, and if not, why and what to do
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  buildkit-preflight check
  buildkit-preflight check --profile procmount --profile no-process-sandbox
  buildkit-preflight check --format json | jq '.profiles[0].causes'
  buildkit-preflight check --facts node.json
  buildkit-preflight check --cluster --namespace builds

--cluster needs an administrator's kubeconfig: `create` of pods in the namespace, of which nothing is stored, and `list` of nodes.

Exit codes: 0 ready, 1 not ready, 2 bad usage or input, 3 unknown, 4 an I/O error, or one of the Kubernetes API")]
pub(super) struct Arguments {
    /// A way to run buildkitd: no-process-sandbox, procmount, userns, privileged or rootful; may be repeated [default: no-process-sandbox; with --cluster all]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Judge the facts (or the report) in this file, `-` for standard input, in place of this machine
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "state_dir"])]
    facts: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// Ask a cluster, in place of this machine: would it take the pods of `render builder` as they are, and which nodes wait for them?
    #[arg(long, conflicts_with_all = ["facts", "root", "prove", "without", "no_probe", "state_dir", "deadline", "process_sandbox"])]
    cluster: bool,
    #[command(flatten)]
    cluster_arguments: ClusterArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs; its schema is schema/report.json, with --cluster schema/cluster-report.json
    Json,
    /// The same as YAML
    Yaml,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if arguments.cluster {
        let profiles = if arguments.profiles.is_empty() { Profile::ALL.to_vec() } else { asked(&arguments.profiles) };
        let (report, code) = cluster::check(&arguments.cluster_arguments, &profiles)?;
        arguments.print(&report, |colour| cluster_table(&report, colour))?;
        return Ok(code);
    }
    let profiles = asked(&arguments.profiles);
    let facts = match &arguments.facts {
        Some(path) => input::read_facts(path)?,
        None => arguments.sources.gather(&profiles)?,
    };
    let verdicts: Vec<_> = profiles.into_iter().map(|profile| judge(&facts, profile, arguments.sources.process_sandbox)).collect();
    let code = if verdicts.iter().any(|verdict| verdict.ready() == Ready::NotReady) {
        NOT_READY
    } else if verdicts.iter().any(|verdict| verdict.ready() == Ready::Unknown) {
        UNKNOWN
    } else {
        READY
    };
    let report = Report::new(verdicts, facts);
    arguments.print(&report, |colour| table(&report, colour))?;
    Ok(code)
}

impl Arguments {
    /// Prints a report; `table` is the one for people, with or without colours.
    fn print(&self, report: &impl Serialize, table: impl Fn(bool) -> String) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Io(format!("could not write the report: {error}"));
        let text = match self.format {
            Format::Table => table(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()),
            Format::Json => serde_json::to_string_pretty(report).map_err(|error| failed(&error))? + "\n",
            Format::Yaml => serde_saphyr::to_string(report).map_err(|error| failed(&error))?,
        };
        output::print(&text)
    }
}
