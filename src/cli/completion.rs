//! What a shell completes. The script of a shell asks this program, which knows its commands, flags and values.

use super::exit::{self, READY};
use super::{Error, NAME, output};
use crate::cause::Cause;
use clap::{Args, Command, CommandFactory, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter, complete};
use clap_complete::env::{Bash, CompleteEnv, EnvCompleter, Fish, Zsh};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::Path;

/// Print a script with which a shell completes the commands, flags and values of this program
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  source <(buildkit-preflight completion bash)
  source <(buildkit-preflight completion zsh)
  buildkit-preflight completion fish | source

For each new shell, put that line into ~/.bashrc, ~/.zshrc (behind compinit) or
~/.config/fish/config.fish. The script asks the program that is found in PATH, so an
upgrade needs no new script.

For kubectl, link this program into PATH as kubectl_complete-buildkit_preflight.", exit::COMPLETION))]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The variable by which a script asks.
const ASKED: &str = "BUILDKIT_PREFLIGHT_COMPLETE";
/// The program that kubectl asks, as of Kubernetes 1.26.
const FOR_KUBECTL: &str = "kubectl_complete-buildkit_preflight";

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let shell: &dyn EnvCompleter = match arguments.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    shell.write_registration(ASKED, NAME, NAME, NAME, &mut script).map_err(|error| Error::Io(error.to_string()))?;
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(READY)
}

/// Answers a shell, or kubectl, that asks how a line goes on. Gives the exit code if one of them did.
pub(super) fn answer(arguments: &[OsString]) -> Option<u8> {
    let here = std::env::current_dir().ok();
    let file = arguments.first().and_then(|first| Path::new(first).file_name());
    if file == Some(OsStr::new(FOR_KUBECTL)) {
        return Some(for_kubectl(arguments.to_vec(), here.as_deref()).map_or_else(|error| error.tell(), |()| READY));
    }
    match CompleteEnv::with_factory(command).var(ASKED).try_complete(arguments.to_vec(), here.as_deref()) {
        Ok(false) => None,
        // This process ends without Rust's own end, which would write what is left.
        Ok(true) => Some(output::was_printed(std::io::stdout().flush()).map_or_else(|error| error.tell(), |()| READY)),
        Err(error) => Some(Error::BadInput { message: error.to_string().trim().to_owned(), hint: None }.tell()),
    }
}

/// A line for each candidate, then what the shell does with them: 4 keeps it from adding files (cobra's ShellCompDirective).
fn for_kubectl(mut line: Vec<OsString>, here: Option<&Path>) -> Result<(), Error> {
    if line.len() == 1 {
        line.push(OsString::new());
    }
    let last = line.len() - 1;
    let found = complete(&mut command(), line, last, here).unwrap_or_default();
    let mut text = String::new();
    for candidate in &found {
        let help = candidate.get_help().map(|help| format!("\t{}", crate::text::plain(&help.to_string(), 80))).unwrap_or_default();
        text += &format!("{}{help}\n", crate::text::line(&candidate.get_value().to_string_lossy()));
    }
    output::print(&format!("{text}:4\n"))
}

/// The command line as it is completed: flags that choose a way of `check` are subcommands, which helps hide.
fn command() -> Command {
    super::Cli::command().mut_subcommand("check", |check| check.mut_subcommands(|mode| mode.hide(false)))
}

/// Completes the id of a cause, or a file.
pub(super) fn cause_or_file() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let begin = typed.to_string_lossy();
        let causes = Cause::ALL.iter().filter(|cause| cause.id().starts_with(begin.as_ref()));
        let causes = causes.map(|cause| CompletionCandidate::new(cause.id()).help(Some(cause.title().to_string().into())));
        causes.chain(PathCompleter::file().stdio().complete(typed)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = std::iter::once("x").chain(line.iter().copied()).map(Into::into).collect();
        let last = words.len() - 1;
        let found = complete(&mut command(), words, last, None).expect("candidates");
        found.iter().filter(|candidate| !candidate.is_hide_set()).map(|found| found.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn commands_flags_and_values_are_completed() {
        let commands = after(&[""]);
        assert!(
            ["check", "explain", "build", "render", "completion"].iter().all(|name| commands.iter().any(|found| found == name)),
            "{commands:?}"
        );
        assert!(!commands.iter().any(|name| name == "prover"), "other programs' commands: {commands:?}");
        assert_eq!(after(&["check", "--profile", "procm"]), ["procmount"]);
        assert_eq!(after(&["check", "--prof"]), ["--profile"]);
        assert_eq!(after(&["check", "--cl"]), ["--cluster"]);
        assert_eq!(after(&["check", "--cluster", "--names"]), ["--namespace"]);
        assert_eq!(after(&["explain", "userns-max0"]), ["userns-max0"]);
        assert!(["bash", "zsh", "fish"].iter().all(|shell| after(&["completion", ""]).iter().any(|found| found == shell)));
        assert!(after(&["render", "values", "--for", ""]).len() > 5);
    }
}
