//! A Build and its template, checked and filled in.

use super::model::{Build, Container, Template, Volume};
use super::place::Invalid;

/// All that is needed to make a Job of a Build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The Build; its steps, its volumes and its template are not looked at any more.
    pub build: Build,
    /// What is done, in order.
    pub steps: Vec<Container>,
    /// The volumes of the Build and of its template.
    pub volumes: Vec<Volume>,
    /// Secrets of the build itself, which its last step sees as read-only files: name and content.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Checks a Build, and fills in its template; `template` is the one that it names, and not needed for a Build with steps.
///
/// # Errors
/// What does not fit.
pub fn plan(build: Build, template: Option<&Template>) -> Result<Plan, Invalid> {
    todo!()
}
