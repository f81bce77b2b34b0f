//! What was done, in a file for the agent that publishes it.

use super::{Error, Writer};
use crate::fact::Tuned;
use nix::fcntl::OFlag;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Writes it, so that a reader sees the old or the new one.
pub(super) fn write(_: &Writer, path: &Path, tuned: &Tuned) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::new(format!("could not write {}: {error}", path.display()));
    let text = serde_json::to_string(tuned).map_err(|error| failed(&error))?;
    let new = path.with_extension("new");
    let mut options = File::options();
    options.write(true).create(true).truncate(true).custom_flags(OFlag::O_NOFOLLOW.bits());
    let written = options.open(&new).and_then(|mut file| file.write_all(text.as_bytes()));
    written.and_then(|()| std::fs::rename(&new, path)).map_err(|error| failed(&error))
}
