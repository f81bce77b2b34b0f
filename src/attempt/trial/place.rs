//! Where a trial keeps its things: those of a builder of its own, beside what a builder in the same container has.

use super::image;
use crate::attempt::leftovers::{Made, is_numbered, make, remove_tree, sweep};
use crate::attempt::probe::die_with_us;
use crate::behaviour::Behaviour;
use crate::fact::Builder;
use crate::read::bounded;
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::group::FAREWELL;
use super::is_over;

/// Where runc keeps a directory for itself when it runs as root, whatever it is told.
const RUNC: &str = "/run/runc";
/// Where buildkitd has its sockets as root, and where no runtime directory is named.
const SOCKETS: &str = "/run/buildkit";

/// What its sockets are called, after the number of their maker: the daemon's own, and the one for traces.
pub(super) const DAEMON: &str = "b";
pub(super) const TRACES: &str = "o";

/// What the throw-away directories are called, before the number of their maker.
pub(super) const PREFIX: &str = ".buildkit-preflight-trial-";

/// All that a trial makes; it goes with this.
pub(super) struct Place {
    /// In the state dir.
    pub(super) dir: PathBuf,
    /// In the temporary directory; none where it can't be had, so that the builder says it.
    temporary: Option<PathBuf>,
    /// Where the sockets are made.
    pub(super) runtime: PathBuf,
    /// What was not there before, to be removed if it is empty.
    new: Vec<PathBuf>,
    /// For as long as these live, others leave the directories alone.
    _locks: Vec<File>,
}

impl Place {
    pub(super) fn make(builder: Builder, state_dir: &Path, behaviours: &[&Behaviour]) -> io::Result<Self> {
        let named = |directory: &Path| {
            let directory = directory.to_owned();
            make(move |attempt| directory.join(format!("{PREFIX}{}-{attempt}", std::process::id())))
        };
        let Made { path: dir, directory, .. } = named(state_dir)?;
        let temporary = named(&std::env::temp_dir()).ok();
        let runtime = runtime(builder);
        // runc keeps its own things beside the sockets' directory.
        let runc = if builder == Builder::Rootful { RUNC.into() } else { runtime.with_file_name("runc") };
        let new = [runc, runtime.clone()].into_iter().filter(|path| !path.exists()).collect();
        let (temporary, lock) = temporary.map(|made| (made.path, made.directory)).unzip();
        let locks = Some(directory).into_iter().chain(lock).collect();
        let place = Place { dir, temporary, runtime, new, _locks: locks };
        for dir in ["context", "root"] {
            fs::create_dir(place.dir.join(dir))?;
        }
        image::write(&place.dir.join("context"), behaviours)?;
        Ok(place)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// A socket among the builder's, by a name of its own. It is no longer than `buildkitd.sock`: the length of a path counts.
    pub(super) fn socket(&self, name: &str) -> PathBuf {
        self.runtime.join(format!(".{}-{name}", std::process::id()))
    }

    /// A command with the builder's environment, in a process group of its own.
    pub(super) fn command(&self, program: &str, log: &str) -> io::Result<Command> {
        let mut command = Command::new(program);
        let log = File::create(self.dir.join(log))?;
        if let Some(temporary) = &self.temporary {
            command.env("TMPDIR", temporary);
        }
        command.current_dir(&self.dir).process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        die_with_us(&mut command, Signal::SIGTERM);
        Ok(command)
    }

    pub(super) fn text(&self, log: &str) -> String {
        fs::read(self.dir.join(log)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let trees: Vec<_> = self.temporary.iter().chain([&self.dir]).cloned().collect();
        bounded(FAREWELL, move || trees.iter().for_each(|tree| remove_tree(tree, &|| false)));
        for socket in [DAEMON, TRACES] {
            let _ = fs::remove_file(self.socket(socket));
        }
        for directory in &self.new {
            // Only an empty one.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Where a builder of this user listens unless it is told otherwise (BuildKit's util/appdefaults).
fn runtime(builder: Builder) -> PathBuf {
    let named = std::env::var("XDG_RUNTIME_DIR").ok().filter(|named| builder == Builder::Rootless && !named.is_empty());
    named.map_or_else(|| SOCKETS.into(), |named| Path::new(named.split(':').next().unwrap_or_default()).join("buildkit"))
}

/// Removes what trials left that were killed, until an end or a signal.
pub(super) fn remove_left(state_dir: &Path, end: Instant) {
    for directory in [state_dir, &std::env::temp_dir()] {
        sweep(directory, |name| is_numbered(name, PREFIX, ""), false, |path| remove_tree(path, &|| is_over(end)));
    }
}
