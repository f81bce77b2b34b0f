use super::Error;
use super::exit::{self, READY};
use crate::read::{BadPath, Named, look_at};
use clap::Args;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Copy this program into a directory that another container of the pod has too: its image need not have it
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight install /preflight

The first init container of a builder's pod runs this, in the agent's image. The second one has
the builder's image, and runs /preflight/buildkit-preflight check --guard.", exit::INSTALL))]
pub(super) struct Arguments {
    /// The directory, which must exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let directory = &arguments.directory;
    look_at(Named::Install, directory)?;
    let path = directory.join(super::NAME);
    // A container that is started again finds the copy of the one before it, which may be running.
    let new = directory.join(format!(".{}-{}", super::NAME, std::process::id()));
    let copied = copy(&new).and_then(|()| fs::rename(&new, &path));
    copied.map_err(|error| {
        let _ = fs::remove_file(&new);
        BadPath::unwritten(Named::Install, &path, &error)
    })?;
    Ok(READY)
}

fn copy(to: &Path) -> std::io::Result<()> {
    fs::copy("/proc/self/exe", to)?;
    // Whatever user the builder has.
    fs::set_permissions(to, Permissions::from_mode(0o555))
}
