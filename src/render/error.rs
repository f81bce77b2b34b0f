use super::slots::NoSlot;
use super::sub_ids::NoRange;

/// What keeps manifests from being printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template can't be read, or names a value that it was not given: a fault of ours.
    #[error("could not fill in the template of the manifest: {0}")]
    Template(#[from] minijinja::Error),
    /// What came of a template is no manifest: a fault of ours.
    #[error("the manifest {name} is not valid YAML: {source}")]
    Yaml {
        /// The template's name.
        name: &'static str,
        /// What is wrong with it.
        source: Box<serde_saphyr::Error>,
    },
    /// No range of IDs fits what was asked for.
    #[error(transparent)]
    NoRange(#[from] NoRange),
    /// A tool can't run the profile.
    #[error(transparent)]
    NoSlot(#[from] NoSlot),
}
