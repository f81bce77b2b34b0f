//! What the default profile's agent says of the profiles that canaries prove.
//!
//! Label and condition of such a profile belong to its canary. The agent speaks where none can: on a node that can't run one, and
//! of one that does not answer. It falls silent once the canary has spoken.

use super::condition::{Condition, Status, condition, shortened};
use super::labels::Accept;
use super::names::{ConditionType, Key, component};
use super::node::Node;
use crate::check::{Candidacy, Profile, Ready, Verdict, candidacy};
use crate::fact::Facts;
use std::collections::BTreeMap;

/// How the canary of a profile stands on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// What stands on the Node is its word, and it is not too old.
    Answered,
    /// It has not answered yet, or not again, and there is time.
    Awaited,
    /// It should have answered, in so many seconds.
    Silent(u64),
}

/// The canaries that are deployed; of the others nothing is said.
pub type Canaries = BTreeMap<Profile, Canary>;

/// What is said of a profile, and on what condition.
pub(super) struct Word {
    pub(super) ready: Ready,
    pub(super) condition: Condition,
}

/// Whether a canary is sent to this node.
pub(super) fn is_candidate(facts: &Facts, verdict: &Verdict) -> bool {
    candidacy(facts, verdict) == Candidacy::Candidate
}

/// What the agent says in a canary's place, if anything. `verdict` is what can be foretold of its profile.
pub(super) fn word(facts: &Facts, verdict: &Verdict, canary: Option<Canary>, node: &Node, prefix: &str) -> Option<Word> {
    let profile = verdict.profile;
    let kind = ConditionType::of(profile)?;
    let stands = node.label(prefix, Key::Verdict(profile)).is_some() || node.condition(kind).is_some();
    let say = |status, reason: &str, message: String, short: String| {
        let ready = if status == Status::False { Ready::NotReady } else { Ready::Unknown };
        let condition = Condition { kind, status, reason: reason.into(), message: shortened(message), short: shortened(short) };
        Some(Word { ready, condition })
    };
    let unknown = |reason: &str, why: String| {
        say(Status::Unknown, reason, format!("nobody can tell whether {} runs here: {why}", kind.subject()), why)
    };
    let Some(canary) = canary else {
        let why = "no canary is deployed any more that would prove it (`render agent --canary`)";
        return if stands { unknown("NoCanary", why.into()) } else { None };
    };
    match (candidacy(facts, verdict), canary) {
        (Candidacy::Refused, _) => Some(Word { ready: Ready::NotReady, condition: condition(kind, facts, verdict, Accept::Proven) }),
        (Candidacy::Unprovable(why), _) => unknown("NotProvable", why),
        (Candidacy::Candidate, Canary::Answered | Canary::Awaited) => None,
        (Candidacy::Candidate, Canary::Silent(seconds)) => {
            let (subject, node, component) = (kind.subject(), &node.metadata.name, component(profile));
            let short = format!("no pod of its shape has started and answered within {seconds} s");
            let message = format!(
                "{subject} can't run here: {short}, though nothing that can be read stands against it. What stopped it: \
                 kubectl describe pods -A -l app.kubernetes.io/component={component} --field-selector spec.nodeName={node}"
            );
            say(Status::False, "CanaryNotStarted", message, short)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::facts_of;
    use crate::fact::Fact;
    use crate::publish::DEFAULT_PREFIX;

    fn facts(change: &dyn Fn(&mut Facts)) -> Facts {
        facts_of(&|facts| {
            facts.kubelet.version = Fact::Known("v1.36.3".into());
            facts.kubelet.pod_user_namespaces = Fact::Known(true);
            change(facts);
        })
    }

    fn said(facts: &Facts, canary: Option<Canary>, label: Option<&str>) -> Option<(Ready, Condition)> {
        let mut node = Node::default();
        node.metadata.name = "node9".into();
        node.metadata.labels.extend(label.map(|label| (Key::Verdict(Profile::ProcMount).with(DEFAULT_PREFIX), label.to_owned())));
        let word = word(facts, &judge(facts, Profile::ProcMount, None), canary, &node, DEFAULT_PREFIX);
        word.map(|word| (word.ready, word.condition))
    }

    #[test]
    fn a_canary_that_can_speak_speaks_for_itself() {
        for canary in [Canary::Answered, Canary::Awaited] {
            assert_eq!(said(&facts(&|_| {}), Some(canary), Some("ready")), None);
        }
        assert_eq!(said(&facts(&|_| {}), None, None), None, "none is deployed, and none ever was");
    }

    #[test]
    fn one_that_does_not_answer_is_told_and_where_to_look() {
        let (ready, condition) = said(&facts(&|_| {}), Some(Canary::Silent(120)), Some("ready")).expect("a word");
        assert_eq!((ready, condition.status, condition.reason.as_str()), (Ready::NotReady, Status::False, "CanaryNotStarted"));
        for part in ["within 120 s", "component=canary-procmount", "spec.nodeName=node9"] {
            assert!(condition.message.contains(part), "{}", condition.message);
        }
    }

    #[test]
    fn a_node_that_can_run_none_is_not_ready_with_the_reason_at_once() {
        let refusing = facts(&|facts| facts.kubelet.pod_user_namespaces = Fact::Known(false));
        for canary in [Canary::Answered, Canary::Awaited, Canary::Silent(1)] {
            let (ready, condition) = said(&refusing, Some(canary), Some("ready")).expect("a word");
            assert_eq!((ready, condition.reason.as_str()), (Ready::NotReady, "UsernsPodRuntime"));
            assert!(
                condition.message.contains("(predicted: ") && condition.message.contains("the kubelet refuses"),
                "{}",
                condition.message
            );
        }
    }

    #[test]
    fn what_nobody_can_prove_is_unknown() {
        let old = facts(&|facts| facts.kernel = "6.1.0".to_owned().try_into().map_or(Fact::Absent, Fact::Known));
        let (ready, condition) = said(&old, Some(Canary::Awaited), None).expect("a word");
        assert_eq!((ready, condition.status, condition.reason.as_str()), (Ready::Unknown, Status::Unknown, "NotProvable"));
        let (ready, condition) = said(&facts(&|_| {}), None, Some("ready")).expect("a word");
        assert_eq!((ready, condition.reason.as_str()), (Ready::Unknown, "NoCanary"));
    }
}
