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
    (READY, "ready, or the command did its work"),
    (NOT_READY, "not ready, or a build failed"),
    (BAD_INPUT, "wrong usage or bad input, or a path that was named does not exist"),
    (UNKNOWN, "unknown"),
    (IO_ERROR, "an I/O error, or an error of the Kubernetes API"),
];

#[cfg(feature = "cli")]
const USAGE: Row = (BAD_INPUT, "wrong usage");

pub(super) const CHECK: &[Row] = &[
    (READY, "ready: every profile asked about (--guard: or unknown)"),
    (NOT_READY, "not ready: at least one profile"),
    (BAD_INPUT, "wrong usage or bad input, or a path that was named does not exist"),
    (UNKNOWN, "unknown: at least one profile, and none is not ready"),
    (IO_ERROR, "an I/O error"),
];

#[cfg(feature = "cli")]
pub(super) const CLUSTER: &[Row] = &[
    (READY, "ready: every profile asked about"),
    (NOT_READY, "not ready: at least one profile"),
    (BAD_INPUT, "wrong usage, or FILE of --kubeconfig does not exist"),
    (UNKNOWN, "unknown: at least one profile, and none is not ready"),
    (IO_ERROR, "an I/O error, or an error of the Kubernetes API"),
];

#[cfg(feature = "cli")]
pub(super) const STATUS: &[Row] = &[
    (READY, "for every profile asked about at least one node is ready, or what --fail-below wants; NODE is ready; FILE is written"),
    (NOT_READY, "too few nodes are ready, or NODE is not"),
    (BAD_INPUT, "wrong usage, FILE of --kubeconfig does not exist, or FILE of --bundle exists"),
    (UNKNOWN, "too few nodes are known to be ready, and with those that are unknown or silent it may be enough"),
    (IO_ERROR, "an I/O error, or an error of the Kubernetes API, such as a NODE that does not exist"),
];

#[cfg(feature = "cli")]
pub(super) const PODS: &[Row] = &[
    (READY, "ready: nothing in the objects stops a builder (--cluster: and each fits on a node)"),
    (NOT_READY, "not ready: at least one builder"),
    (BAD_INPUT, "wrong usage or bad input, no builder among the objects, or FILE does not exist"),
    (UNKNOWN, "unknown: at least one builder, and none is not ready"),
    (IO_ERROR, "an I/O error, or an error of the Kubernetes API"),
];

#[cfg(feature = "cli")]
pub(super) const EXPLAIN: &[Row] = &[
    (READY, "explained"),
    (BAD_INPUT, "wrong usage or bad input, or no cause and no file is called so"),
    (UNKNOWN, "unknown: the log has no message that speaks of a cause"),
    (IO_ERROR, "an I/O error"),
];

pub(super) const FACTS: &[Row] = &[
    (READY, "printed or captured"),
    (BAD_INPUT, "wrong usage, or DIR does not exist (--capture: is not empty)"),
    (IO_ERROR, "an I/O error"),
];

pub(super) const INSTALL: &[Row] = &[
    (READY, "copied"),
    (BAD_INPUT, "wrong usage, or DIR does not exist"),
    (IO_ERROR, "DIR cannot be written, or this program cannot be read"),
];

pub(super) const BEHAVE: &[Row] = &[
    (READY, "everything works so far"),
    (NOT_READY, "in the third layer: something does not work"),
    (BAD_INPUT, "wrong usage, or not a step of the trial build"),
    (IO_ERROR, "standard output cannot be written"),
];

pub(super) const AGENT: &[Row] = &[
    (READY, "ended by a signal"),
    (BAD_INPUT, "wrong usage, or a path that was named does not exist"),
    (IO_ERROR, "no access to the Kubernetes API, or no address to listen on"),
];

#[cfg(feature = "cli")]
pub(super) const BUILD: &[Row] = &[
    (READY, "built, or with --no-follow created"),
    (NOT_READY, "the build failed, took too long or was interrupted, or no node is ready"),
    (BAD_INPUT, "wrong usage or bad input, or a path that was named does not exist"),
    (IO_ERROR, "an I/O error, or an error of the Kubernetes API"),
];

pub(super) const CLEANUP: &[Row] = &[
    (READY, "done"),
    (BAD_INPUT, "wrong usage, or FILE of --kubeconfig does not exist"),
    (IO_ERROR, "a node could not be cleaned, or an error of the Kubernetes API"),
];

pub(super) const VERDICTS: &[Row] = &[
    (READY, "each node has a verdict"),
    (NOT_READY, "a node has none, or there is no such node"),
    (BAD_INPUT, "wrong usage, or FILE of --kubeconfig does not exist"),
    (IO_ERROR, "an error of the Kubernetes API"),
];

pub(super) const TUNE: &[Row] = &[
    (READY, "every sysctl is as a builder needs it"),
    (NOT_READY, "a sysctl is not: it would be set, or is left as it is"),
    (BAD_INPUT, "wrong usage or bad input, or a path that was named does not exist"),
    (IO_ERROR, "a sysctl or a file could not be read or written"),
];

