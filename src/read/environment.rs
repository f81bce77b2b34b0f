//! What the variables of a builder's environment say: who its user is, and where it writes.

use crate::fact::{Fact, OwnPod};
use std::path::{Path, PathBuf};

/// Where rootlesskit makes a directory in any case (pkg/copyup/tmpfssymlink).
pub(crate) const TMP: &str = "/tmp";

/// Where buildkitd makes its sockets without XDG_RUNTIME_DIR.
const RUN: &str = "/run";

/// The directory for temporary files, also where TMPDIR is set to nothing.
pub(crate) fn temporary() -> PathBuf {
    let path = std::env::temp_dir();
    if path.is_absolute() { path } else { "/tmp".into() }
}

/// What TMPDIR says, where that is no absolute path.
pub(crate) fn relative_temp_dir() -> Option<String> {
    std::env::var(OwnPod::TEMP_DIR).ok().filter(|path| !path.is_empty() && !Path::new(path).is_absolute())
}

/// Where buildkitd makes its sockets.
pub(crate) fn runtime_dir() -> PathBuf {
    absolute(OwnPod::RUNTIME_DIR).filter(|_| has_users_places()).unwrap_or_else(|| RUN.into()).join("buildkit")
}

/// The variable USER; nothing is as good as none.
pub(super) fn user() -> Fact<String> {
    match std::env::var("USER") {
        Ok(user) if !user.is_empty() => Fact::Known(user),
        Ok(_) | Err(std::env::VarError::NotPresent) => Fact::Absent,
        Err(error) => Fact::Failed(format!("USER: {error}").into()),
    }
}

/// Whether a buildkitd in a user namespace takes the places of an ordinary user.
pub(super) fn has_users_places() -> bool {
    !OwnPod { user: user(), ..OwnPod::default() }.takes_roots_places()
}

/// The first directory of a variable that may list several.
pub(super) fn absolute(variable: &str) -> Option<PathBuf> {
    let value = std::env::var(variable).ok()?;
    let first = value.split(':').next().map(PathBuf::from);
    first.filter(|path| path.is_absolute())
}
