//! The Job of a plan, and the Secret that it owns.

mod affinity;
mod containers;
mod own;
mod secret;

use super::credentials::Home;
use super::plan::Plan;
use super::stages::{self, Stage};
use super::validate::LONGEST_LABEL;
use crate::profile::{BUILDER_UID, Profile};
use secret::Secrets;
use serde_json::{Map, Value, json};

pub(super) use own::{SECRETS_DIRECTORY, TLS_DIRECTORY, restricted};

/// The Job is deleted so many seconds after its end, if nobody does it before.
const KEPT: u64 = 3600;

/// Steps end at once or not at all: most are a shell that no signal ends.
const GRACE: u64 = 5;

/// What is not of the Build itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOptions {
    /// Where it runs.
    pub namespace: String,
    /// Makes its name the only one: some lower case letters and digits.
    pub suffix: String,
    /// Nodes must be ready for it.
    pub profile: Profile,
    /// The prefix of the nodes' labels.
    pub prefix: String,
    /// The image with sh, git and ssh that fetches sources.
    pub git_image: String,
}

/// Objects to be created: the Job first, then the Secret with the Job's UID.
#[derive(Clone, PartialEq, Eq)]
pub struct Made {
    /// The name of the Job and of its Secret.
    pub name: String,
    /// The Job.
    pub job: Value,
    /// Its containers.
    pub stages: Vec<Stage>,
    namespace: String,
    secrets: Secrets,
}

impl Made {
    /// The Secret of that Job, if it needs one.
    pub fn secret(&self, job_uid: &str) -> Option<Value> {
        self.secrets.object(&self.name, &self.namespace, job_uid)
    }
}

/// The Job of a plan.
pub fn job(plan: &Plan, home: &Home, options: &JobOptions) -> Made {
    let build = &plan.build;
    let name = name(&build.name.value, &options.suffix);
    let secrets = Secrets::of(home, &plan.files);
    let (stages, mut containers) = containers::all(plan, home, &options.git_image);
    let main = containers.pop();
    let labels = labels(plan);
    let mut annotations: Map<_, _> = build.annotations.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    let mut spec = json!({
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "securityContext": {
            "fsGroup": BUILDER_UID,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": affinity::with_ready_nodes(build.affinity.as_ref(), options.profile, &options.prefix),
        "initContainers": containers,
        "containers": main.into_iter().collect::<Vec<_>>(),
        "volumes": containers::volumes(plan, &name, &secrets),
    });
    let mut set = |field: &str, value: Value| spec[field] = value;
    if let Some(account) = &build.service_account {
        set("serviceAccountName", account.value.as_str().into());
    }
    if !build.node_selector.is_empty() {
        set("nodeSelector", json!(build.node_selector));
    }
    if !plan.token {
        set("automountServiceAccountToken", false.into());
    }
    let mut of_pod = annotations.clone();
    // A proxy beside the steps would keep the pod from ending.
    of_pod.insert("sidecar.istio.io/inject".into(), "false".into());
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": options.namespace, "labels": labels, "annotations": annotations},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": build.timeout,
            "ttlSecondsAfterFinished": KEPT,
            "template": {"metadata": {"labels": labels, "annotations": of_pod}, "spec": spec},
        },
    });
    Made { name, job, stages, namespace: options.namespace.clone(), secrets }
}

/// A name that no other run of the Build has.
fn name(build: &str, suffix: &str) -> String {
    let most = LONGEST_LABEL - 1 - suffix.len();
    // A label of DNS has one byte for each character.
    let start = build.get(..most).unwrap_or(build).trim_end_matches('-');
    format!("{start}-{suffix}")
}

/// The labels of Job and pod.
fn labels(plan: &Plan) -> Map<String, Value> {
    let build = &plan.build;
    let mut labels: Map<_, _> = build.labels.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    for (key, value) in [(stages::BUILD_LABEL, build.name.value.as_str()), ("app.kubernetes.io/managed-by", "buildkit-preflight")] {
        labels.insert(key.into(), value.into());
    }
    labels
}

#[cfg(test)]
mod tests;
