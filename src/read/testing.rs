//! A captured tree by hand.

use super::manifest::FILE;
use crate::fact::API_VERSION;
use serde_json::{Value, json};
use std::path::Path;

/// Gives a tree a manifest that says of each of these what came of a look at it.
pub(super) fn tell(root: &Path, sources: &[(&str, Value)]) {
    let sources: serde_json::Map<_, _> = sources.iter().map(|(name, outcome)| ((*name).to_owned(), outcome.clone())).collect();
    let manifest = json!({"apiVersion": API_VERSION, "kind": "Captured", "search": "/bin", "sources": sources});
    std::fs::write(root.join(FILE), manifest.to_string()).expect("write");
}

/// It lies in the tree.
pub(super) fn taken() -> Value {
    json!("taken")
}

/// It was not there.
pub(super) fn absent() -> Value {
    json!("absent")
}

/// The kernel refused it.
pub(super) fn refused() -> Value {
    json!({"failed": "EACCES"})
}

/// It could not be read.
pub(super) fn broken() -> Value {
    json!({"failed": "EIO"})
}
