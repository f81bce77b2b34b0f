//! What all objects begin with: version, kind and metadata.

use crate::build::fields::{Cursor, Fields};
use crate::build::near::did_you_mean;
use crate::yaml::{Given, Invalid};
use std::collections::BTreeMap;

/// The only version there ever was.
const API_VERSION: &str = "build.knative.dev/v1alpha1";

/// Fields of an object of the cluster.
const OBJECT: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What is looked at of the metadata.
const METADATA: [&str; 5] = ["name", "generateName", "namespace", "labels", "annotations"];

/// What the API server adds, which `kubectl get -o yaml` prints too.
const OF_THE_SERVER: [&str; 10] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// An object's head.
pub(super) struct Head<'a> {
    pub(super) kind: Given<String>,
    pub(super) name: Given<String>,
    pub(super) namespace: Option<Given<String>>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) spec: Cursor<'a>,
}

/// Reads the head of an object that must be of one of these kinds.
pub(super) fn head<'a>(object: &Cursor<'a>, kinds: &[&str]) -> Result<Head<'a>, Invalid> {
    let loose = object.object()?;
    let version = loose.need("apiVersion")?.text()?;
    if version.value != API_VERSION {
        let near = did_you_mean(&version.value, [API_VERSION]);
        return Err(version.spot.invalid(format!("expected {API_VERSION}, but it is `{}`{near}", version.value)));
    }
    let kind = loose.need("kind")?.text()?;
    if !kinds.contains(&kind.value.as_str()) {
        let near = did_you_mean(&kind.value, kinds.iter().copied());
        return Err(kind.spot.invalid(format!("expected {}, but it is `{}`{near}", kinds.join(" or "), kind.value)));
    }
    let fields = object.fields(&OBJECT)?;
    let known: Vec<_> = METADATA.iter().chain(&OF_THE_SERVER).copied().collect();
    let metadata = fields.need("metadata")?.fields(&known)?;
    Ok(Head {
        kind,
        name: name(&metadata)?,
        namespace: metadata.word("namespace")?,
        labels: metadata.texts("labels")?,
        annotations: metadata.texts("annotations")?,
        spec: fields.need("spec")?,
    })
}

/// Its name, or the beginning of one that is made up.
fn name(metadata: &Fields<'_>) -> Result<Given<String>, Invalid> {
    let beginning = match metadata.word("name")? {
        Some(name) => return Ok(name),
        None => metadata.word("generateName")?,
    };
    let beginning = beginning.ok_or_else(|| metadata.spot.invalid("the field `name` is missing"))?;
    Ok(Given { value: beginning.value.trim_end_matches('-').to_owned(), ..beginning })
}
