//! Where a value is, and what is wrong there.

use std::fmt;

/// A place in a text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// Where a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file, or the object of the cluster.
    pub file: String,
    /// The place in the file; an object of the cluster has none.
    pub place: Option<Place>,
    /// The field, as in `spec.sources[1].git.url`; empty for the whole.
    pub path: String,
}

impl Spot {
    /// An option of the command line.
    pub(crate) fn option(name: &str) -> Self {
        Spot { file: name.into(), place: None, path: String::new() }
    }

    /// What is wrong here.
    pub(crate) fn invalid(&self, message: impl Into<String>) -> Invalid {
        Invalid { spot: self.clone(), message: message.into(), hint: None }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        if self.path.is_empty() { Ok(()) } else { write!(f, ": {}", self.path) }
    }
}

/// A value and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it is.
    pub spot: Spot,
}

/// An object that can't be used: bad input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{spot}: {message}")]
pub struct Invalid {
    /// Where.
    pub spot: Spot,
    /// What is wrong.
    pub message: String,
    /// What to do, where the message does not say it.
    pub hint: Option<String>,
}

impl Invalid {
    /// The same with what to do.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Invalid { hint: Some(hint.into()), ..self }
    }
}
