//! What a chart is made of, and what several values may be.

use super::rows::{Kind, Row};
use crate::render::Error;

/// Files by their paths, or why there are none.
pub(super) type Files = Result<Vec<(String, String)>, Error>;

/// A chart.
pub(super) struct Chart {
    pub(super) name: &'static str,
    pub(super) rows: &'static [Row],
    /// Its own files, by their paths.
    pub(super) texts: &'static [(&'static str, &'static str)],
    /// Its templates that are those of manifests.
    pub(super) templates: fn() -> Files,
    /// Words in its own files, and what stands for them.
    pub(super) words: fn() -> Vec<(&'static str, String)>,
}

/// What several values may be, as regular expressions.
pub(super) const DOMAIN: &str = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$";
pub(super) const NAMESPACE: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
pub(super) const IMAGE_NAME: &str = r"^[a-z0-9.\[]([A-Za-z0-9._:/\[\]-]*[a-z0-9])?$";
pub(super) const IMAGE_TAG: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$";
pub(super) const IMAGE_DIGEST: &str = "^sha256:[0-9a-f]{64}$";
pub(super) const PROFILE_OF_NODE: &str = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$";
pub(super) const PULL_POLICIES: &[&str] = &["", "Always", "IfNotPresent", "Never"];

/// Values that both charts have.
pub(super) const IMAGE_DIGEST_ROW: Row =
    Row { path: "image.digest", default: "\"\"", kind: Kind::Maybe(IMAGE_DIGEST), about: "Its digest, as sha256:..." };
pub(super) const PULL_POLICY_ROW: Row = Row {
    path: "image.pullPolicy",
    default: "\"\"",
    kind: Kind::OneOf(PULL_POLICIES),
    about: "Its pull policy. Empty: that of Kubernetes",
};
pub(super) const PULL_SECRETS_ROW: Row =
    Row { path: "imagePullSecrets", default: "[]", kind: Kind::Objects, about: "Secrets for the registry, as [{name: pull}]" };
pub(super) const NAMESPACE_ROW: Row =
    Row { path: "namespace.name", default: "\"\"", kind: Kind::Maybe(NAMESPACE), about: "Another namespace than that of the release" };
pub(super) const NAMESPACE_MADE_ROW: Row =
    Row { path: "namespace.create", default: "false", kind: Kind::Bool, about: "Make that namespace, with the label for Pod Security" };
pub(super) const ANNOTATIONS_ROW: Row = Row { path: "podAnnotations", default: "{}", kind: Kind::Map, about: "Annotations of the pods" };
