//! A Build that is made of options.

use super::buildctl::BuildOptions;
use super::place::Invalid;
use super::plan::Plan;

/// What is asked for on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitBuild {
    /// The repository.
    pub url: String,
    /// The branch, tag or commit; `HEAD` is what the repository itself takes.
    pub revision: String,
    /// A folder of it that is the context.
    pub sub_path: Option<String>,
    /// What is built.
    pub options: BuildOptions,
    /// Secrets of the build: IDs and contents.
    pub secrets: Vec<(String, Vec<u8>)>,
    /// The Secret with certificates for the builder: `ca.crt`, `tls.crt` and `tls.key`.
    pub tls: Option<String>,
    /// The image with buildctl.
    pub client_image: String,
    /// Whose secrets are used.
    pub service_account: Option<String>,
    /// How long it may take, in seconds.
    pub timeout: u64,
}

/// Makes a plan of it. Errors call the option instead of a file.
///
/// # Errors
/// A value makes no sense.
pub fn generated(build: &GitBuild) -> Result<Plan, Invalid> {
    todo!()
}
