//! What makes sense in itself. All of it holds for a Build with a template too, which Knative did not look at.

mod names;
mod paths;
mod sources;
mod unique;

use super::model::{Build, Container, Template, Volume, Work};
use crate::yaml::{Given, Invalid};

pub(super) use names::{LONGEST as LONGEST_LABEL, PREFIX};
pub(super) use paths::{WORKSPACE_DIRECTORY, is_below, parts};
pub(super) use unique::unique;

/// The names that a pod of ours has volumes by.
pub(super) const WORKSPACE: &str = "workspace";
pub(super) const HOME: &str = "home";
pub(super) const SECRETS: &str = "buildkit-preflight-secrets";
pub(super) const FILES: &str = "buildkit-preflight-files";
pub(super) const TLS: &str = "buildkit-preflight-tls";

/// A Build before its template is known.
pub(super) fn build(build: &Build) -> Result<(), Invalid> {
    names::object(&build.name)?;
    if let Some(namespace) = &build.namespace {
        names::object(namespace)?;
    }
    sources::check(&build.sources)?;
    volumes(&build.volumes)?;
    match &build.work {
        Work::Steps(list) => steps(list),
        Work::Template(template) => unique("the argument", template.arguments.iter().map(|argument| &argument.name)),
    }
}

/// A template before it is filled in.
pub(super) fn template(template: &Template) -> Result<(), Invalid> {
    names::object(&template.name)?;
    unique("the parameter", template.parameters.iter().map(|parameter| &parameter.name))?;
    volumes(&template.volumes)?;
    images(&template.steps)?;
    step_names(&template.steps)
}

/// Steps as they will run.
pub(super) fn steps(steps: &[Container]) -> Result<(), Invalid> {
    images(steps)?;
    step_names(steps)?;
    steps.iter().try_for_each(names::step)
}

fn images(steps: &[Container]) -> Result<(), Invalid> {
    steps.iter().try_for_each(|step| {
        let has_image = step.text("image").is_some_and(|image| !image.trim().is_empty());
        if has_image { Ok(()) } else { Err(step.spot_of("image").invalid("a step needs an `image`")) }
    })
}

fn step_names(steps: &[Container]) -> Result<(), Invalid> {
    let name = |step: &Container| {
        let name = step.text("name").filter(|name| !name.is_empty())?;
        Some(Given { value: name.to_owned(), spot: step.spot_of("name").clone() })
    };
    let names: Vec<_> = steps.iter().filter_map(name).collect();
    unique("the step", names.iter())
}

/// Volumes have names of their own, also beside those of the pod.
pub(super) fn volumes(volumes: &[Volume]) -> Result<(), Invalid> {
    let names = volumes.iter().map(|volume| &volume.name);
    if let Some(reserved) = names.clone().find(|name| [WORKSPACE, HOME, SECRETS, FILES, TLS].contains(&name.value.as_str())) {
        return Err(reserved.spot.invalid(format!("the volume `{}` is made for each build: choose another name", reserved.value)));
    }
    unique("the volume", names)
}
