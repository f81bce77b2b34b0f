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
mod render;
mod tune;
mod values;

use crate::read::BadPath;
use clap::{Parser, Subcommand};
use exit::{BAD_INPUT, IO_ERROR, NOT_READY};

pub use output::note_closed_stdout;

/// Tells whether rootless BuildKit can run on this node, and if not, at which step it fails, why, and what to do.
#[derive(Debug, Parser)]
#[command(name = "buildkit-preflight", version, arg_required_else_help = true, after_help = exit::help("", exit::CODES))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Facts(facts::Arguments),
    #[cfg_attr(feature = "cli", command(mut_arg("kubeconfig", |arg| arg.help("A kubeconfig, in place of the pod's service account"))))]
    #[cfg_attr(feature = "cli", command(mut_arg("context", |arg| arg.requires("kubeconfig"))))]
    Agent(agent::Arguments),
    #[cfg(feature = "cli")]
    Cleanup(cleanup::Arguments),
    Tune(tune::Arguments),
    #[cfg(feature = "cli")]
    Render(render::Arguments),
    Probe(probe::Arguments),
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

/// Exit code 2 where the name is at fault, 4 where it could not be read.
impl From<BadPath> for Error {
    fn from(bad: BadPath) -> Self {
        match bad.is_users {
            true => Error::BadInput { message: bad.to_string(), hint: Some(bad.named.hint().into()) },
            false => Error::Io(bad.to_string()),
        }
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

/// Runs the command line of this process. Gives the exit code; what was printed is written by then.
pub fn run() -> u8 {
    share_one_heap();
    let result = match Cli::parse().command {
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

#[cfg(test)]
#[cfg(feature = "cli")]
mod tests {
    use super::*;
    use clap::parser::ValueSource;
    use clap::{ArgMatches, CommandFactory};

    /// A value that an argument takes.
    fn sample(name: &str) -> &str {
        match name {
            "profile" | "shape" => "procmount",
            "only" => "user.max_user_namespaces",
            "max-user-namespaces" => "2000",
            "deadline" => "5",
            "process-sandbox" => "on",
            "format" => "json",
            "prove" => "build",
            "without" => "hostname",
            "namespace" | "context" => "a",
            "label-prefix" => "example.org",
            _ => "/nowhere",
        }
    }

    fn is_given(matches: &ArgMatches, id: &str) -> bool {
        matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// All that a command takes, each alone, in pairs and in triples.
    fn combinations(command: &str) -> Vec<Vec<String>> {
        let cli = Cli::command();
        let arguments = cli.find_subcommand(command).expect("a command").get_arguments().filter_map(|argument| {
            let name = argument.get_long().filter(|name| *name != "help")?;
            let takes = argument.get_action().takes_values();
            Some(if takes { format!("--{name}={}", sample(name)) } else { format!("--{name}") })
        });
        let arguments: Vec<_> = arguments.collect();
        let mut all = Vec::new();
        for (n, first) in arguments.iter().enumerate() {
            all.push(vec![first.clone()]);
            for (m, second) in arguments.iter().enumerate().skip(n + 1) {
                all.push(vec![first.clone(), second.clone()]);
                all.extend(arguments[m + 1..].iter().map(|third| vec![first.clone(), second.clone(), third.clone()]));
            }
        }
        all
    }

    #[test]
    fn what_needs_another_argument_is_refused_without_it_whatever_else_is_given() {
        let (mut taken, mut looked_at) = (0, 0);
        for (command, needs) in [
            ("tune", &[("watch", "apply"), ("status", "watch"), ("status", "apply")][..]),
            ("check", &[("namespace", "cluster"), ("kubeconfig", "cluster"), ("context", "cluster"), ("domain", "cluster")]),
        ] {
            for combination in combinations(command) {
                looked_at += 1;
                let arguments = ["buildkit-preflight", command].into_iter().chain(combination.iter().map(String::as_str));
                let Ok(matches) = Cli::command().try_get_matches_from(arguments) else { continue };
                let (_, matches) = matches.subcommand().expect("a command");
                taken += 1;
                for (argument, needed) in needs {
                    assert!(!is_given(matches, argument) || is_given(matches, needed), "{command} {}", combination.join(" "));
                }
            }
        }
        assert!(looked_at > 700 && taken > 200, "{taken} of {looked_at} are taken");
    }
}