#[cfg(feature = "cli")]
pub(super) const RENDERED: &[Row] = &[(READY, "printed"), USAGE, (IO_ERROR, "an I/O error")];

#[cfg(feature = "cli")]
pub(super) const COMPLETION: &[Row] = &[(READY, "printed"), USAGE, (IO_ERROR, "standard output cannot be written")];

#[cfg(feature = "cli")]
pub(super) const MANUAL: &[Row] =
    &[(READY, "written"), (BAD_INPUT, "wrong usage, or DIR does not exist"), (IO_ERROR, "a page cannot be written")];

#[cfg(feature = "cli")]
pub(super) const BUILDER: &[Row] = &[
    (READY, "printed"),
    (NOT_READY, "--profile auto: no profile has enough ready nodes"),
    (BAD_INPUT, "wrong usage or bad input, no range of IDs fits, or a path that was named does not exist"),
    (IO_ERROR, "an I/O error, or an error of the Kubernetes API"),
];

pub(super) const PROBE: &[Row] = &[
    (READY, "tried, even where a step failed: its line says so"),
    (BAD_INPUT, "wrong usage, or DIR of --state-dir does not exist"),
    (IO_ERROR, "a directory cannot be read, or standard output cannot be written"),
];

pub(super) const PROVER: &[Row] = &[
    (READY, "ended by a signal"),
    (BAD_INPUT, "wrong usage, or DIR of --state-dir does not exist"),
    (IO_ERROR, "the socket cannot be made"),
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
        fn commands(command: &clap::Command) -> Vec<&clap::Command> {
            command.get_subcommands().flat_map(commands).chain([command]).collect()
        }
        let all = crate::cli::Cli::command();
        for command in commands(&all) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, codes) = help.split_once("Exit codes:\n").expect("exit codes");
            let codes: Vec<u8> = codes.lines().map(|line| line[2..3].parse().expect("a code")).collect();
            assert!(codes.is_sorted() && codes.iter().all(|code| CODES.iter().any(|row| row.0 == *code)), "{}", command.get_name());
        }
        assert!(commands(&all).len() >= 12);
    }

    /// Each command and its codes.
    const COMMANDS: &[(&str, &[Row])] = &[
        ("check", CHECK),
        ("check --cluster", CLUSTER),
        ("check -f", PODS),
        ("facts", FACTS),
        ("agent", AGENT),
        ("build", BUILD),
        ("status", STATUS),
        ("cleanup", CLEANUP),
        ("tune", TUNE),
        ("render agent", RENDERED),
        ("render builder", BUILDER),
        ("render template", RENDERED),
        ("render values", RENDERED),
        ("render readiness-rule", RENDERED),
        ("render nfd-rule", RENDERED),
        ("render npd", RENDERED),
        ("render monitoring", RENDERED),
        ("render karpenter", RENDERED),
        ("render cluster-autoscaler", RENDERED),
        ("completion", COMPLETION),
        ("probe", PROBE),
        ("prover", PROVER),
        ("install", INSTALL),
        ("verdicts", VERDICTS),
        ("man", MANUAL),
    ];

    const ABOUT: &str = "# Exit codes

Exit codes are part of the contract: a code keeps its meaning.

A file or directory that an argument names and that does not exist is bad input: `2`. So is a directory where a file is meant, or a
file where a directory is meant. What exists and cannot be read is an I/O error: `4`. This holds for `--facts`, `--file`, `--template`, `--root`, `--state-dir`, `--sysctls` and `--kubeconfig`. A kubeconfig that no argument names
(`KUBECONFIG`, `~/.kube/config`) and that does not exist is `4`.

A result that cannot be written to standard output is `4`, also for `--help`. A reader that closes its end early, such as `head`, is
no error: the code is that of the answer. Messages that cannot be written to standard error change no code.
";

    fn document() -> String {
        let mut text = format!("{ABOUT}\n| code | meaning |\n|---|---|\n");
        CODES.iter().for_each(|(code, meaning)| text += &format!("| {code} | {meaning} |\n"));
        text += "\n| command | code | when |\n|---|---|---|\n";
        for (command, rows) in COMMANDS {
            rows.iter().for_each(|(code, when)| text += &format!("| `{command}` | {code} | {when} |\n"));
        }
        text
    }

    #[test]
    fn every_command_has_its_rows() {
        let all = crate::cli::Cli::command();
        for (name, rows) in COMMANDS {
            let command = name.split(' ').try_fold(&all, |command, name| command.find_subcommand(name)).expect("a command");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.ends_with(&super::help("", rows)), "{name}");
        }
    }

    /// `UPDATE=1 cargo test --lib exit_codes` writes the page anew.
    #[test]
    fn the_page_of_exit_codes_says_what_the_tables_do() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exit-codes.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(file.parent().expect("docs")).expect("docs");
            std::fs::write(&file, document()).expect("write");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), document(), "`UPDATE=1 cargo test --lib exit_codes` writes it");
    }
}
