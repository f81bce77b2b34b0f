//! What `tune` did, as it is told on the Node.

use super::event::{Event, Topic};
use super::said::Said;
use super::verdict::TUNE;
use crate::fact::{Fact, Facts, SysctlChange};
use crate::node::{ConditionType, Key, View};
use crate::text::plain;

/// The longest word of `tune` that is told, in characters.
const LONGEST: usize = 600;

pub(super) fn say(facts: &Facts, node: &View) -> Said {
    let mut said = Said { note: note(facts), events: events(facts, node), ..Said::default() };
    said.label(Key::Tuned, is_tuned(facts, node).then_some("true"));
    said
}

/// Whether the node is tuned: something was set in this boot, or is set at each. A pod that is new knows nothing of what
/// the one before it set, but the label does, if it was written in this boot. Where `tune` is not heard, it is not gone.
fn is_tuned(facts: &Facts, node: &View) -> bool {
    if facts.tuned == Fact::Absent {
        return false;
    }
    let written = node.condition(ConditionType::RootlessBuildKit).and_then(|condition| condition.last_heartbeat_time.as_ref());
    let in_this_boot = facts.booted_at.known().is_some_and(|booted| written.is_some_and(|written| written > booted));
    let says_so = facts.tuned.known().is_some_and(|tuned| !tuned.changes.is_empty() || tuned.persisted);
    says_so || (in_this_boot && node.label(Key::Tuned).is_some())
}

/// What the condition says of it, after what it says of the verdict.
fn note(facts: &Facts) -> String {
    let Some(tuned) = facts.tuned.known() else { return String::new() };
    let changes = tuned.changes.iter().map(|change| format!("{TUNE}{}.", describe(change)));
    changes.chain(tuned.problem.iter().map(|problem| format!("{TUNE}{}.", plain(&problem.message, LONGEST)))).collect()
}

/// What it did, and whether it came after the Node was last written.
fn events(facts: &Facts, node: &View) -> Vec<(Event, bool)> {
    let Some(tuned) = facts.tuned.known() else { return Vec::new() };
    let written = node.condition(ConditionType::RootlessBuildKit).and_then(|condition| condition.last_heartbeat_time.as_deref());
    let is_news = |at: &str| written.is_none_or(|written| at >= written);
    let changes = tuned.changes.iter().map(|change| {
        let event = Event::new(Topic::Set(change.sysctl), Some(change.at.clone()), describe(change));
        (event, is_news(&change.at))
    });
    let problem = tuned.problem.iter().map(|problem| {
        let event = Event::new(Topic::NotSet(problem.reason), Some(problem.at.clone()), plain(&problem.message, LONGEST));
        (event, is_news(&problem.at))
    });
    changes.chain(problem).collect()
}

fn describe(change: &SysctlChange) -> String {
    let SysctlChange { sysctl, from, to, .. } = change;
    format!("{sysctl} was set from {from} to {to}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::healthy;
    use crate::fact::{Problem, Reason, Tunable, Tuned};
    use crate::node::{Observation, StandingCondition, Status};
    use crate::profile::Profile;
    use crate::publish::{Accept, Canaries, Desired, Verdicts, desired};

    fn tuned() -> Tuned {
        let change = |sysctl, from, to| SysctlChange { sysctl, from, to, at: "2026-01-01T10:00:00Z".into() };
        let changes = vec![change(Tunable::UNPRIVILEGED_USERNS_CLONE, 0, 1), change(Tunable::MAX_USER_NAMESPACES, 0, 63_359)];
        Tuned { changes, ..Tuned::new("boot".into()) }
    }

    fn facts(tuned: Tuned) -> Facts {
        Facts { tuned: Fact::Known(tuned), booted_at: Fact::Known("2026-01-01T09:00:00Z".into()), ..healthy() }
    }

    /// A node as it was written at a time, with the label.
    fn written(at: &str) -> View {
        let condition =
            StandingCondition { status: Some(Status::True), last_heartbeat_time: Some(at.into()), ..StandingCondition::default() };
        View {
            conditions: [(ConditionType::RootlessBuildKit, condition)].into(),
            ours: [(Key::Tuned, "true".into())].into(),
            ..View::default()
        }
    }

    fn wanted(facts: Facts) -> Desired {
        let seen = Observation::new(facts, &View::default());
        let verdicts = Verdicts::of(&seen, Profile::NoProcessSandbox);
        desired(&seen, &verdicts, &View::default(), Accept::Proven, &Canaries::new())
    }

    #[test]
    fn what_was_set_is_told_in_label_message_and_events() {
        let wanted = wanted(facts(tuned()));
        assert_eq!(wanted.labels.get(&Key::Tuned).map(String::as_str), Some("true"));
        assert!(
            wanted.conditions[0].message.ends_with("user.max_user_namespaces was set from 0 to 63359."),
            "{}",
            wanted.conditions[0].message
        );
        let told: Vec<_> = wanted.events.iter().map(|(event, _)| (event.topic.reason(), event.message.as_str())).collect();
        assert_eq!(told[0], ("SysctlSet".to_owned(), "kernel.unprivileged_userns_clone was set from 0 to 1"));
        assert_eq!(told.len(), 2);
        assert_ne!(wanted.events[0].0.topic, wanted.events[1].0.topic);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let events = |at: &str| events(&facts(tuned()), &written(at)).into_iter().filter(|(_, is_news)| *is_news).count();
        assert_eq!((events("2026-01-01T09:59:00Z"), events("2026-01-01T10:00:01Z")), (2, 0));
    }

    #[test]
    fn a_new_pod_keeps_the_label_of_this_boot_alone() {
        let nothing = facts(Tuned::new("boot".into()));
        assert!(is_tuned(&nothing, &written("2026-01-01T09:30:00Z")));
        assert!(!is_tuned(&nothing, &written("2026-01-01T08:30:00Z")), "written before the boot");
        let other = |tuned| Facts { tuned, ..facts(Tuned::new("boot".into())) };
        for silent in [Fact::Denied("not written yet".into()), Fact::Failed("garbage".into())] {
            assert!(is_tuned(&other(silent), &written("2026-01-01T09:30:00Z")));
        }
        assert!(!is_tuned(&other(Fact::Absent), &written("2026-01-01T09:30:00Z")), "nobody tunes this node");
        assert!(is_tuned(&facts(Tuned { persisted: true, ..Tuned::new("boot".into()) }), &View::default()));
    }

    #[test]
    fn a_problem_is_told_in_one_line_of_decent_length() {
        let problem = Problem { reason: Reason::TugOfWar, message: "a\nb".repeat(2000), at: "2026-01-01T10:00:00Z".into() };
        let facts = facts(Tuned { problem: Some(problem), ..Tuned::new("boot".into()) });
        let wanted = wanted(facts);
        assert!(wanted.conditions[0].message.len() <= 1024 && !wanted.conditions[0].message.contains('\n'));
        assert_eq!((wanted.events[0].0.topic, wanted.events[0].0.message.contains('\n')), (Topic::NotSet(Reason::TugOfWar), false));
        assert!(!wanted.labels.contains_key(&Key::Tuned));
    }
}
