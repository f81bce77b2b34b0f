//! What `tune` did, as it is told on the Node.

use super::condition::shortened;
use super::event::{Event, Severity, name};
use crate::fact::{Fact, Facts, Problem, Reason, SysctlChange};
use crate::node::Node;
use crate::node::{ConditionType, Key};

/// Whether the node is tuned: something was set in this boot, or is set at each. A pod that is new knows nothing of what
/// the one before it set, but the label does, if it was written in this boot. Where `tune` is not heard, it is not gone.
pub(super) fn label(facts: &Facts, node: &Node, prefix: &str) -> bool {
    if facts.tuned == Fact::Absent {
        return false;
    }
    let written = node.condition(ConditionType::RootlessBuildKit).and_then(|condition| condition.last_heartbeat_time.as_ref());
    let in_this_boot = facts.booted_at.known().is_some_and(|booted| written.is_some_and(|written| written > booted));
    let says_so = facts.tuned.known().is_some_and(|tuned| !tuned.changes.is_empty() || tuned.persisted);
    says_so || (in_this_boot && node.label(prefix, Key::Tuned).is_some())
}

/// What the condition says of it, after what it says of the verdict.
pub(super) fn note(facts: &Facts) -> String {
    let Some(tuned) = facts.tuned.known() else { return String::new() };
    let changes = tuned.changes.iter().map(|change| format!(" tune: {}.", describe(change)));
    changes.chain(tuned.problem.iter().map(|problem| format!(" tune: {}.", plain(&problem.message)))).collect()
}

/// What it did, and whether it came after the Node was last written. The names are the same for the same thing.
pub(super) fn events(facts: &Facts, node: &Node) -> Vec<(Event, bool)> {
    let Some(tuned) = facts.tuned.known() else { return Vec::new() };
    let written = node.condition(ConditionType::RootlessBuildKit).and_then(|condition| condition.last_heartbeat_time.as_deref());
    let is_news = |at: &str| written.is_none_or(|written| at >= written);
    let changes = tuned.changes.iter().map(|change| {
        let name = name(node, &format!("tune {} {} {} {}", change.sysctl, change.from, change.to, change.at));
        let event = Event { name, severity: Severity::Normal, reason: "SysctlSet".into(), message: describe(change) };
        (event, is_news(&change.at))
    });
    let problem = tuned.problem.iter().map(|problem| {
        let name = name(node, &format!("tune {:?} {}", problem.reason, problem.at));
        let message = shortened(plain(&problem.message));
        (Event { name, severity: Severity::Warning, reason: reason(problem).into(), message }, is_news(&problem.at))
    });
    changes.chain(problem).collect()
}

fn describe(change: &SysctlChange) -> String {
    let SysctlChange { sysctl, from, to, .. } = change;
    format!("{sysctl} was set from {from} to {to}")
}

fn reason(problem: &Problem) -> &'static str {
    match problem.reason {
        Reason::Policy => "SysctlLeftByPolicy",
        Reason::TugOfWar => "SysctlTugOfWar",
        Reason::Failed => "SysctlNotSet",
    }
}

/// The text of another container: one line, no more.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::healthy;
    use crate::fact::{Tunable, Tuned};
    use crate::node::{DEFAULT_PREFIX, NodeCondition};
    use crate::publish::{Accept, Canaries, desired};

    fn tuned() -> Tuned {
        let change = |sysctl, from, to| SysctlChange { sysctl, from, to, at: "2026-01-01T10:00:00Z".into() };
        let changes = vec![change(Tunable::UnprivilegedUsernsClone, 0, 1), change(Tunable::MaxUserNamespaces, 0, 63_359)];
        Tuned { changes, ..Tuned::new("boot".into()) }
    }

    fn facts(tuned: Tuned) -> Facts {
        Facts { tuned: Fact::Known(tuned), booted_at: Fact::Known("2026-01-01T09:00:00Z".into()), ..healthy() }
    }

    /// A node as it was written at a time, with the label.
    fn written(at: &str) -> Node {
        let mut node = Node::default();
        let condition = NodeCondition {
            kind: "RootlessBuildKit".into(),
            status: "True".into(),
            last_heartbeat_time: Some(at.into()),
            ..NodeCondition::default()
        };
        node.status.conditions.push(condition);
        node.metadata.labels.insert(Key::Tuned.with(DEFAULT_PREFIX), "true".into());
        node
    }

    #[test]
    fn what_was_set_is_told_in_label_message_and_events() {
        let wanted = desired(&facts(tuned()), Accept::Proven, &Node::default(), DEFAULT_PREFIX, &Canaries::new());
        assert_eq!(wanted.labels.get(&Key::Tuned).map(String::as_str), Some("true"));
        assert!(
            wanted.conditions[0].message.ends_with("user.max_user_namespaces was set from 0 to 63359."),
            "{}",
            wanted.conditions[0].message
        );
        let told: Vec<_> = wanted.events.iter().map(|(event, _)| (event.reason.as_str(), event.message.as_str())).collect();
        assert_eq!(told[0], ("SysctlSet", "kernel.unprivileged_userns_clone was set from 0 to 1"));
        assert_eq!(told.len(), 2);
        assert_ne!(wanted.events[0].0.name, wanted.events[1].0.name);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let events = |at: &str| events(&facts(tuned()), &written(at)).into_iter().filter(|(_, is_news)| *is_news).count();
        assert_eq!((events("2026-01-01T09:59:00Z"), events("2026-01-01T10:00:01Z")), (2, 0));
    }

    #[test]
    fn a_new_pod_keeps_the_label_of_this_boot_alone() {
        let nothing = facts(Tuned::new("boot".into()));
        assert!(label(&nothing, &written("2026-01-01T09:30:00Z"), DEFAULT_PREFIX));
        assert!(!label(&nothing, &written("2026-01-01T08:30:00Z"), DEFAULT_PREFIX), "written before the boot");
        let other = |tuned| Facts { tuned, ..facts(Tuned::new("boot".into())) };
        for silent in [Fact::Denied("not written yet".into()), Fact::Failed("garbage".into())] {
            assert!(label(&other(silent), &written("2026-01-01T09:30:00Z"), DEFAULT_PREFIX));
        }
        assert!(!label(&other(Fact::Absent), &written("2026-01-01T09:30:00Z"), DEFAULT_PREFIX), "nobody tunes this node");
        assert!(label(&facts(Tuned { persisted: true, ..Tuned::new("boot".into()) }), &Node::default(), DEFAULT_PREFIX));
    }

    #[test]
    fn a_problem_is_told_in_one_line_of_decent_length() {
        let problem = Problem { reason: Reason::TugOfWar, message: "a\nb".repeat(2000), at: "2026-01-01T10:00:00Z".into() };
        let facts = facts(Tuned { problem: Some(problem), ..Tuned::new("boot".into()) });
        let wanted = desired(&facts, Accept::Proven, &Node::default(), DEFAULT_PREFIX, &Canaries::new());
        assert!(wanted.conditions[0].message.len() <= 1024 && !wanted.conditions[0].message.contains('\n'));
        assert_eq!((wanted.events[0].0.reason.as_str(), wanted.events[0].0.severity), ("SysctlTugOfWar", Severity::Warning));
        assert!(!wanted.labels.contains_key(&Key::Tuned));
    }
}
