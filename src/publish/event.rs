use super::condition::Condition;
use super::text;
use crate::fact::{Reason, Tunable};
use crate::node::{COMPONENT, ConditionType, Status, View};

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

/// What an event tells of. A Node has at most one event of each topic, whose name is made of the topic: what happens again brings
/// that event up to date. The admission policy lists the names, so what the agent's account can store is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A condition came to have this status.
    Became(ConditionType, Status),
    /// `tune` has set a sysctl.
    Set(Tunable),
    /// `tune` has not set one.
    NotSet(Reason),
}

impl Topic {
    /// All of them.
    pub fn all() -> Vec<Topic> {
        let status = |kind| Status::ALL.map(|status| Topic::Became(kind, status));
        let problems = Reason::ALL.map(Topic::NotSet);
        ConditionType::ALL.into_iter().flat_map(status).chain(Tunable::all().map(Topic::Set)).chain(problems).collect()
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Topic::Became(_, Status::True) | Topic::Set(_) => Severity::Normal,
            Topic::Became(..) | Topic::NotSet(_) => Severity::Warning,
        }
    }

    /// The same in one word: `RootlessBuildKitNotReady`.
    pub fn reason(self) -> String {
        match self {
            Topic::Became(kind, Status::True) => format!("{kind}Ready"),
            Topic::Became(kind, Status::False) => format!("{kind}NotReady"),
            Topic::Became(kind, Status::Unknown) => format!("{kind}Unknown"),
            Topic::Set(_) => "SysctlSet".into(),
            Topic::NotSet(Reason::Policy) => "SysctlLeftByPolicy".into(),
            Topic::NotSet(Reason::TugOfWar) => "SysctlTugOfWar".into(),
            Topic::NotSet(Reason::Failed) => "SysctlNotSet".into(),
        }
    }

    /// The last part of the event's name, as DNS takes it.
    pub fn id(self) -> String {
        let reason = self.reason().to_ascii_lowercase();
        match self {
            Topic::Set(sysctl) => format!("{reason}.{}", sysctl.name().replace('_', "-")),
            Topic::Became(..) | Topic::NotSet(_) => reason,
        }
    }
}

/// What `kubectl describe node` shows of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Of what.
    pub topic: Topic,
    /// When what it tells had not been told yet, RFC 3339 in UTC: an event of this topic that is younger tells it already. So it is
    /// told once, also by an agent that was killed between two requests. None: nothing stood there before, and any event of this
    /// topic tells it, also one that is left of an agent that was taken away and cleaned up after.
    pub since: Option<String>,
    /// What was seen.
    pub message: String,
}

impl Event {
    /// An event whose message is as long as Kubernetes takes it.
    pub(super) fn new(topic: Topic, since: Option<String>, message: impl Into<String>) -> Self {
        Event { topic, since, message: text::message(message) }
    }

    /// Its name, where it is about the Node of this uid.
    pub fn name(&self, uid: &str) -> String {
        format!("{COMPONENT}.{uid}.{}", self.topic.id())
    }

    /// Whether an event of its topic that was told last at this time tells the same change.
    pub fn is_told_by(&self, last: Option<&str>) -> bool {
        // RFC 3339 in UTC: the order of texts is that of times. A change takes longer than the second that both are told in.
        last.is_some_and(|last| self.since.as_deref().is_none_or(|since| last >= since))
    }
}

/// The event of a condition that comes in the place of what stands on the node; none where the status stays.
pub fn event(now: &Condition, node: &View) -> Option<Event> {
    let before = node.condition(now.kind);
    if before.is_some_and(|before| before.status == Some(now.status)) {
        return None;
    }
    let since = before.and_then(|before| before.last_transition_time.clone());
    Some(Event::new(Topic::Became(now.kind, now.status), since, now.short.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{REASON_BYTES, StandingCondition};

    fn standing(status: Status, since: &str) -> View {
        let condition =
            StandingCondition { status: Some(status), last_transition_time: Some(since.into()), ..StandingCondition::default() };
        View { name: "node1".into(), conditions: [(ConditionType::RootlessBuildKit, condition)].into(), ..View::default() }
    }

    fn not_ready() -> Condition {
        Condition::new(ConditionType::RootlessBuildKit, Status::False, "Text".into(), "text".into(), "text".into())
    }

    #[test]
    fn a_change_is_told_by_a_younger_event_alone() {
        let event = |node: &View| event(&not_ready(), node);
        let change = event(&standing(Status::True, "2026-01-02T00:00:00Z")).expect("an event");
        assert_eq!(change.topic.reason(), "RootlessBuildKitNotReady");
        for (last, told) in [(Some("2026-01-02T00:00:09Z"), true), (Some("2026-01-01T00:00:00Z"), false), (None, false)] {
            assert_eq!(change.is_told_by(last), told, "{last:?}");
        }
        assert_eq!(event(&standing(Status::False, "2026-01-01T00:00:00Z")), None, "no change, no event");
        let first = event(&View::default()).expect("the first verdict is told");
        assert!(first.is_told_by(Some("2026-01-01T00:00:00Z")) && !first.is_told_by(None));
    }

    #[test]
    fn each_topic_has_a_name_that_kubernetes_takes() {
        let names: Vec<_> = Topic::all().into_iter().map(|topic| Event::new(topic, None, "").name(&"f".repeat(36))).collect();
        let takes =
            |name: &String| name.len() <= 253 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        assert!(names.iter().all(takes), "{names:?}");
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!((unique.len(), names.len()), (names.len(), 28));
        assert!(Topic::all().into_iter().all(|topic| topic.reason().len() <= REASON_BYTES));
    }
}
