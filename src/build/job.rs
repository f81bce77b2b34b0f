//! The Job of a plan, and the Secret that it owns.

use super::credentials::Home;
use super::plan::Plan;
use crate::profile::Profile;
use serde_json::Value;

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

/// What runs in a container of the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// It puts the credentials where they are found.
    Credentials,
    /// It fetches a source.
    Source,
    /// It is a step.
    Step,
}

/// A container of the pod, in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The container's name.
    pub container: String,
    /// What it is called in messages: the container's name without `build-step-`.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What it does.
    pub kind: StageKind,
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
    /// What the Secret has, by its keys.
    data: Vec<(String, Vec<u8>)>,
    namespace: String,
}

impl Made {
    /// The Secret of that Job, if it needs one.
    pub fn secret(&self, job_uid: &str) -> Option<Value> {
        todo!()
    }
}

/// The Job of a plan.
pub fn job(plan: &Plan, home: &Home, options: &JobOptions) -> Made {
    todo!()
}
