//! Which arguments go together.
//!
//! A command can be used in several ways, and an argument that has no effect in the way that was chosen is refused: whoever
//! gave it expects something of it. clap's own `requires` does not hold where a third argument conflicts with the required one,
//! so each command has a table instead.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// A way to use a command, of several that exclude each other.
#[derive(Debug)]
pub(super) struct Use {
    /// The arguments that choose it, all of them; none for the usual way, which stands first.
    pub(super) by: &'static [&'static str],
    /// The arguments that have an effect beside those. What stands in no way of the table has its effect in all of them.
    pub(super) takes: &'static [&'static str],
}

/// The ways to use a command. An argument may be governed by several tables.
pub(super) type Uses = &'static [&'static [Use]];

/// The tables of a command, by its path below the program's name.
pub(super) fn of(path: &[&str]) -> Uses {
    match path {
        ["check"] => super::check::USES,
        ["facts"] => super::facts::USES,
        ["agent"] => super::agent::USES,
        ["tune"] => super::tune::USES,
        ["probe"] => super::probe::USES,
        #[cfg(feature = "cli")]
        ["check", "-f"] => super::pods::USES,
        #[cfg(feature = "cli")]
        ["build"] => super::build::USES,
        #[cfg(feature = "cli")]
        ["status"] => super::status::USES,
        #[cfg(feature = "cli")]
        ["render", "agent"] => super::render::USES,
        #[cfg(feature = "cli")]
        ["render", "monitoring"] => super::neighbours::MONITORING_USES,
        #[cfg(feature = "cli")]
        ["render", "builder"] => super::builder::USES,
        _ => &[],
    }
}

/// Refuses an argument that has no effect beside the others.
///
/// # Errors
/// Names the argument, and what it needs or what stands against it.
pub(super) fn check(root: &mut Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let (mut path, mut matches) = (Vec::new(), matches);
    while let Some((name, below)) = matches.subcommand() {
        matches = below;
        path.push(name);
    }
    let Some(command) = subcommand(root, &path) else { return Ok(()) };
    match of(&path).iter().find_map(|table| refused(table, command, matches)) {
        Some(why) => Err(command.error(ErrorKind::ArgumentConflict, why)),
        None => Ok(()),
    }
}

fn subcommand<'a>(command: &'a mut Command, path: &[&str]) -> Option<&'a mut Command> {
    match path {
        [] => Some(command),
        [name, below @ ..] => subcommand(command.find_subcommand_mut(name)?, below),
    }
}

/// Why an argument is refused by a table.
fn refused(table: &[Use], command: &Command, matches: &ArgMatches) -> Option<String> {
    let is_given = |id: &str| {
        let known = matches.ids().any(|known| known == id);
        known && matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    };
    let mut governed = table.iter().flat_map(Use::arguments).filter(|id| is_given(id));
    let chosen = table.iter().rfind(|way| way.by.iter().all(|id| is_given(id)))?;
    let alone = governed.find(|id| chosen.arguments().all(|other| other != *id))?;
    // A way that goes further than the one that was chosen, and takes it.
    let further = table.iter().find(|way| way.arguments().any(|id| id == alone) && chosen.by.iter().all(|id| way.by.contains(id)));
    let missing: Vec<_> = further.iter().flat_map(|way| way.by).filter(|id| !is_given(id)).copied().collect();
    let argument = flags(command, &[alone]);
    Some(match missing.as_slice() {
        [] => format!("{argument} cannot be used with {}: it would have no effect", flags(command, chosen.by)),
        missing => format!("{argument} has no effect without {}", flags(command, missing)),
    })
}

impl Use {
    fn arguments(&self) -> impl Iterator<Item = &'static str> {
        self.by.iter().chain(self.takes).copied()
    }
}

/// Arguments as they are written.
fn flags(command: &Command, ids: &[&str]) -> String {
    let written = |id: &&str| {
        let argument = command.get_arguments().find(|argument| argument.get_id() == *id)?;
        // What stands by itself has no name but that of its value.
        let value = || argument.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
        argument.get_long().map(|name| format!("--{name}")).or_else(value)
    };
    ids.iter().filter_map(written).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[cfg(feature = "cli")]
mod tests;
