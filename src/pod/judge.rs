//! Which containers run buildkitd, and what is to be said of each.

use super::edit::{self, Edit};
use super::image::{self, Variant};
use super::manifest::Workload;
use super::rules::{Finding, RULES, Weight};
use super::start::Start;
use super::view::View;
use crate::check::Ready;
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What is said of one builder.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// The object: `Deployment/buildkitd`.
    pub object: String,
    /// The namespace, where the object says one.
    pub namespace: Option<String>,
    /// The container's name.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Which of BuildKit's images that is, by its name.
    pub variant: Variant,
    /// The user, where the object or the image says it.
    pub user: Option<u64>,
    /// The profile whose shape is the closest: on nodes with its label `ready` a builder of that very shape works.
    pub profile: Profile,
    /// Not ready where something in the object stops builds on every node, unknown where the object does not say enough. Ready says
    /// nothing of nodes.
    pub verdict: Ready,
    /// What there is to say, in the order in which a builder would come to it.
    pub findings: Vec<Finding>,
    /// A strategic merge patch of the object that removes all that stops builds and can be removed so; null where nothing stops them.
    pub patch: Option<Value>,
    /// Whether nothing stops builds in the patched object.
    pub mended: bool,
}

/// No container runs buildkitd, as far as can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBuilder {
    /// The objects, each with its containers.
    pub seen: Vec<String>,
}

/// Changes may uncover what is to be changed next. More rounds than this need none.
const ROUNDS: usize = 6;

/// Judges the builders in objects: the container of that name, or all that run buildkitd.
pub fn judge(workloads: &[Workload], container: Option<&str>) -> Result<Vec<Judged>, NoBuilder> {
    let mut judged = Vec::new();
    for workload in workloads {
        for number in builders(workload, container) {
            judged.push(one(workload, number));
        }
    }
    if judged.is_empty() {
        let names = |workload: &Workload| containers(workload).map(|container| name(container).to_owned()).collect::<Vec<_>>().join(", ");
        return Err(NoBuilder { seen: workloads.iter().map(|workload| format!("{} ({})", workload.title(), names(workload))).collect() });
    }
    Ok(judged)
}

fn containers(workload: &Workload) -> impl Iterator<Item = &Value> {
    workload.spec["containers"].as_array().into_iter().flatten()
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or_default()
}

fn builders(workload: &Workload, wanted: Option<&str>) -> Vec<usize> {
    let is_builder = |number: usize, container: &Value| match wanted {
        Some(wanted) => name(container) == wanted,
        None => {
            let view = View::new(workload, number);
            // buildctl alone is a client.
            let is_client = view.start == Start::Later && view.words.first().is_some_and(|word| word.ends_with("buildctl"));
            let starts = !matches!(view.start, Start::Later | Start::Entrypoint);
            starts || (image::names_buildkit(view.image) && !is_client)
        }
    };
    containers(workload).enumerate().filter(|(number, container)| is_builder(*number, container)).map(|(number, _)| number).collect()
}

fn findings(workload: &Workload, number: usize) -> Vec<Finding> {
    let view = View::new(workload, number);
    RULES.iter().flat_map(|rule| rule(&view)).collect()
}

fn one(workload: &Workload, number: usize) -> Judged {
    let view = View::new(workload, number);
    let found = findings(workload, number);
    let (edits, rest) = mend(workload, number);
    let has = |weight: Weight| found.iter().any(|finding| finding.weight == weight);
    let verdict = match () {
        () if has(Weight::Stops) => Ready::NotReady,
        () if has(Weight::Unknown) => Ready::Unknown,
        () => Ready::Ready,
    };
    Judged {
        object: workload.title(),
        namespace: workload.namespace.clone(),
        container: view.name().to_owned(),
        image: view.image.to_owned(),
        variant: view.variant,
        user: view.user(),
        profile: view.profile(),
        verdict,
        findings: found,
        patch: edit::patch(workload, &edits),
        mended: !rest.iter().any(|finding| finding.weight == Weight::Stops),
    }
}

/// All changes, and what is found after them.
fn mend(workload: &Workload, number: usize) -> (Vec<Edit>, Vec<Finding>) {
    let (mut after, mut edits) = (workload.clone(), Vec::new());
    for _ in 0..ROUNDS {
        let found = findings(&after, number);
        let stopping = found.iter().filter(|finding| finding.weight == Weight::Stops);
        let next: Vec<Edit> = stopping.flat_map(|finding| finding.edits.clone()).filter(|edit| !edits.contains(edit)).collect();
        if next.is_empty() {
            break;
        }
        next.iter().for_each(|edit| edit.apply(&mut after));
        edits.extend(next);
    }
    let rest = findings(&after, number);
    (edits, rest)
}
