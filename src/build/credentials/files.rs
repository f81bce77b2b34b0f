//! What becomes of secrets: files, or an error.

/// The home of all containers of a build.
pub(in crate::build) const HOME: &str = "/builder/home";

/// A secret that can't be used as it is. Says nothing that is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", .secret.as_ref().map_or_else(String::new, |name| format!("secret `{name}`: ")))]
pub struct CredentialError {
    /// The secret's name, where it is about one.
    pub secret: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The files of a home.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Home {
    /// Its files.
    pub files: Vec<HomeFile>,
    /// What a user should know: secrets that have no effect.
    pub notes: Vec<String>,
}

/// A file of a home.
#[derive(Clone, PartialEq, Eq)]
pub struct HomeFile {
    /// Where, below the home.
    pub path: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl HomeFile {
    pub(super) fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        HomeFile { path: path.into(), content: content.into() }
    }
}
