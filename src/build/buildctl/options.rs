//! What a user may choose of a build.

use super::check::{address, shown};
use crate::build::image;
use crate::yaml::{Invalid, Spot};

/// What is built, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// The name of the image.
    pub image: String,
    /// The Dockerfile below the context.
    pub dockerfile: String,
    /// Names and values of build arguments.
    pub build_args: Vec<(String, String)>,
    /// A stage of the Dockerfile.
    pub target: Option<String>,
    /// Platforms such as `linux/arm64`.
    pub platforms: Vec<String>,
    /// Caches to take from, as buildctl has them: `type=registry,ref=...`; a plain image is one of a registry.
    pub cache_from: Vec<String>,
    /// Caches to write to, likewise.
    pub cache_to: Vec<String>,
    /// Whether the image is pushed.
    pub push: bool,
    /// The builder: `tcp://buildkitd:1234`.
    pub builder: String,
}

impl BuildOptions {
    /// Looks whether the values make sense. Errors name the option that they come from.
    ///
    /// # Errors
    /// One does not.
    pub fn check(&self) -> Result<(), Invalid> {
        let wrong = |option: &str, message: String| Err(Spot::option(option).invalid(message));
        if let Some(fault) = image::fault(&self.image) {
            return wrong("--image", format!("{} {fault}", shown(&self.image)));
        }
        if let Some((_, message)) = address(&self.builder) {
            return wrong("--builder", message);
        }
        if self.dockerfile.is_empty() {
            return wrong("--dockerfile", "it is empty".into());
        }
        let names = self.build_args.iter().map(|(name, _)| name);
        if let Some(name) = names.into_iter().find(|name| name.is_empty() || name.contains(|c: char| c == '=' || c.is_whitespace())) {
            return wrong("--build-arg", format!("`{name}` is not the name of a build argument: write NAME=VALUE"));
        }
        let known = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        if let Some(platform) = self.platforms.iter().find(|platform| platform.is_empty() || !platform.chars().all(known)) {
            return wrong("--platform", format!("`{platform}` is not a platform such as linux/arm64"));
        }
        for (option, caches) in [("--cache-from", &self.cache_from), ("--cache-to", &self.cache_to)] {
            let fault = caches
                .iter()
                .find(|cache| !cache.contains('=') && *cache != "inline")
                .and_then(|cache| Some((cache, image::fault(cache)?)));
            if let Some((cache, fault)) = fault {
                return wrong(option, format!("{} {fault}", shown(cache)));
            }
        }
        Ok(())
    }
}

/// Looks whether a secret of a build can have this ID: it becomes the name of a file.
///
/// # Errors
/// It can't.
pub fn secret_id(id: &str) -> Result<(), Invalid> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.len() <= 128 && id.chars().all(known) {
        return Ok(());
    }
    Err(Spot::option("--secret").invalid(format!("`{id}` is not an ID: it has letters, digits, `.`, `_` and `-`")))
}
