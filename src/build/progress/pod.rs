//! What a pod does, by its status.

use super::failure::Failure;
use crate::build::stages::Stage;
use serde_json::Value;

/// What a pod does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No container runs, and why.
    Waiting(String),
    /// This container of the stages runs.
    Running(usize),
    /// All are done. The last one's termination message.
    Done(String),
    /// It failed.
    Failed(Failure),
}

/// Why a container waits that a user must look at. The kubelet tries again, but seldom with success.
const CANNOT_START: [&str; 9] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "RunContainerError",
];

/// What a container does.
enum State<'a> {
    Waits(&'a str, &'a str),
    Runs,
    Ended { code: i64, reason: &'a str, message: &'a str },
}

/// What the pod of these stages does.
pub fn phase(pod: &Value, stages: &[Stage]) -> Phase {
    let states: Vec<_> = stages.iter().map(|stage| state(pod, &stage.container)).collect();
    let is_done = states.iter().all(|state| matches!(state, Some(State::Ended { code: 0, .. })));
    if let (true, Some(Some(State::Ended { message, .. }))) = (is_done, states.last()) {
        return Phase::Done((*message).to_owned());
    }
    if let Some(failure) = ended(pod) {
        return Phase::Failed(failure);
    }
    for (stage, state) in states.iter().enumerate() {
        match state {
            Some(State::Ended { code: 0, .. }) => {}
            Some(State::Ended { code, reason, message }) => {
                let (reason, message) = ((*reason).to_owned(), (*message).to_owned());
                return Phase::Failed(Failure::Exited { stage, code: *code, reason, message });
            }
            Some(State::Runs) => return Phase::Running(stage),
            Some(State::Waits(reason, message)) if CANNOT_START.contains(reason) => {
                return Phase::Failed(Failure::CannotStart { stage, reason: (*reason).to_owned(), message: (*message).to_owned() });
            }
            Some(State::Waits(reason, message)) => return Phase::Waiting(joined(reason, message)),
            None => break,
        }
    }
    Phase::Waiting(unscheduled(pod))
}

/// The pod was ended by others than its containers. One that is being deleted fails however its containers end.
fn ended(pod: &Value) -> Option<Failure> {
    let status = pod.get("status")?;
    let disruption = condition(status, "DisruptionTarget").filter(|condition| text(condition, "status") == "True");
    let is_deleted = pod.get("metadata").and_then(|metadata| metadata.get("deletionTimestamp")).is_some_and(|time| !time.is_null());
    let has_failed = text(status, "phase") == "Failed";
    match (text(status, "reason"), disruption) {
        ("DeadlineExceeded", _) if has_failed => Some(Failure::TimedOut),
        (reason, _) if has_failed && !reason.is_empty() => {
            Some(Failure::Ended { reason: reason.to_owned(), message: text(status, "message").to_owned() })
        }
        (_, Some(disruption)) if has_failed || is_deleted => {
            Some(Failure::Ended { reason: text(disruption, "reason").to_owned(), message: text(disruption, "message").to_owned() })
        }
        _ if is_deleted => Some(Failure::Ended { reason: "Deleted".into(), message: String::new() }),
        _ => None,
    }
}

/// Why no container has a status yet.
fn unscheduled(pod: &Value) -> String {
    let scheduled = pod.get("status").and_then(|status| condition(status, "PodScheduled"));
    match scheduled.filter(|condition| text(condition, "status") == "False") {
        Some(condition) => joined(text(condition, "reason"), text(condition, "message")),
        None => "Pending".into(),
    }
}

fn joined(reason: &str, message: &str) -> String {
    [reason, message].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status.get("conditions")?.as_array()?.iter().find(|condition| text(condition, "type") == kind)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The state of a container, if the kubelet has told it.
fn state<'a>(pod: &'a Value, container: &str) -> Option<State<'a>> {
    let status = pod.get("status")?;
    let mut all = ["initContainerStatuses", "containerStatuses"].into_iter().filter_map(|list| status.get(list)?.as_array()).flatten();
    let state = all.find(|status| text(status, "name") == container)?.get("state")?;
    if let Some(ended) = state.get("terminated") {
        let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or(-1);
        return Some(State::Ended { code, reason: text(ended, "reason"), message: text(ended, "message") });
    }
    if state.get("running").is_some() {
        return Some(State::Runs);
    }
    state.get("waiting").map(|waiting| State::Waits(text(waiting, "reason"), text(waiting, "message")))
}

#[cfg(test)]
mod tests;
