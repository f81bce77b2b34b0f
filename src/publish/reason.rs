//! The reasons that stand in conditions and events, with what each means and what to do about it.

use super::event::Severity;
use super::text::camel_case;
use crate::cause::Cause;
use crate::node::Status;

/// The reason of a condition that no [`Cause`] stands for. The agent reads its own reasons back from the Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum Reason {
    /// A builder works, proven by the probe or a real build in the shape of its pod.
    Proven,
    /// A builder works, but the probe ran in another place.
    Probed,
    /// Nothing is wrong, but too little was tried.
    NotProven,
    /// The verdict is unknown.
    Unknown,
    /// A builder does not work, and no cause is named.
    NotReady,
    /// No canary is deployed any more.
    NoCanary,
    /// No pod can prove the profile here.
    NotProvable,
    /// The canary has not answered yet.
    CanaryAwaited,
    /// The canary's pod can't be made.
    CanaryNotStarted,
    /// The canary should have answered.
    CanarySilent,
}

/// A row of the table of reasons.
#[derive(Clone, Copy, Debug)]
pub struct ReasonRow {
    /// Which.
    pub reason: Reason,
    /// With which status it stands.
    pub statuses: &'static [Status],
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub action: &'static str,
}

/// What each reason without a cause means.
pub const REASONS: &[ReasonRow] = &[
    ReasonRow {
        reason: Reason::Proven,
        statuses: &[Status::True],
        means: "The probe (with `--prove build`, a real build) ran in the shape of the builder's pod, and all steps worked.",
        action: "Nothing.",
    },
    ReasonRow {
        reason: Reason::Probed,
        statuses: &[Status::True],
        means: "The probe worked, but not in the shape of the builder's pod. Only `agent --evidence probed` publishes that.",
        action: "Nothing, for an agent that runs outside of a pod. In a cluster, deploy the agent with `render agent`.",
    },
    ReasonRow {
        reason: Reason::NotProven,
        statuses: &[Status::Unknown],
        means: "The facts look good, but no probe completed, or the probe did not run in the shape of the builder's pod.",
        action: "Compare the agent's pod with what `render agent` prints, and read the agent's log.",
    },
    ReasonRow {
        reason: Reason::Unknown,
        statuses: &[Status::Unknown],
        means: "The agent could not tell, and the message says why: a fact can't be read, the probe did not end in its time, memory or \
                processes are short.",
        action: "Wait: the agent looks again after seconds. If the reason stays, do what the message says.",
    },
    ReasonRow {
        reason: Reason::NotReady,
        statuses: &[Status::False],
        means: "A builder does not work, and no cause is named.",
        action: "Run `check --format json` in such a pod, and report the output.",
    },
    ReasonRow {
        reason: Reason::NoCanary,
        statuses: &[Status::Unknown],
        means: "The canary of this profile was deployed once and is not deployed any more.",
        action: "Deploy the canary again (`render agent --canary`), or remove label and condition with `cleanup`.",
    },
    ReasonRow {
        reason: Reason::NotProvable,
        statuses: &[Status::Unknown],
        means: "A builder may work here, but a canary would not start: the kernel is older than Linux 6.3, or the kubelet than 1.30.",
        action: "Upgrade the node's kernel or kubelet, or use another profile.",
    },
    ReasonRow {
        reason: Reason::CanaryAwaited,
        statuses: &[Status::Unknown],
        means: "The agent is waiting for the canary's pod to report.",
        action: "Wait for two minutes (`agent --canary-patience`).",
    },
    ReasonRow {
        reason: Reason::CanaryNotStarted,
        statuses: &[Status::False],
        means: "The runtime or the kubelet could not make the canary's pod. A builder's pod would not start either.",
        action: "Read the runtime's error in the message, and the events of the pod: `kubectl describe pod -n buildkit-preflight`.",
    },
    ReasonRow {
        reason: Reason::CanarySilent,
        // A status that stood before stays while the agent waits for the pod once more.
        statuses: &[Status::Unknown],
        means: "The canary did not report in time, for a reason that a builder need not have: no image, no room, a quota.",
        action: "See the canary's DaemonSet and pod in the namespace of the agent; the message has the reason that Kubernetes gives.",
    },
];

/// A row of the table of events.
#[derive(Clone, Copy, Debug)]
pub struct EventRow {
    /// The event's reason; `TYPE` stands for a condition's type.
    pub reason: &'static str,
    /// The event's type.
    pub severity: Severity,
    /// What it tells.
    pub means: &'static str,
}

/// The events about a Node.
pub const EVENTS: &[EventRow] = &[
    EventRow { reason: "TYPEReady", severity: Severity::Normal, means: "The condition is `True` now." },
    EventRow { reason: "TYPENotReady", severity: Severity::Warning, means: "The condition is `False` now; the message has the cause." },
    EventRow { reason: "TYPEUnknown", severity: Severity::Warning, means: "The condition is `Unknown` now; the message says why." },
    EventRow { reason: "SysctlSet", severity: Severity::Normal, means: "`tune` set a sysctl, from and to which value." },
    EventRow {
        reason: "SysctlLeftByPolicy",
        severity: Severity::Warning,
        means: "`tune` leaves a sysctl alone: a file of sysctl.d sets it to 0.",
    },
    EventRow {
        reason: "SysctlTugOfWar",
        severity: Severity::Warning,
        means: "`tune` leaves a sysctl alone for an hour: another process reset it three times in ten minutes.",
    },
    EventRow { reason: "SysctlNotSet", severity: Severity::Warning, means: "`tune` could not set a sysctl; the message says why." },
];

/// The reason of a condition that a cause decided: `UsernsMax0`.
pub fn reason_of(cause: Cause) -> String {
    camel_case(cause.id())
}

#[cfg(test)]
mod tests {
    use super::super::Topic;
    use super::*;
    use std::collections::BTreeSet;
    use strum::VariantArray;

    #[test]
    fn each_reason_has_one_row_and_none_is_a_causes() {
        let rows: Vec<_> = REASONS.iter().map(|row| row.reason).collect();
        assert_eq!(rows, Reason::VARIANTS);
        for row in REASONS {
            assert_eq!(row.reason.to_string().parse(), Ok(row.reason));
            assert!(!row.statuses.is_empty() && row.means.ends_with('.') && row.action.ends_with('.'), "{}", row.reason);
            assert!(Cause::ALL.iter().all(|cause| reason_of(*cause) != row.reason.to_string()), "{}", row.reason);
        }
    }

    #[test]
    fn each_event_has_a_row_and_each_row_an_event() {
        let generic = |topic: Topic| match topic {
            Topic::Became(kind, _) => topic.reason().replace(kind.name(), "TYPE"),
            Topic::Set(_) | Topic::NotSet(_) => topic.reason(),
        };
        let told: BTreeSet<_> = Topic::all().into_iter().map(|topic| (generic(topic), topic.severity().name())).collect();
        let rows: BTreeSet<_> = EVENTS.iter().map(|row| (row.reason.to_owned(), row.severity.name())).collect();
        assert_eq!(told, rows);
    }
}
