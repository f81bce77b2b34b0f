//! A Secret of the cluster.

use super::files::CredentialError;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The type of secrets with user and password.
pub(super) const BASIC_AUTH: &str = "kubernetes.io/basic-auth";

/// The type of secrets with a key of ssh.
pub(super) const SSH_AUTH: &str = "kubernetes.io/ssh-auth";

/// What annotations begin with whose values are hosts for git.
pub(super) const GIT: &str = "build.knative.dev/git-";

/// What annotations begin with whose values are registries.
pub(super) const DOCKER: &str = "build.knative.dev/docker-";

/// A Secret as its service account's builds use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its type, such as `kubernetes.io/basic-auth`.
    pub kind: String,
    /// Its annotations.
    annotations: BTreeMap<String, String>,
    /// Its data, decoded.
    data: BTreeMap<String, Vec<u8>>,
}

/// What is in it is secret.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Secret {
    /// A Secret of the cluster.
    ///
    /// # Errors
    /// It has no name, or its data are not in base64.
    pub fn of(object: &Value) -> Result<Self, CredentialError> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let entries = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
        let metadata = object.get("metadata");
        let name = text(metadata.and_then(|metadata| metadata.get("name")));
        let wrong = |message: String| CredentialError { secret: Some(name.clone()), message, hint: None };
        let annotations = entries(metadata.and_then(|metadata| metadata.get("annotations")));
        let decoded = |(key, value): (String, Value)| match value.as_str().map(|text| BASE64_STANDARD.decode(text)) {
            Some(Ok(bytes)) => Ok((key, bytes)),
            _ => Err(wrong(format!("its key `{key}` is not in base64"))),
        };
        let data = entries(object.get("data")).into_iter().map(decoded).collect::<Result<_, _>>()?;
        if name.is_empty() {
            return Err(CredentialError { secret: None, message: "a secret has no name".into(), hint: None });
        }
        let annotations = annotations.into_iter().map(|(key, value)| (key, text(Some(&value)))).collect();
        Ok(Secret { kind: text(object.get("type")), annotations, data, name })
    }

    /// An error of this secret.
    pub(super) fn wrong(&self, message: impl Into<String>) -> CredentialError {
        CredentialError { secret: Some(self.name.clone()), message: message.into(), hint: None }
    }

    /// All annotations that begin so, with their values, sorted by these.
    pub(super) fn annotated(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let all = self.annotations.iter().filter(|(key, _)| key.starts_with(prefix));
        let mut all: Vec<_> = all.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        all.sort_by_key(|(_, value)| *value);
        all.into_iter()
    }

    pub(super) fn bytes(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(Vec::as_slice)
    }

    /// A key that must be there.
    pub(super) fn need(&self, key: &str) -> Result<&[u8], CredentialError> {
        let bytes = self.bytes(key).filter(|bytes| !bytes.is_empty());
        bytes.ok_or_else(|| self.wrong(format!("a secret of type {} needs the key `{key}`", self.kind)))
    }

    /// A key that must be there and be one line of text.
    pub(super) fn line(&self, key: &str) -> Result<&str, CredentialError> {
        let line = std::str::from_utf8(self.need(key)?).ok().filter(|text| !text.contains(char::is_control));
        line.ok_or_else(|| self.wrong(format!("its key `{key}` is not one line of text: it may end with a line feed")))
    }
}
