//! One file a command, each thin: gather, judge, print.

mod agent;
mod args;
mod behave;
#[cfg(feature = "cli")]
mod build;
#[cfg(feature = "cli")]
mod builder;
mod check;
mod cleanup;
#[cfg(feature = "cli")]
mod clients;
#[cfg(feature = "cli")]
mod cluster;
#[cfg(feature = "cli")]
mod completion;
#[cfg(feature = "cli")]
mod confinement;
mod exit;
#[cfg(feature = "cli")]
mod explain;
mod facts;
mod guard;
#[cfg(feature = "cli")]
mod image;
#[cfg(feature = "cli")]
pub(crate) mod input;
mod install;
#[cfg(feature = "cli")]
mod manual;
#[cfg(feature = "cli")]
mod named;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "names that the commands take which are left out"))]
pub(crate) mod names;
#[cfg(feature = "cli")]
mod neighbours;
mod output;
#[cfg(feature = "cli")]
mod plugin;
#[cfg(feature = "cli")]
mod pods;
mod probe;
mod prover;
#[cfg(feature = "cli")]
pub mod reference;
#[cfg(feature = "cli")]
mod render;
#[cfg(feature = "cli")]
mod scaling;
#[cfg(feature = "cli")]
mod status;
#[cfg(feature = "cli")]
mod tools;
mod tune;
mod uses;
pub(crate) mod values;
mod verdicts;

use crate::read::BadPath;
#[cfg(not(feature = "cli"))]
use clap::CommandFactory;
use clap::{FromArgMatches, Parser, Subcommand};
use exit::{BAD_INPUT, IO_ERROR, NOT_READY, READY};
use std::ffi::OsString;

pub use output::note_closed_stdout;

/// Tells whether rootless BuildKit works on a node, and if not, at which step it fails, why, and what to do
#[derive(Debug, Parser)]
#[command(
    name = NAME,
    bin_name = NAME,
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = exit::help(OTHER_PROGRAMS, exit::CODES),
)]
struct Cli {
    #[cfg(feature = "cli")]
    #[command(flatten)]
    loudness: output::Loudness,
    #[command(subcommand)]
    command: Command,
}

/// What it is called in examples, whatever its file is called.
const NAME: &str = "buildkit-preflight";

/// What is said of the hidden ones.
const OTHER_PROGRAMS: &str = "Commands that other programs call:
  probe    `check` starts it as its child
  behave   a step of the trial build runs it
  prover   a canary's privileged container runs it
  install  a builder's pod runs it, in front of `check --guard`
  verdicts `helm test` runs it
  man      packagers run it, for the manual pages";

/// The names of all commands.
#[cfg(feature = "cli")]
const COMMANDS: &[&str] = &[
    "check",
    "facts",
    "explain",
    "agent",
    "build",
    "status",
    "cleanup",
    "tune",
    "render",
    "completion",
    "probe",
    "behave",
    "prover",
    "install",
    "verdicts",
    "man",
];

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Facts(facts::Arguments),
    #[cfg(feature = "cli")]
    Explain(explain::Arguments),
    #[cfg_attr(feature = "cli", command(mut_arg("kubeconfig", |arg| arg.help("A kubeconfig, instead of the pod's service account"))))]
    Agent(agent::Arguments),
    #[cfg(feature = "cli")]
    Build(Box<build::Arguments>),
    #[cfg(feature = "cli")]
    Status(Box<status::Arguments>),
    Cleanup(cleanup::Arguments),
    Tune(tune::Arguments),
    #[cfg(feature = "cli")]
    Render(render::Arguments),
    #[cfg(feature = "cli")]
    Completion(completion::Arguments),
    #[command(hide = true)]
    Probe(probe::Arguments),
    #[command(hide = true)]
    Behave(behave::Arguments),
    #[command(hide = true)]
    Prover(prover::Arguments),
    #[command(hide = true)]
    Install(install::Arguments),
    #[command(hide = true)]
    Verdicts(verdicts::Arguments),
    #[cfg(feature = "cli")]
    #[command(hide = true)]
    Man(manual::Arguments),
}

