use super::exit::{self, READY};
use super::reference::is_for_people;
use super::{Cli, Error, NAME};
use crate::read::{Named, is_directory};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

/// Write the manual pages of all commands
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight man /usr/local/share/man/man1", exit::MANUAL))]
pub(super) struct Arguments {
    /// The directory to write to; pages of this program there are replaced
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    is_directory(Named::Manual, &arguments.directory, crate::read::PATIENCE)?;
    let mut program = Cli::command();
    program.build();
    write(program, NAME, &arguments.directory)?;
    Ok(READY)
}

/// The page of a command that people call, then those of the commands below it.
fn write(command: Command, name: &str, directory: &Path) -> Result<(), Error> {
    let below: Vec<_> = command.get_subcommands().filter(|below| is_for_people(below)).cloned().collect();
    let path = directory.join(format!("{name}.1"));
    // A mode of `check` is called by a flag, as the usage has it.
    let command = command.display_name(name.to_owned());
    let command = command.mut_args(|argument| argument.hide_env_values(true));
    let page = Man::new(command).title(name).source(concat!("buildkit-preflight ", env!("CARGO_PKG_VERSION"))).manual("User Commands");
    let mut text = Vec::new();
    let written = page.render(&mut text).and_then(|()| std::fs::write(&path, &text));
    written.map_err(|error| Error::Io(format!("{}: {error}", path.display())))?;
    for below in below {
        // `check --cluster` is on the page buildkit-preflight-check-cluster.
        let name = format!("{name}-{}", below.get_name().trim_start_matches('-'));
        write(below, &name, directory)?;
    }
    Ok(())
}
