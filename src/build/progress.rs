//! What goes on, by what a pod's status and buildctl's lines say.

use super::job::Stage;
use serde_json::Value;

/// What a pod does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No container runs yet, and why.
    Waiting(String),
    /// This container of the stages runs.
    Running(usize),
    /// All are done. The last one's termination message.
    Done(String),
    /// It failed.
    Failed(Failure),
}

/// Why a build failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A container ended with an exit code.
    Exited {
        /// Its index in the stages.
        stage: usize,
        /// Its code.
        code: i64,
        /// Why, in the words of Kubernetes: `Error`, `OOMKilled`.
        reason: String,
        /// Its termination message.
        message: String,
    },
    /// Its time was up.
    TimedOut,
    /// The kubelet or the scheduler ended the pod: evicted, preempted, a node that is shut down.
    Ended {
        /// Why, in the words of Kubernetes.
        reason: String,
        /// More of it.
        message: String,
    },
    /// It can't start: an image that can't be pulled, a Secret that is missing.
    CannotStart {
        /// The container's index in the stages.
        stage: usize,
        /// Why, in the words of Kubernetes.
        reason: String,
        /// More of it.
        message: String,
    },
}

impl Failure {
    /// Says it in one sentence.
    pub fn text(&self, stages: &[Stage]) -> String {
        todo!()
    }
}

/// What the pod of these stages does.
pub fn phase(pod: &Value, stages: &[Stage]) -> Phase {
    todo!()
}

/// The digest in the termination message of a generated step.
pub fn reported_digest(message: &str) -> Option<String> {
    todo!()
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The image's name, where it was pushed.
    pub image: Option<String>,
    /// Its digest.
    pub digest: String,
}

/// Looks for digests in what buildctl prints with `--progress=plain`.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    pushed: Vec<Pushed>,
    exported: Option<String>,
}

impl Digests {
    /// One more line.
    pub fn line(&mut self, line: &str) {
        todo!()
    }

    /// What was pushed, or else made: the last of it.
    pub fn found(&self) -> Option<Pushed> {
        todo!()
    }
}
