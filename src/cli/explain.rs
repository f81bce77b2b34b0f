use super::exit::{self, READY, UNKNOWN};
use super::output::Format;
use super::{Error, input, values};
use crate::build::near::nearest;
use crate::cause::Cause;
use crate::explain::{Scan, explain};
use crate::fact::Facts;
use crate::profile::Profile;
use crate::read::{self, BadPath, Named};
use crate::report::{Explanation, explanation_table};
use clap::Args;
use clap::builder::BoolishValueParser;

/// Explain a cause by its id, or find the causes that the log of a failed build speaks of
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight explain userns-max0
  kubectl logs deployment/buildkitd | buildkit-preflight explain -
  kubectl describe pod buildkitd-0 | buildkit-preflight explain - --profile userns
  buildkit-preflight explain build.log --facts node.json
  buildkit-preflight explain build.log --format json | jq -r '.causes[0].cause'

Reads logs of rootlesskit, buildkitd, buildctl, buildx, runc, crun and runtimes, events of Kubernetes,
and what CI makes of them, of any size. One message often has several causes: facts of the node or the
pod (`buildkit-preflight facts > node.json` there) tell which one it is. Without facts the likeliest
comes first.", exit::EXPLAIN))]
pub(super) struct Arguments {
    /// The id of a cause, or a file with a log, `-` for standard input
    #[arg(value_name = "ID|FILE", add = super::completion::cause_or_file())]
    what: String,
    /// Facts (or a report) of the place where the log is from, `-` for standard input
    #[arg(long, value_name = "FILE")]
    facts: Option<String>,
    /// How buildkitd was run [default: no-process-sandbox]
    #[arg(long, value_name = "PROFILE", value_parser = values::profile())]
    profile: Option<Profile>,
    /// Whether each build step had a PID namespace (on) or not (off) [default: the profile's way]
    #[arg(long, value_name = "on|off", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    process_sandbox: Option<bool>,
    /// How to print the explanation; the schema of the JSON is schema/explanation.json
    #[arg(long, short = 'o', value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let explanation = match arguments.what.parse::<Cause>() {
        Ok(cause) => {
            arguments.refuse_what_is_for_logs()?;
            Explanation::of_cause(cause)
        }
        Err(_) => arguments.of_log()?,
    };
    arguments.format.print(&explanation, |style| explanation_table(&explanation, style))?;
    Ok(if explanation.causes.is_empty() { UNKNOWN } else { READY })
}

impl Arguments {
    fn refuse_what_is_for_logs(&self) -> Result<(), Error> {
        let given = [
            ("--facts", self.facts.is_some()),
            ("--profile", self.profile.is_some()),
            ("--process-sandbox", self.process_sandbox.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => {
                let hint = Some(format!("leave {flag} out, or name a log: ./{} is a file of that name", self.what));
                Err(Error::BadInput { message: format!("{flag} is for logs, and {} is the id of a cause", self.what), hint })
            }
            None => Ok(()),
        }
    }

    fn of_log(&self) -> Result<Explanation, Error> {
        if self.what == "-" && self.facts.as_deref() == Some("-") {
            let hint = Some("give one of the two as a file".to_owned());
            return Err(Error::BadInput { message: "standard input is either the log or the facts".into(), hint });
        }
        let facts = self.facts.as_deref().map(input::read_facts).transpose()?.unwrap_or_else(Facts::unknown);
        let mut scan = Scan::new();
        read::pieces(Named::Log, &self.what, |piece| scan.feed(piece)).map_err(|error| self.neither(error))?;
        let log = scan.finish();
        let lines = log.lines;
        let profile = self.profile.unwrap_or(Profile::NoProcessSandbox);
        Ok(Explanation::of_log(lines, explain(&log, &facts, profile, self.process_sandbox), &facts))
    }

    /// No file, and perhaps a cause that was meant.
    fn neither(&self, error: BadPath) -> Error {
        let meant = nearest(&self.what, Cause::ALL.iter().map(|cause| cause.id()));
        match (Error::from(error), meant) {
            (Error::BadInput { message, .. }, Some(cause)) => {
                Error::BadInput { message, hint: Some(format!("is the cause {cause} meant? `buildkit-preflight explain {cause}`")) }
            }
            (error, _) => error,
        }
    }
}
