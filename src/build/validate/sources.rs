//! Several sources share one workspace.

use super::unique::unique;
use super::{names, paths};
use crate::build::git;
use crate::build::model::{Fetch, Source};
use crate::yaml::{Given, Invalid};

pub(super) fn check(sources: &[Source]) -> Result<(), Invalid> {
    unique("the source", sources.iter().filter_map(|source| source.name.as_ref()))?;
    sources.iter().try_for_each(one)?;
    sub_paths(sources)?;
    target_paths(sources)
}

fn one(source: &Source) -> Result<(), Invalid> {
    source.name.as_ref().map_or(Ok(()), names::source)?;
    for path in [&source.sub_path, &source.target_path].into_iter().flatten() {
        if path.value.starts_with('/') || paths::parts(&path.value).is_none() {
            return Err(path.spot.invalid(format!("`{}` is not a path inside of the workspace: it begins with / or has `..`", path.value)));
        }
    }
    match &source.fetch {
        Fetch::Git { url, revision } => {
            [url, revision].into_iter().try_for_each(word)?;
            let hint = "expected a URL such as https://host/repository, ssh://git@host/repository or git@host:repository";
            git::remote(&url.value).map(|_| ()).ok_or_else(|| url.spot.invalid(hint))
        }
        Fetch::Custom(container) => {
            if container.text("name").is_some_and(|name| !name.is_empty()) {
                return Err(container.spot_of("name").invalid("the container of a custom source has no name: the source has one"));
            }
            if container.text("image").is_none_or(|image| image.trim().is_empty()) {
                return Err(container.spot_of("image").invalid("a custom source needs an `image`"));
            }
            match &source.target_path {
                Some(path) => Err(path.spot.invalid("a custom source has no `targetPath`: its container knows where to write")),
                None => Ok(()),
            }
        }
    }
}

/// What git takes for a value, and not for an option or for two words.
fn word(given: &Given<String>) -> Result<(), Invalid> {
    let wrong = |message| Err(given.spot.invalid(message));
    match given.value.as_str() {
        "" => wrong("it is empty"),
        text if text.starts_with('-') || text.chars().any(|c| c.is_control() || c == ' ') => {
            wrong("it begins with a hyphen, or has a blank or a control character")
        }
        _ => Ok(()),
    }
}

/// Steps see one folder.
fn sub_paths(sources: &[Source]) -> Result<(), Invalid> {
    match sources.iter().filter_map(|source| source.sub_path.as_ref()).nth(1) {
        Some(second) => Err(second.spot.invalid("a second `subPath`: steps see one folder as /workspace, so at most one source has it")),
        None => Ok(()),
    }
}

/// Each goes into a folder of its own; one that git fetches may go into the workspace itself.
fn target_paths(sources: &[Source]) -> Result<(), Invalid> {
    let fetched = sources.iter().filter(|source| matches!(source.fetch, Fetch::Git { .. }));
    let is_root = |source: &&Source| source.target_path.as_ref().is_none_or(|path| paths::parts(&path.value).is_some_and(|p| p.is_empty()));
    if let Some(second) = fetched.clone().filter(is_root).nth(1) {
        return Err(second.spot.invalid("a second source without `targetPath`: both would go into the workspace itself"));
    }
    let targets: Vec<&Given<String>> = fetched.filter(|source| !is_root(source)).filter_map(|source| source.target_path.as_ref()).collect();
    for (index, path) in targets.iter().enumerate() {
        let overlap = |other: &&&Given<String>| paths::is_below(&path.value, &other.value) || paths::is_below(&other.value, &path.value);
        if let Some(other) = targets[..index].iter().find(overlap) {
            return Err(path.spot.invalid(format!("the targetPath `{}` overlaps with `{}`", path.value, other.value)));
        }
    }
    Ok(())
}
