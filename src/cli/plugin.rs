//! This program as a plugin of kubectl: the same file under the name by which kubectl finds plugins.
//!
//! kubectl turns `kubectl buildkit-preflight` into the file `kubectl-buildkit_preflight`, and `kubectl buildkit preflight` into
//! `kubectl-buildkit-preflight`. Whoever calls it so is shown commands that can be pasted.

use super::{Cli, NAME};
use clap::{Command, CommandFactory};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::OnceLock;

/// The file's name as a plugin, and how kubectl is asked for it.
const NAMES: [(&str, &str); 2] =
    [("kubectl-buildkit_preflight", "kubectl buildkit-preflight"), ("kubectl-buildkit-preflight", "kubectl buildkit preflight")];

static CALLED: OnceLock<&'static str> = OnceLock::new();

/// Notes how this program was called, by its first argument.
pub(super) fn note_name(first: Option<&OsStr>) {
    let file = first.and_then(|first| Path::new(first).file_name());
    if let Some((_, called)) = NAMES.iter().find(|(name, _)| file == Some(OsStr::new(name))) {
        let _ = CALLED.set(called);
    }
}

/// The command line, with the name by which it was called.
pub(super) fn command() -> Command {
    let command = Cli::command();
    match CALLED.get() {
        Some(called) => renamed(command, called).bin_name(*called),
        None => command,
    }
}

/// A text for people in which commands to paste have the name by which this program was called.
pub(super) fn as_called(text: &str) -> Cow<'_, str> {
    match CALLED.get() {
        Some(called) => with_name(text, called).into(),
        None => text.into(),
    }
}

/// The texts of a command and of those below it.
fn renamed(command: Command, called: &'static str) -> Command {
    let text = |text: Option<&clap::builder::StyledStr>| text.map(|text| with_name(&text.to_string(), called));
    let (about, after) = (text(command.get_about()), text(command.get_after_help()));
    let command = about.into_iter().fold(command, Command::about);
    let command = after.into_iter().fold(command, Command::after_help);
    let command = command.mut_args(|argument| match argument.get_help().map(|help| with_name(&help.to_string(), called)) {
        Some(help) => argument.help(help),
        None => argument,
    });
    command.mut_subcommands(|below| renamed(below, called))
}

/// Renames where a command of ours follows: the same word also names a namespace, an image, a domain and labels.
fn with_name(text: &str, called: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, found) = rest.split_at(at);
        let behind = &found[NAME.len()..];
        out.push_str(before);
        let stands_alone = !out.ends_with(|c: char| c.is_alphanumeric() || "-_./:".contains(c)) && !out.ends_with("kubectl ");
        out.push_str(if stands_alone && is_command(behind) { called } else { NAME });
        rest = behind;
    }
    out + rest
}

/// Whether what stands behind our name makes it a command.
fn is_command(behind: &str) -> bool {
    let Some(behind) = behind.strip_prefix([' ', '\n']) else { return false };
    let word: String = behind.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    behind.starts_with(['[', '<']) || word.starts_with("--") || super::COMMANDS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_renamed_and_nothing_else() {
        let plugin = |text: &str| with_name(text, "kubectl buildkit-preflight");
        for (text, expected) in [
            ("buildkit-preflight check", "kubectl buildkit-preflight check"),
            ("  buildkit-preflight render agent | x\n", "  kubectl buildkit-preflight render agent | x\n"),
            ("`buildkit-preflight facts > a`", "`kubectl buildkit-preflight facts > a`"),
            ("buildkit-preflight --help", "kubectl buildkit-preflight --help"),
            ("buildkit-preflight [OPTIONS]", "kubectl buildkit-preflight [OPTIONS]"),
            ("a | buildkit-preflight explain -", "a | kubectl buildkit-preflight explain -"),
        ] {
            assert_eq!(plugin(text), expected);
            assert_eq!(plugin(expected), expected, "once is enough");
        }
        for same in [
            "kubectl -n buildkit-preflight get pods",
            "buildkit-preflight.dev/pool=build",
            "r.example/buildkit-preflight check",
            "/etc/sysctl.d/60-buildkit-preflight.conf",
            "buildkit-preflight:0.1.0 agent",
            "buildkit-preflight",
            "buildkit-preflight checks",
        ] {
            assert_eq!(plugin(same), same);
        }
    }

    #[test]
    fn each_command_is_known_by_name() {
        let names: Vec<_> = Cli::command().get_subcommands().map(|below| below.get_name().to_owned()).collect();
        assert_eq!(names, super::super::COMMANDS);
    }

    #[test]
    fn a_help_has_the_name_everywhere() {
        fn helps(command: &mut Command, all: &mut Vec<String>) {
            all.push(command.render_long_help().to_string());
            command.get_subcommands_mut().for_each(|below| helps(below, all));
        }
        let mut command = renamed(Cli::command(), "kubectl buildkit-preflight").bin_name("kubectl buildkit-preflight");
        command.build();
        let mut all = Vec::new();
        helps(&mut command, &mut all);
        let mut named = 0;
        for help in all.iter().map(|help| with_name(help, "kubectl buildkit-preflight")) {
            for line in help.lines() {
                assert!(!line.trim_start().starts_with("buildkit-preflight "), "{line}");
                named += line.matches("kubectl buildkit-preflight ").count();
            }
        }
        assert!(named > 50, "{named}");
    }
}
