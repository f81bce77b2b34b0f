//! The containers of a build's pod, in order, by the names that Knative gave them.

use super::model::{Build, Container, Fetch, Source};
use super::validate::{PREFIX, unique};
use crate::yaml::{Given, Invalid, Spot};

/// What runs in a container of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// It puts the credentials where they are found.
    Credentials,
    /// It fetches a source.
    Source,
    /// It is a step.
    Step,
}

/// A container of the pod, in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The container's name.
    pub container: String,
    /// What it is called in messages: the container's name without `build-step-`.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What it does.
    pub kind: StageKind,
}

/// The container that puts credentials where they are found.
pub(super) const CREDENTIALS: &str = "credential-initializer";

/// The label that says of which Build a pod is.
pub(super) const BUILD_LABEL: &str = "build.knative.dev/buildName";

/// The name of each source's container, without the prefix.
pub(super) fn source_names(sources: &[Source]) -> Vec<String> {
    let customs = sources.iter().filter(|source| matches!(source.fetch, Fetch::Custom(_))).count();
    let name = |(index, source): (usize, &Source)| {
        let own = source.name.as_ref().map_or_else(|| index.to_string(), |name| name.value.clone());
        match source.fetch {
            Fetch::Git { .. } => format!("git-source-{own}"),
            Fetch::Custom(_) if customs == 1 => "custom-source".to_owned(),
            Fetch::Custom(_) => format!("custom-source-{own}"),
        }
    };
    sources.iter().enumerate().map(name).collect()
}

/// The name of each step's container, without the prefix.
pub(super) fn step_names(steps: &[Container]) -> Vec<String> {
    let name = |(index, step): (usize, &Container)| match step.text("name").filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => format!("unnamed-{index}"),
    };
    steps.iter().enumerate().map(name).collect()
}

/// The whole name of a container.
pub(super) fn container_name(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Whether no two containers have the same name.
pub(super) fn are_distinct(build: &Build, steps: &[Container]) -> Result<(), Invalid> {
    let given = |(value, spot): (String, &Spot)| Given { value, spot: spot.clone() };
    let sources = source_names(&build.sources).into_iter().zip(build.sources.iter().map(|source| &source.spot)).map(given);
    let steps = step_names(steps).into_iter().zip(steps.iter().map(|step| step.spot_of("name"))).map(given);
    let ours = Given { value: CREDENTIALS.into(), spot: build.name.spot.clone() };
    let all: Vec<_> = [ours].into_iter().chain(sources).chain(steps).collect();
    unique("the container", all.iter())
}
