use super::condition::Condition;
use crate::node::{Status, View};

/// How bad an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// All is well.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Severity {
    /// `type` of an Event.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        }
    }
}

/// What `kubectl describe node` shows of a change of the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// A name that is the same for the same change, so that it is told once even by an agent that was killed
    /// between two requests: the API server refuses the second one.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it says in one word: `RootlessBuildKitNotReady`.
    pub reason: String,
    /// What was seen.
    pub message: String,
}

/// The event of a condition that comes in the place of what stands on the node; none where the status stays.
pub fn event(now: &Condition, node: &View) -> Option<Event> {
    let before = node.condition(now.kind);
    if before.is_some_and(|before| before.status == Some(now.status)) {
        return None;
    }
    let (severity, word) = match now.status {
        Status::True => (Severity::Normal, "Ready"),
        Status::False => (Severity::Warning, "NotReady"),
        Status::Unknown => (Severity::Warning, "Unknown"),
    };
    let since = before.and_then(|before| before.last_transition_time.as_deref()).unwrap_or("never");
    let name = name(node, &format!("{} {since} {}", now.kind, now.status));
    Some(Event { name, severity, reason: format!("{}{word}", now.kind), message: now.short.clone() })
}

/// The name of an event about a node: one for each thing that can be told.
pub(super) fn name(node: &View, what: &str) -> String {
    let change = format!("{} {what}", node.uid);
    format!("{}.{:016x}", shortened(&node.name), fnv1a(change.as_bytes()))
}

/// An event's name may have 253 bytes, and so may a node's.
fn shortened(name: &str) -> &str {
    name.get(..230).unwrap_or(name).trim_end_matches(['.', '-'])
}

/// A hash that stays the same from build to build (FNV-1a, 64 bits).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{ConditionType, StandingCondition};

    fn standing(status: Status, since: &str) -> View {
        let condition =
            StandingCondition { status: Some(status), last_transition_time: Some(since.into()), ..StandingCondition::default() };
        View { name: "node1".into(), conditions: [(ConditionType::RootlessBuildKit, condition)].into(), ..View::default() }
    }

    fn not_ready() -> Condition {
        let text = || "text".to_owned();
        Condition { kind: ConditionType::RootlessBuildKit, status: Status::False, reason: text(), message: text(), short: text() }
    }

    #[test]
    fn one_change_has_one_name_and_the_next_another() {
        let name = |node: &View| event(&not_ready(), node).map(|event| event.name);
        let first = name(&standing(Status::True, "2026-01-01T00:00:00Z")).expect("an event");
        assert_eq!(name(&standing(Status::True, "2026-01-01T00:00:00Z")), Some(first.clone()));
        assert_ne!(name(&standing(Status::True, "2026-01-02T00:00:00Z")), Some(first));
        assert_eq!(name(&standing(Status::False, "2026-01-01T00:00:00Z")), None, "no change, no event");
        assert!(name(&View::default()).is_some(), "the first verdict is told");
    }

    #[test]
    fn the_name_of_an_event_is_not_too_long() {
        let mut node = standing(Status::True, "");
        node.name = format!("{}.example", "a".repeat(245));
        assert!(event(&not_ready(), &node).is_some_and(|event| event.name.len() <= 253));
    }
}
