//! A directory for files that live as long as a build.

use crate::cli::Error;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

/// It is removed with this.
pub(super) struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    /// An empty one, which nobody else may look into.
    pub(super) fn new() -> Result<Self, Error> {
        let suffix: String = std::iter::repeat_with(fastrand::alphanumeric).take(12).collect();
        let directory = std::env::temp_dir().join(format!("buildkit-preflight-{suffix}"));
        // One that is there already is another's.
        let made = DirBuilder::new().mode(0o700).create(&directory);
        made.map_err(|error| Error::Io(format!("{}: could not be made: {error}", directory.display())))?;
        Ok(Scratch { directory })
    }

    pub(super) fn directory(&self) -> String {
        self.directory.display().to_string()
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// Writes a file that only this user may read, and gives its path.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<String, Error> {
        let path = self.path(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = file.and_then(|mut file| file.write_all(content));
        written.map_err(|error| Error::Io(format!("{path}: could not be written: {error}")))?;
        Ok(path)
    }

    /// The image's digest, as buildctl writes it with other things.
    pub(super) fn digest(&self) -> Option<String> {
        let metadata = fs::read_to_string(self.path("metadata.json")).ok()?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata).ok()?;
        metadata["containerimage.digest"].as_str().map(str::to_owned)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}