/// A command that could not do its work.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Wrong usage or input.
    #[error("{message}")]
    BadInput { message: String, hint: Option<String> },
    /// Nothing is ready for what was asked; `more` says of each thing why.
    #[error("{message}")]
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "of `render builder`"))]
    NotReady { message: String, more: Vec<String>, hint: String },
    /// What was asked for was tried, and failed.
    #[cfg(feature = "cli")]
    #[error("{message}")]
    Failed { message: String, hint: Option<String> },
    /// Reading or writing went wrong.
    #[error("{0}")]
    Io(String),
    /// Reading or writing went wrong several times.
    #[error("{}", .0.join("; "))]
    Several(Vec<String>),
    /// A sysctl could not be set.
    #[error("{}", .0.message)]
    Tune(crate::tune::Error),
}

impl Error {
    /// Says it on standard error. Gives the exit code.
    fn tell(&self) -> u8 {
        let mut lines = Vec::new();
        let (code, hint) = match self {
            Error::BadInput { hint, .. } => (BAD_INPUT, hint.as_ref()),
            Error::NotReady { more, hint, .. } => {
                lines.extend(more);
                (NOT_READY, Some(hint))
            }
            #[cfg(feature = "cli")]
            Error::Failed { hint, .. } => (NOT_READY, hint.as_ref()),
            Error::Several(errors) => {
                errors.iter().for_each(|error| output::say("error: ", error));
                return IO_ERROR;
            }
            Error::Io(_) => (IO_ERROR, None),
            Error::Tune(error) => (IO_ERROR, error.hint.as_ref()),
        };
        output::say("error: ", &self.to_string());
        lines.into_iter().for_each(|line| output::say("  ", line));
        hint.into_iter().for_each(|hint| output::say("hint: ", hint));
        code
    }
}

/// Exit code 2 where the name is at fault, 4 where it could not be read.
impl From<BadPath> for Error {
    fn from(bad: BadPath) -> Self {
        match bad.is_users {
            true => Error::BadInput { message: bad.to_string(), hint: Some(bad.named.hint().into()) },
            false => Error::Io(bad.to_string()),
        }
    }
}

impl From<crate::api::Error> for Error {
    fn from(error: crate::api::Error) -> Self {
        Error::Io(error.to_string())
    }
}

#[cfg(feature = "cli")]
impl From<crate::render::Error> for Error {
    fn from(error: crate::render::Error) -> Self {
        let message = error.to_string();
        match error {
            crate::render::Error::NoRange(_) => {
                Error::BadInput { message, hint: Some("--user names the image's user, --ids how many IDs the pod has".into()) }
            }
            crate::render::Error::NoSlot(no) => Error::BadInput { message, hint: Some(tools::instead(&no)) },
            _ => Error::Io(message),
        }
    }
}

impl From<crate::tune::Error> for Error {
    fn from(error: crate::tune::Error) -> Self {
        Error::Tune(error)
    }
}

/// Waits for what talks to the API, on this one thread.
fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = crate::api::runtime().and_then(|mut builder| builder.build());
    runtime.map_err(|error| Error::Io(format!("could not start: {error}")))?.block_on(work)
}

/// One heap for all threads, of which few live at a time: each of glibc's own ones takes memory and four system calls. It grows in
/// steps of half a mebibyte, of which only what is used takes memory: fewer system calls.
#[cfg(target_env = "gnu")]
fn share_one_heap() {
    // SAFETY: sets numbers, before another thread is started.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, 512 << 10);
    }
}

#[cfg(not(target_env = "gnu"))]
fn share_one_heap() {}

/// A command line, by clap and by the tables of what goes together.
fn parse_by(command: &mut clap::Command, arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from_mut(mode_first(arguments))?;
    uses::check(command, &matches)?;
    Cli::from_arg_matches(&matches)
}

#[cfg(feature = "cli")]
fn command() -> clap::Command {
    plugin::command()
}

#[cfg(not(feature = "cli"))]
fn command() -> clap::Command {
    Cli::command()
}

/// The flag that chooses a mode of `check` may stand anywhere behind it; clap takes it for a subcommand, which comes first. The file
/// of `-f` is that one's argument, wherever it stands, and so is a `--cluster` beside it.
#[cfg(feature = "cli")]
fn mode_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    // Those of all commands may stand before it, and take no value.
    let before = arguments.iter().skip(1).take_while(|argument| argument.as_encoded_bytes().starts_with(b"-")).count();
    if arguments.get(1 + before).is_some_and(|command| command == "check")
        && let Some(at) = check::MODES.iter().find_map(|mode| arguments[..end].iter().position(|argument| argument == mode))
    {
        let mode = arguments.remove(at);
        arguments.insert(2 + before, mode);
    }
    arguments
}

