//! One Secret with all that a build must not show.

use crate::build::credentials::Home;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// Files by the path that they are mounted at.
type Files = Vec<(String, Vec<u8>)>;

/// What the Secret has.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secrets {
    home: Files,
    files: Files,
}

impl Secrets {
    pub(super) fn of(home: &Home, files: &[(String, Vec<u8>)]) -> Self {
        Secrets { home: home.files.iter().map(|file| (file.path.clone(), file.content.clone())).collect(), files: files.to_vec() }
    }

    /// Which keys are mounted where, of the home.
    pub(super) fn home_items(&self) -> Vec<Value> {
        items("home", &self.home)
    }

    /// The same of the secrets of the build itself.
    pub(super) fn file_items(&self) -> Vec<Value> {
        items("file", &self.files)
    }

    /// The Secret. Kubernetes deletes it with the Job that owns it.
    pub(super) fn object(&self, job: &str, namespace: &str, job_uid: &str) -> Option<Value> {
        if self.home.is_empty() && self.files.is_empty() {
            return None;
        }
        let entries = |kind: &'static str, files: &'_ Files| -> Map<String, Value> {
            files.iter().enumerate().map(|(index, (_, bytes))| (key(kind, index), BASE64_STANDARD.encode(bytes).into())).collect()
        };
        let mut data = entries("home", &self.home);
        data.extend(entries("file", &self.files));
        Some(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": job,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/managed-by": "buildkit-preflight"},
                "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": job_uid}],
            },
            "type": "Opaque",
            "immutable": true,
            "data": data,
        }))
    }
}

/// A key has no slash, as paths have.
fn key(kind: &str, index: usize) -> String {
    format!("{kind}-{index}")
}

fn items(kind: &str, files: &Files) -> Vec<Value> {
    files.iter().enumerate().map(|(index, (path, _))| json!({"key": key(kind, index), "path": path})).collect()
}
