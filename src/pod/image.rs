//! Which of BuildKit's two images a reference names.

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// BuildKit has its image in two variants; others copy them under names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// `moby/buildkit:rootless` and tags with `-rootless`: USER 1000:1000, rootlesskit as its entrypoint.
    Rootless,
    /// `moby/buildkit` otherwise: root, buildkitd as its entrypoint.
    Rootful,
    /// The reference does not say.
    Unknown,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Variant::Rootless => "rootless",
            Variant::Rootful => "rootful",
            Variant::Unknown => "unknown",
        })
    }
}

impl Variant {
    pub(super) fn of(reference: &str) -> Self {
        let (name, tag) = parts(reference);
        let is_buildkit = name.rsplit('/').next() == Some("buildkit");
        // A digest alone may be of either.
        let says = tag.is_some() || !reference.contains('@');
        match (reference.contains("rootless"), is_buildkit && says) {
            (true, _) => Variant::Rootless,
            (false, true) => Variant::Rootful,
            (false, false) => Variant::Unknown,
        }
    }
}

/// Name and tag.
fn parts(reference: &str) -> (&str, Option<&str>) {
    let reference = reference.split('@').next().unwrap_or_default();
    match reference.rsplit_once(':') {
        // A port of a registry has a path behind it.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (reference, None),
    }
}

/// Whether anything says that an image has BuildKit in it.
pub(super) fn names_buildkit(reference: &str) -> bool {
    parts(reference).0.rsplit('/').next().is_some_and(|last| last.contains("buildkit"))
}

/// The rootless image of the same version.
pub(super) fn rootless(reference: &str) -> String {
    match parts(reference) {
        (name, Some(tag)) if tag != "latest" => format!("{name}:{tag}-rootless"),
        (name, _) => format!("{name}:rootless"),
    }
}

/// Whether the tag is one that is moved to another image from time to time.
pub(super) fn floats(reference: &str) -> bool {
    !reference.contains('@') && !parts(reference).1.is_some_and(|tag| tag.chars().any(|c| c.is_ascii_digit()) && tag.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_what_the_reference_says() {
        for (reference, variant, floating) in [
            ("moby/buildkit:rootless", Variant::Rootless, true),
            ("moby/buildkit:v0.33.1-rootless", Variant::Rootless, false),
            ("moby/buildkit:buildx-stable-1-rootless", Variant::Rootless, true),
            ("mirror.example:5000/moby/buildkit", Variant::Rootful, true),
            ("mirror.example:5000/moby/buildkit:v0.33.1", Variant::Rootful, false),
            ("moby/buildkit@sha256:00", Variant::Unknown, false),
            ("moby/buildkit:v0.33.1@sha256:00", Variant::Rootful, false),
            ("registry.example/team/builder:7", Variant::Unknown, true),
        ] {
            assert_eq!((Variant::of(reference), floats(reference)), (variant, floating), "{reference}");
        }
        assert_eq!(rootless("moby/buildkit:v0.33.1"), "moby/buildkit:v0.33.1-rootless");
        assert_eq!(rootless("moby/buildkit"), "moby/buildkit:rootless");
        assert!(names_buildkit("moby/buildkit:rootless") && names_buildkit("x/my-buildkit") && !names_buildkit("x/buildkit/tools:1"));
    }
}