#[cfg(not(feature = "cli"))]
fn mode_first(arguments: Vec<OsString>) -> Vec<OsString> {
    arguments
}

/// Runs the command line of this process. Gives the exit code; what was printed is written by then.
pub fn run() -> u8 {
    share_one_heap();
    let arguments: Vec<_> = std::env::args_os().collect();
    #[cfg(feature = "cli")]
    if let Some(code) = completion::answer(&arguments) {
        return code;
    }
    #[cfg(feature = "cli")]
    plugin::note_name(arguments.first().map(OsString::as_os_str));
    let cli = match parse_by(&mut command(), arguments) {
        Ok(cli) => cli,
        Err(answer) => return of_clap(answer),
    };
    #[cfg(feature = "cli")]
    cli.loudness.set(matches!(cli.command, Command::Agent(_)));
    let result = match cli.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Facts(arguments) => facts::run(&arguments),
        #[cfg(feature = "cli")]
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Agent(arguments) => agent::run(arguments),
        #[cfg(feature = "cli")]
        Command::Build(arguments) => build::run(&arguments),
        #[cfg(feature = "cli")]
        Command::Status(arguments) => status::run(&arguments),
        Command::Cleanup(arguments) => cleanup::run(arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        #[cfg(feature = "cli")]
        Command::Render(arguments) => render::run(&arguments),
        #[cfg(feature = "cli")]
        Command::Completion(arguments) => completion::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Prover(arguments) => prover::run(&arguments),
        Command::Behave(arguments) => behave::run(&arguments),
        Command::Install(arguments) => install::run(&arguments),
        Command::Verdicts(arguments) => verdicts::run(&arguments),
        #[cfg(feature = "cli")]
        Command::Man(arguments) => manual::run(&arguments),
    };
    result.unwrap_or_else(|error| error.tell())
}

/// What clap answers itself: help and version are results, all else is wrong usage. Gives the exit code.
fn of_clap(mut answer: clap::Error) -> u8 {
    harmless(&mut answer);
    let text = answer.render();
    #[cfg(feature = "cli")]
    let coloured = if answer.use_stderr() { output::is_coloured(&std::io::stderr()) } else { output::is_coloured(&std::io::stdout()) };
    #[cfg(feature = "cli")]
    let text = if coloured { text.ansi().to_string() } else { text.to_string() };
    #[cfg(feature = "cli")]
    let text = plugin::as_called(&text).into_owned();
    // The image's program brings no colours for clap.
    #[cfg(not(feature = "cli"))]
    let text = text.to_string();
    if answer.use_stderr() {
        output::say_all(&with_harmless_reason(text, &answer));
        return BAD_INPUT;
    }
    output::print(&text).map_or_else(|error| error.tell(), |()| READY)
}

/// The reason of whoever parsed a value is no part of clap's context, and may repeat the value.
fn with_harmless_reason(text: String, answer: &clap::Error) -> String {
    let Some(reason) = std::error::Error::source(answer).map(ToString::to_string) else { return text };
    match crate::text::line(&reason) {
        shown if shown == reason => text,
        shown => text.replace(&reason, &shown),
    }
}

/// clap prints what was given as it is.
fn harmless(answer: &mut clap::Error) {
    use clap::error::{ContextKind, ContextValue};
    let line = |text: &String| crate::text::line(text).into_owned();
    let shown = |value: &ContextValue| match value {
        ContextValue::String(text) => Some(ContextValue::String(line(text))),
        ContextValue::Strings(texts) => Some(ContextValue::Strings(texts.iter().map(line).collect())),
        _ => None,
    };
    let given: Vec<_> = answer.context().filter_map(|(kind, value)| Some((kind, value.clone(), shown(value)?))).collect();
    for (kind, before, after) in given {
        if before != after {
            answer.insert(kind, after);
            // They repeat it.
            answer.insert(ContextKind::Suggested, ContextValue::None);
        }
    }
}
