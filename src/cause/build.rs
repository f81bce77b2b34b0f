//! What a build comes to where nothing else is known.

#[cfg(test)]
use super::example::Example;
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Level, Mark, Row};
#[cfg(test)]
use crate::fact::Step;

pub(super) const ROWS: &[Row] = &[FAILED];

const FAILED: Row = Row {
    cause: Cause::BuildFailed,
    title: "a build fails here for a reason that is not known",
    level: Level::Unknown,
    marks: &[Mark::MaybeTheShells],
    forced: None,
    about: include_str!("about/build-failed.md"),
    remedy: |_| Remedy::new("read the error at the end of the build, and report the error with the output of `buildkit-preflight facts`"),
    #[cfg(test)]
    example: Example::step_without_error(Step::UserNamespace),
};
