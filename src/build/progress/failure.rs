//! Why a build failed.

use crate::build::stages::{Stage, StageKind};
use serde_json::Value;

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
    /// The pod was ended from outside: evicted, preempted, deleted, a node that is shut down.
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

/// What Kubernetes calls a container that used more memory than it may.
const OUT_OF_MEMORY: &str = "OOMKilled";

impl Failure {
    /// Says it in one sentence.
    pub fn text(&self, stages: &[Stage]) -> String {
        let more = |message: &str| match last_line(message) {
            "" => String::new(),
            line => format!(": {line}"),
        };
        match self {
            Failure::Exited { stage, code, reason, message } => {
                let (what, image) = described(stages, *stage);
                let memory = if reason == OUT_OF_MEMORY { ": it used more memory than its limit" } else { "" };
                format!("{what} exited with code {code} (image: {image}){memory}{}", more(message))
            }
            Failure::TimedOut => "the build timed out".into(),
            Failure::Ended { reason, message } => format!("the pod was ended from outside ({reason}){}", more(message)),
            Failure::CannotStart { stage, reason, message } => {
                let (what, image) = described(stages, *stage);
                format!("{what} cannot start (image: {image}): {reason}{}", more(message))
            }
        }
    }
}

/// A container as Knative called it, and its image.
fn described(stages: &[Stage], index: usize) -> (String, &str) {
    match stages.get(index) {
        Some(Stage { container, image, kind: StageKind::Step, .. }) => (format!("build step \"{container}\""), image),
        Some(Stage { container, image, kind: StageKind::Source, .. }) => (format!("source \"{container}\""), image),
        Some(Stage { container, image, kind: StageKind::Credentials, .. }) => (format!("container \"{container}\""), image),
        None => ("a container".into(), "unknown"),
    }
}

/// A tool says last why it failed.
fn last_line(message: &str) -> &str {
    message.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// Why a Job failed, if it did. Where it is only that its pod failed, the pod knows more.
pub fn job_failure(job: &Value) -> Option<Failure> {
    let text = |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let conditions = job.get("status")?.get("conditions")?.as_array()?;
    // The first says it before the pods have ended.
    let failed = conditions
        .iter()
        .find(|condition| ["FailureTarget", "Failed"].contains(&text(condition, "type").as_str()) && text(condition, "status") == "True")?;
    match text(failed, "reason").as_str() {
        "DeadlineExceeded" => Some(Failure::TimedOut),
        reason => Some(Failure::Ended { reason: reason.to_owned(), message: text(failed, "message") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stages() -> Vec<Stage> {
        let stage =
            |name: &str, kind| Stage { container: format!("build-step-{name}"), name: name.into(), image: "r.example/a".into(), kind };
        vec![stage("git-source-0", StageKind::Source), stage("build-and-push", StageKind::Step)]
    }

    #[test]
    fn a_failure_is_one_sentence() {
        let exited =
            |stage, reason: &str, message: &str| Failure::Exited { stage, code: 128, reason: reason.into(), message: message.into() };
        let (reason, message) = ("ErrImagePull".to_owned(), "not found\n".to_owned());
        for (failure, text) in [
            (exited(1, "Error", ""), "build step \"build-step-build-and-push\" exited with code 128 (image: r.example/a)"),
            (
                exited(0, "Error", "Cloning\nfatal: no such ref\n\n"),
                "source \"build-step-git-source-0\" exited with code 128 (image: r.example/a): fatal: no such ref",
            ),
            (
                exited(1, "OOMKilled", ""),
                "build step \"build-step-build-and-push\" exited with code 128 (image: r.example/a): it used more memory than its limit",
            ),
            (exited(9, "Error", ""), "a container exited with code 128 (image: unknown)"),
            (Failure::TimedOut, "the build timed out"),
            (
                Failure::CannotStart { stage: 1, reason, message },
                "build step \"build-step-build-and-push\" cannot start (image: r.example/a): ErrImagePull: not found",
            ),
            (
                Failure::Ended { reason: "Evicted".into(), message: "low on memory".into() },
                "the pod was ended from outside (Evicted): low on memory",
            ),
        ] {
            assert_eq!(failure.text(&stages()), text);
        }
    }

    #[test]
    fn a_job_says_why_it_failed() {
        let job = |kind: &str, status: &str, reason: &str| json!({"status": {"conditions": [{"type": "Suspended", "status": "False"}, {"type": kind, "status": status, "reason": reason, "message": "m"}]}});
        let ended = Failure::Ended { reason: "BackoffLimitExceeded".into(), message: "m".into() };
        for (job, failure) in [
            (job("Failed", "True", "DeadlineExceeded"), Some(Failure::TimedOut)),
            (job("FailureTarget", "True", "DeadlineExceeded"), Some(Failure::TimedOut)),
            (job("Failed", "True", "BackoffLimitExceeded"), Some(ended)),
            (job("Failed", "False", "DeadlineExceeded"), None),
            (job("Complete", "True", ""), None),
            (json!({}), None),
            (json!({"status": {"conditions": {}}}), None),
        ] {
            assert_eq!(job_failure(&job), failure, "{job}");
        }
    }
}
