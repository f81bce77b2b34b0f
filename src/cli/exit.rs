//! The exit codes: they are part of the contract. Help and docs/exit-codes.md say what stands here.

use crate::check::Ready;

pub(super) const READY: u8 = 0;
pub(super) const NOT_READY: u8 = 1;
pub(super) const BAD_INPUT: u8 = 2;
pub(super) const UNKNOWN: u8 = 3;
pub(super) const IO_ERROR: u8 = 4;

/// A code and its meaning.
type Row = (u8, &'static str);

/// What the codes mean, whatever the command.
pub(super) const CODES: &[Row] = &[
    (READY, "every profile asked about is ready"),
    (NOT_READY, "one is not ready"),
    (BAD_INPUT, "wrong usage or bad input"),
    (UNKNOWN, "one is unknown, and none is not ready"),
    (IO_ERROR, "an I/O error, or one of the Kubernetes API"),
];

pub(super) const AGENT: &[Row] =
    &[(READY, "ended by a signal"), (BAD_INPUT, "bad usage"), (IO_ERROR, "no access to the API or no address to listen on")];

pub(super) const BUILDER: &[Row] = &[
    (READY, "printed"),
    (NOT_READY, "auto: no profile has enough nodes"),
    (BAD_INPUT, "bad usage, or no range of IDs fits"),
    (IO_ERROR, "an I/O error, or one of the Kubernetes API"),
];

pub(super) const CHECK: &[Row] = &[
    (READY, "ready"),
    (NOT_READY, "not ready"),
    (BAD_INPUT, "bad usage or input"),
    (UNKNOWN, "unknown"),
    (IO_ERROR, "an I/O error, or one of the Kubernetes API"),
];

pub(super) const CLEANUP: &[Row] = &[(READY, "done"), (BAD_INPUT, "bad usage"), (IO_ERROR, "a node could not be cleaned")];

/// Of a command that prints something, whatever it says.
pub(super) const PRINTED: &[Row] = &[(READY, "printed"), (BAD_INPUT, "bad usage or input"), (IO_ERROR, "an I/O error")];

pub(super) const PROBE: &[Row] =
    &[(READY, "tried, even where a step failed: its line says so"), (BAD_INPUT, "bad usage"), (IO_ERROR, "an I/O error")];

pub(super) const PROVER: &[Row] = &[(READY, "ended by a signal"), (BAD_INPUT, "bad usage"), (IO_ERROR, "a socket that can't be made")];

pub(super) const TUNE: &[Row] = &[
    (READY, "all is as a builder needs it"),
    (NOT_READY, "something is not (with --apply: it is left on purpose)"),
    (BAD_INPUT, "bad usage"),
    (IO_ERROR, "it could not be done"),
];

/// The code of some verdicts: one that is not ready outweighs one that is unknown.
pub(super) fn of(verdicts: impl Iterator<Item = Ready>) -> u8 {
    let code = |ready| match ready {
        Ready::NotReady => NOT_READY,
        Ready::Unknown => UNKNOWN,
        Ready::Ready => READY,
    };
    let codes: Vec<_> = verdicts.map(code).collect();
    [NOT_READY, UNKNOWN].into_iter().find(|code| codes.contains(code)).unwrap_or(READY)
}

/// The end of a command's help: its examples and notes, then its exit codes.
pub(super) fn help(notes: &str, rows: &[Row]) -> String {
    // They tell of more than a node's own program can do.
    let notes = if cfg!(feature = "cli") { notes } else { "" };
    let gap = if notes.is_empty() { "" } else { "\n\n" };
    let lines: String = rows.iter().map(|(code, meaning)| format!("\n  {code}  {meaning}")).collect();
    format!("{notes}{gap}Exit codes:{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn one_that_is_not_ready_outweighs_one_that_is_unknown() {
        let of = |verdicts: &[Ready]| of(verdicts.iter().copied());
        assert_eq!([of(&[]), of(&[Ready::Ready])], [READY; 2]);
        assert_eq!(of(&[Ready::Ready, Ready::Unknown]), UNKNOWN);
        assert_eq!(of(&[Ready::Unknown, Ready::NotReady, Ready::Ready]), NOT_READY);
    }

    #[test]
    fn every_command_tells_its_exit_codes() {
        fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
            if command.has_subcommands() { command.get_subcommands().flat_map(leaves).collect() } else { vec![command] }
        }
        let all = crate::cli::Cli::command();
        for command in leaves(&all) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, codes) = help.split_once("Exit codes:\n").expect("exit codes");
            let codes: Vec<u8> = codes.lines().map(|line| line[2..3].parse().expect("a code")).collect();
            assert!(codes.is_sorted() && codes.iter().all(|code| CODES.iter().any(|row| row.0 == *code)), "{}", command.get_name());
        }
        assert!(leaves(&all).len() >= 9);
    }

    #[test]
    fn the_page_says_the_same() {
        let rows: String = CODES.iter().map(|(code, meaning)| format!("| {code} | {meaning} |\n")).collect();
        let table = format!("| exit code | meaning |\n|---|---|\n{rows}");
        assert!(include_str!("../../docs/exit-codes.md").contains(&table), "docs/exit-codes.md has not this table:\n{table}");
    }
}
