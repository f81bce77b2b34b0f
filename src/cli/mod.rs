//! One file a command, each thin: gather, judge, print.

mod agent;
mod args;
#[cfg(feature = "cli")]
mod builder;
mod check;
#[cfg(feature = "cli")]
mod cleanup;
#[cfg(feature = "cli")]
mod cluster;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "codes of the commands that are left out"))]
mod exit;
mod facts;
#[cfg(feature = "cli")]
mod input;
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "names that the commands take which are left out"))]
mod names;
mod output;
mod probe;
mod prover;
#[cfg(feature = "cli")]
pub mod reference;
#[cfg(feature = "cli")]
mod render;
mod tune;
mod uses;
mod values;

use crate::read::{BadStateDir, CaptureError};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use exit::{BAD_INPUT, IO_ERROR, NOT_READY};
use std::ffi::OsString;

pub use output::note_closed_stdout;

/// Tells whether rootless BuildKit works on a node, and if not, at which step it fails, why, and what to do
#[derive(Debug, Parser)]
#[command(
    name = NAME,
    bin_name = NAME,
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = exit::help(OTHER_PROGRAMS, exit::CODES),
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What it is called in examples, whatever its file is called.
const NAME: &str = "buildkit-preflight";

/// What is said of the hidden ones.
const OTHER_PROGRAMS: &str = "Commands that other programs call:
  probe   `check` starts it as its child
  prover  a canary's privileged container runs it";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Facts(facts::Arguments),
    #[cfg_attr(feature = "cli", command(mut_arg("kubeconfig", |arg| arg.help("A kubeconfig, in place of the pod's service account"))))]
    Agent(agent::Arguments),
    #[cfg(feature = "cli")]
    Cleanup(cleanup::Arguments),
    Tune(tune::Arguments),
    #[cfg(feature = "cli")]
    Render(render::Arguments),
    #[command(hide = true)]
    Probe(probe::Arguments),
    #[command(hide = true)]
    Prover(prover::Arguments),
}

/// A command that could not do its work.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Wrong usage or input.
    #[error("{message}")]
    BadInput { message: String, hint: Option<String> },
    /// Nothing is ready for what was asked.
    #[error("{message}")]
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "of `render builder`"))]
    NotReady { message: String, hint: String },
    /// Reading or writing went wrong.
    #[error("{0}")]
    Io(String),
    /// A sysctl could not be set.
    #[error("{}", .0.message)]
    Tune(crate::tune::Error),
}

impl From<BadStateDir> for Error {
    fn from(bad: BadStateDir) -> Self {
        Error::BadInput { message: bad.to_string(), hint: Some("name a directory that exists, on the disk that builds would use".into()) }
    }
}

#[cfg(feature = "cli")]
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
            _ => Error::Io(message),
        }
    }
}

impl From<CaptureError> for Error {
    fn from(error: CaptureError) -> Self {
        match error {
            CaptureError::NotEmpty(_) => {
                Error::BadInput { message: error.to_string(), hint: Some("name a directory that does not exist yet".into()) }
            }
            CaptureError::Io(..) => Error::Io(error.to_string()),
        }
    }
}

impl From<crate::tune::Error> for Error {
    fn from(error: crate::tune::Error) -> Self {
        Error::Tune(error)
    }
}

/// Waits for what talks to the API, on this one thread.
#[cfg(feature = "cli")]
fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::Io(format!("could not start: {error}")))?.block_on(work)
}

/// One heap for all threads, of which few live at a time: each of glibc's own ones takes memory and four system calls.
#[cfg(target_env = "gnu")]
fn share_one_heap() {
    // SAFETY: sets a number, before another thread is started.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

#[cfg(not(target_env = "gnu"))]
fn share_one_heap() {}

/// A command line, by clap and by the tables of what goes together.
fn parse_by(command: &mut clap::Command, arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from_mut(mode_first(arguments))?;
    uses::check(command, &matches)?;
    Cli::from_arg_matches(&matches)
}

/// The flag that chooses a mode of `check` may stand anywhere behind it; clap takes it for a subcommand, which comes first.
#[cfg(feature = "cli")]
fn mode_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    if arguments.get(1).is_some_and(|command| command == "check")
        && let Some(at) = arguments[..end].iter().position(|argument| argument == check::CLUSTER)
    {
        let mode = arguments.remove(at);
        arguments.insert(2, mode);
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
    let cli = match parse_by(&mut Cli::command(), std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let result = match cli.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Facts(arguments) => facts::run(&arguments),
        Command::Agent(arguments) => agent::run(arguments),
        #[cfg(feature = "cli")]
        Command::Cleanup(arguments) => cleanup::run(arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        #[cfg(feature = "cli")]
        Command::Render(arguments) => render::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Prover(arguments) => prover::run(&arguments),
    };
    let (error, code) = match result {
        Ok(code) => return code,
        Err(error @ Error::BadInput { .. }) => (error, BAD_INPUT),
        Err(error @ Error::NotReady { .. }) => (error, NOT_READY),
        Err(error @ (Error::Io(_) | Error::Tune(_))) => (error, IO_ERROR),
    };
    eprintln!("error: {error}");
    if let Error::BadInput { hint: Some(hint), .. }
    | Error::NotReady { hint, .. }
    | Error::Tune(crate::tune::Error { hint: Some(hint), .. }) = &error
    {
        eprintln!("hint: {hint}");
    }
    code
}
