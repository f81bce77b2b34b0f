//! What was done, and the error.

use crate::fact::Errno;
use std::fmt;
use std::io;
use std::path::Path;

/// What came of an action.
pub(super) type Done = Result<(), Failed>;

/// What was tried, and what came instead.
pub(super) struct Failed {
    what: &'static str,
    why: Why,
}

enum Why {
    Error(io::Error),
    /// It worked, and later it was not so.
    Found(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Error(error) => match error.raw_os_error().map(Errno) {
                Some(errno) => write!(f, "{}: {errno}, {}", self.what, errno.text()),
                None => write!(f, "{}: {error}", self.what),
            },
            Why::Found(found) => write!(f, "{}: {found}", self.what),
        }
    }
}

/// Gives what was tried to an error.
pub(super) fn did<T>(what: &'static str, result: io::Result<T>) -> Result<T, Failed> {
    result.map_err(|error| Failed { what, why: Why::Error(error) })
}

/// Fails where it is not so.
pub(super) fn is<T: PartialEq + fmt::Debug>(what: &'static str, found: &T, wanted: &T) -> Done {
    if found == wanted { Ok(()) } else { Err(Failed { what, why: Why::Found(format!("{found:?} instead of {wanted:?}")) }) }
}

/// Whether a name is there, whatever it is.
pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Nothing to do in this layer.
pub(super) fn nothing(_: &Path) -> Done {
    Ok(())
}
