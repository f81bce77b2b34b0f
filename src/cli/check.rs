use super::facts::{Sources, asked};
use super::{Error, NOT_READY, READY, UNKNOWN, input, output};
use crate::check::{Profile, Ready, judge};
use crate::report::{Report, table};
use clap::{Args, ValueEnum};
use std::io::IsTerminal;

/// Tell whether a builder would work here, and if not, why and what to do
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  buildkit-preflight check
  buildkit-preflight check --profile procmount --profile no-process-sandbox
  buildkit-preflight check --format json | jq '.profiles[0].causes'
  buildkit-preflight check --facts node.json

Exit codes: 0 ready, 1 not ready, 2 bad usage or input, 3 unknown, 4 I/O error")]
pub(super) struct Arguments {
    /// A way to run buildkitd: no-process-sandbox, procmount, userns, privileged or rootful; may be repeated [default: no-process-sandbox]
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
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs; its schema is schema/report.json
    Json,
    /// The same as YAML
    Yaml,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let profiles = asked(&arguments.profiles);
    let facts = match &arguments.facts {
        Some(path) => input::read_facts(path)?,
        None => arguments.sources.gather(&profiles)?,
    };
    let verdicts: Vec<_> = profiles.into_iter().map(|profile| judge(&facts, profile, arguments.sources.process_sandbox)).collect();
    let code = if verdicts.iter().any(|verdict| verdict.ready == Ready::NotReady) {
        NOT_READY
    } else if verdicts.iter().any(|verdict| verdict.ready == Ready::Unknown) {
        UNKNOWN
    } else {
        READY
    };
    let report = Report::new(verdicts, facts);
    let failed = |error: &dyn std::fmt::Display| Error::Io(format!("could not write the report: {error}"));
    let text = match arguments.format {
        Format::Table => table(&report, std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()),
        Format::Json => serde_json::to_string_pretty(&report).map_err(|error| failed(&error))? + "\n",
        Format::Yaml => serde_saphyr::to_string(&report).map_err(|error| failed(&error))?,
    };
    output::print(&text)?;
    Ok(code)
}
