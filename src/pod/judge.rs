//! Which containers run buildkitd, and what is to be said of each.

use super::edit::{self, Edit};
use super::image::{self, Variant};
use super::manifest::Workload;
use super::rules::{Finding, RULES, Weight};
use super::start::Start;
use super::view::View;
use crate::cause::Cause;
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

impl Judged {
    /// The ids of what the object leaves to the node, beside what the proof of its profile is about.
    pub fn needs(&self) -> Vec<&'static str> {
        let is_proven = |finding: &&Finding| self.profile == Profile::Baseline && leaves_to_baseline(finding);
        let needs = self.findings.iter().filter(|finding| finding.weight == Weight::Needs && !is_proven(finding));
        needs.map(|finding| finding.cause).collect()
    }
}

/// No container runs buildkitd, as far as can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBuilder {
    /// The objects, each with its containers.
    pub seen: Vec<String>,
}

/// Changes may uncover what is to be changed next. More rounds than this need none.
const ROUNDS: usize = 6;

/// What a pod of the profile baseline leaves to the node: a canary of that very shape tells what becomes of it.
const OF_BASELINE: [Cause; 2] = [Cause::Seccomp, Cause::ApparmorProfile];

fn leaves_to_baseline(finding: &Finding) -> bool {
    finding.weight == Weight::Needs && OF_BASELINE.iter().any(|cause| cause.id() == finding.cause)
}

/// The profile whose shape is the closest.
fn closest(view: &View, findings: &[Finding]) -> Profile {
    match view.profile() {
        // One that says Unconfined for one of the two is less confined than a canary of baseline.
        Profile::NoProcessSandbox if findings.iter().filter(|finding| leaves_to_baseline(finding)).count() == OF_BASELINE.len() => {
            Profile::Baseline
        }
        profile => profile,
    }
}

/// What the API server is expected to refuse. A pod that it takes has none of it.
fn is_refused(finding: &Finding) -> bool {
    ["invalid-pod", Cause::ProcmountAdmission.id(), Cause::AdmissionPolicy.id()].contains(&finding.cause)
}

/// A container that runs buildkitd, in its object.
#[derive(Clone, Copy, Debug)]
pub struct Builder<'a> {
    /// The object.
    pub workload: &'a Workload,
    number: usize,
}

/// The builders in objects: the container of that name, or all that run buildkitd.
pub fn builders<'a>(workloads: &'a [Workload], container: Option<&str>) -> Result<Vec<Builder<'a>>, NoBuilder> {
    let numbers = |workload: &'a Workload| numbers(workload, container).into_iter().map(move |number| Builder { workload, number });
    let all: Vec<_> = workloads.iter().flat_map(numbers).collect();
    if all.is_empty() {
        let names = |workload: &Workload| containers(workload).map(|container| name(container).to_owned()).collect::<Vec<_>>().join(", ");
        return Err(NoBuilder { seen: workloads.iter().map(|workload| format!("{} ({})", workload.title(), names(workload))).collect() });
    }
    Ok(all)
}

impl<'a> Builder<'a> {
    /// The first container of an object.
    pub fn first(workload: &'a Workload) -> Self {
        Builder { workload, number: 0 }
    }

    /// The same container in a changed version of its object.
    pub fn of<'b>(&self, workload: &'b Workload) -> Builder<'b> {
        Builder { workload, number: self.number }
    }

    /// Judges it as it stands in its object.
    pub fn judge(&self) -> Judged {
        let (edits, rest) = mend(self.workload, self.number);
        self.judged(self.workload, findings(self.workload, self.number), &edits, &rest)
    }

    /// Judges it as the API server gives the object's pod back. Paths and changes are those of the object.
    pub fn judge_returned(&self, pod: &Value) -> Judged {
        let after = self.workload.returned(pod);
        let found = findings(&after, self.number).into_iter().filter(|finding| !is_refused(finding)).collect();
        let (edits, rest) = mend(&after, self.number);
        self.judged(&after, found, &edits, &rest)
    }

    /// The object with all changes that the returned pod asks for; None where there are none, or where they change nothing in it.
    pub fn mended(&self, pod: &Value) -> Option<Workload> {
        let (edits, _) = mend(&self.workload.returned(pod), self.number);
        let mut after = self.workload.clone();
        edits.iter().for_each(|edit| edit.apply(&mut after));
        (after.spec != self.workload.spec || after.annotations != self.workload.annotations).then_some(after)
    }

    fn judged(&self, seen: &Workload, findings: Vec<Finding>, edits: &[Edit], rest: &[Finding]) -> Judged {
        let view = View::new(seen, self.number);
        let has = |weight: Weight| findings.iter().any(|finding| finding.weight == weight);
        let verdict = match () {
            () if has(Weight::Stops) => Ready::NotReady,
            () if has(Weight::Unknown) => Ready::Unknown,
            () => Ready::Ready,
        };
        Judged {
            object: seen.title(),
            namespace: seen.namespace.clone(),
            container: view.name().to_owned(),
            image: view.image.to_owned(),
            variant: view.variant,
            user: view.user(),
            profile: closest(&view, &findings),
            verdict,
            patch: edit::patch(self.workload, edits),
            findings,
            mended: !rest.iter().any(|finding| finding.weight == Weight::Stops),
        }
    }
}

fn containers(workload: &Workload) -> impl Iterator<Item = &Value> {
    workload.spec["containers"].as_array().into_iter().flatten()
}

fn name(container: &Value) -> &str {
    container["name"].as_str().unwrap_or_default()
}

fn numbers(workload: &Workload, wanted: Option<&str>) -> Vec<usize> {
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
