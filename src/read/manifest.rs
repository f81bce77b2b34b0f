use crate::fact::{API_VERSION, Errno};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The manifest's name, at the root of a captured tree.
pub(super) const FILE: &str = "captured.json";

const KIND: &str = "Captured";

/// What `facts --capture` looked at, and what came of it: what is not in here, nobody looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// Always [`API_VERSION`].
    api_version: String,
    /// Always `Captured`.
    kind: String,
    /// Where programs were looked for, as in PATH.
    pub(super) search: String,
    /// Files by path, programs by name.
    pub(super) sources: BTreeMap<String, Outcome>,
}

/// What came of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Outcome {
    /// It lies in the tree.
    Taken,
    /// It was not there.
    Absent,
    /// The kernel refused it.
    Failed(Errno),
}

/// What a captured tree says of itself.
#[derive(Clone, Debug)]
pub(super) enum Captured {
    /// Nothing: it is older than manifests, or a person made it. What is not in it counts as absent, but for what such trees never have.
    Unsaid,
    /// All of it.
    Told(Manifest),
    /// It has a manifest that can't be read.
    Broken(String),
}

impl Manifest {
    pub(super) fn new(search: String) -> Self {
        Manifest { api_version: API_VERSION.into(), kind: KIND.into(), search, sources: BTreeMap::new() }
    }
}

impl Captured {
    /// Of the manifest's text, or what reading it met.
    pub(super) fn of(text: std::io::Result<String>) -> Self {
        let text = match text {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Captured::Unsaid,
            Err(error) => return Captured::Broken(format!("{FILE}: {error}")),
            Ok(text) if text.is_empty() => return Captured::Broken(format!("{FILE} is empty: the capture did not come to its end")),
            Ok(text) => text,
        };
        match serde_json::from_str::<Manifest>(&text) {
            Ok(manifest) if manifest.kind != KIND => Captured::Broken(format!("{FILE}: its kind is {:?}, not {KIND:?}", manifest.kind)),
            Ok(manifest) if manifest.api_version == API_VERSION => Captured::Told(manifest),
            Ok(manifest) => {
                Captured::Broken(format!("{FILE}: its apiVersion is {:?}, but this version reads {API_VERSION:?}", manifest.api_version))
            }
            Err(error) => Captured::Broken(format!("{FILE}: {error}")),
        }
    }
}
