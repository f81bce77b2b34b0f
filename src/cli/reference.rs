//! The reference pages of docs/reference: those of the tables, and two that only the command line can write.

use super::check::MODES;
use super::{Cli, parse_by};
use crate::agent::METRICS;
use crate::report::reference::{Page, code, head, pages as of_tables, table};
use clap::CommandFactory;
use std::collections::BTreeSet;

/// All pages.
pub fn pages() -> Vec<Page> {
    let mut pages = of_tables();
    pages.extend([("commands", commands()), ("metrics", metrics())]);
    pages
}

/// Whether a command line, without the program's name, is understood.
///
/// # Errors
/// What the program would say.
pub fn understood(arguments: &[&str]) -> Result<(), String> {
    let line = std::iter::once("buildkit-preflight").chain(arguments.iter().copied());
    parse_by(&mut Cli::command(), line.map(Into::into).collect()).map(drop).map_err(|error| error.to_string())
}

/// All flags that some command has, hidden ones too: `--profile`.
pub fn flags() -> BTreeSet<String> {
    fn collect(command: &clap::Command, flags: &mut BTreeSet<String>) {
        flags.extend(command.get_arguments().filter_map(clap::Arg::get_long).map(|long| format!("--{long}")));
        // The mode that a flag chooses.
        flags.extend(Some(command.get_name()).filter(|name| name.starts_with("--")).map(str::to_owned));
        command.get_subcommands().for_each(|below| collect(below, flags));
    }
    let mut flags = BTreeSet::new();
    let mut program = Cli::command();
    program.build();
    collect(&program, &mut flags);
    flags
}

/// The metrics that agents have.
fn metrics() -> String {
    let about = "An agent answers `/metrics` on port 8080 of its pod, in the text format of Prometheus. [Operations](../operations.md#metrics)\n\
        says how to scrape it.";
    let rows = METRICS.iter().map(|row| {
        let labels = if row.labels.is_empty() { "-".into() } else { row.labels.iter().map(code).collect::<Vec<_>>().join(", ") };
        [code(row.exposed()), row.kind.to_owned(), labels, row.help.to_owned()]
    });
    head("Metrics", "src/agent/metrics.rs", about) + &table(["metric", "type", "labels", "what it tells"], rows)
}

/// The help of each command, as the terminal has it at 100 columns.
fn commands() -> String {
    let about = "What `--help` prints of each command. [Exit codes](../exit-codes.md) keep their meaning in all of them.";
    let mut out = head("Commands", "the command line", about);
    let mut program = Cli::command();
    program.build();
    section(&mut program, &mut out);
    out
}

/// Whether people call it. A mode that a flag chooses is hidden as a command.
pub(super) fn is_for_people(command: &clap::Command) -> bool {
    command.get_name() != "help" && (!command.is_hide_set() || MODES.contains(&command.get_name()))
}

/// A command that people call, then those below it.
fn section(command: &mut clap::Command, out: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.clone().mut_args(|argument| argument.hide_env_values(true)).term_width(100).render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    out.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()));
    for below in command.get_subcommands_mut().filter(|below| is_for_people(below)) {
        section(below, out);
    }
}
