//! What buildkitd needs of its own pod and of no node: a place for temporary files, and one for sockets. Done in its namespaces,
//! where it has the groups and the IDs that it will have.

use super::cleanup;
use super::tell::{Outcome, Report, is_left_out, raw};
use crate::fact::{Builder, Directory, Step};
use crate::read::{TMP, runtime_dir as of_environment, temporary};
use nix::errno::Errno;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// As long as the names of buildkitd's own sockets, buildkitd.sock and otel-grpc.sock: the length of their paths counts.
const SOCKET: &str = "preflight.sock";

/// A directory in TMPDIR, as for each mount that buildkitd looks into, and one in /tmp, as of rootlesskit.
pub(super) fn temp_dir(builder: Builder) -> Outcome {
    let temporary = temporary();
    let tmp = Path::new(TMP);
    let directories = [Some(temporary.as_path()), (builder == Builder::Rootless && temporary != tmp).then_some(tmp)];
    step(Step::TempDir, || {
        for directory in directories.into_iter().flatten() {
            let path = directory.join(format!("buildkit-preflight-{}", std::process::id()));
            fs::create_dir(&path).and_then(|()| fs::remove_dir(&path)).map_err(|error| (path, error))?;
        }
        Ok(())
    })
}

/// A socket where buildkitd makes its own two, even if it listens on TCP alone.
pub(super) fn runtime_dir() -> Outcome {
    let directory = of_environment();
    let path = directory.join(SOCKET);
    step(Step::RuntimeDir, || {
        let missing: Vec<_> = directory.ancestors().take_while(|path| !path.exists()).collect();
        let bound = fs::create_dir_all(&directory).and_then(|()| bind(&path));
        let _ = fs::remove_file(&path);
        for made in missing {
            // Not one that another uses by now.
            let _ = fs::remove_dir(made);
        }
        bound.map_err(|error| (path, error))
    })
}

/// As buildkitd does it (GetLocalListener in containerd's pkg/sys).
fn bind(path: &Path) -> io::Result<()> {
    if path.as_os_str().len() > Directory::LONGEST_SOCKET {
        return Err(Errno::ENAMETOOLONG.into());
    }
    let _ = fs::remove_file(path);
    match UnixListener::bind(path) {
        // Another guard's: it lies on a volume that several pods have.
        Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => Ok(()),
        bound => bound.and_then(|_| fs::set_permissions(path, Permissions::from_mode(0o660))),
    }
}

/// One step, which is not interrupted before what it made is gone.
fn step(step: Step, work: impl FnOnce() -> Result<(), (PathBuf, io::Error)>) -> Outcome {
    if is_left_out(step) {
        return Ok(());
    }
    let report = Report::new(step, Instant::now());
    match cleanup::hold(work) {
        Ok(()) => {
            report.worked(None);
            Ok(())
        }
        Err((path, error)) => Err(report.failed(raw(error), Some(path.display().to_string()))),
    }
}
