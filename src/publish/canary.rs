//! What is said of the profiles that canaries prove.
//!
//! Label and condition of such a profile belong to its canary. The default profile's agent says where canaries are sent, and
//! speaks where none can: on a node that can't run one, and of one that does not answer. It falls silent once the canary has
//! spoken.

use super::accept::Accept;
use super::candidacy::{Candidacy, candidacy};
use super::condition::Condition;
use super::reason::Reason;
use super::said::Said;
use super::start::{Canaries, Canary};
use super::verdict::{condition, unknown};
use crate::cause::{Cause, remedy};
use crate::check::{Ready, Verdict};
use crate::explain::{Scan, explain};
use crate::fact::{Facts, UserNamespace};
use crate::node::{ConditionType, Key, Status, View, component};
use crate::profile::Profile;

/// What a canary says: its verdict, and how many IDs it was given.
pub(super) fn prove(facts: &Facts, verdict: &Verdict, accept: Accept) -> Said {
    let mut said = Said::default();
    said.verdict(verdict.profile, accept.of(verdict));
    let map = facts.process.uid_map.known().filter(|_| facts.user_namespace() == Some(UserNamespace::Pods));
    said.label(Key::PodIds, map.map(|map| map.size().to_string()));
    said.conditions.push(condition(ConditionType::of(verdict.profile), facts, verdict, accept, ""));
    said
}

/// What the default profile's agent says of canaries, and in their place.
pub(super) fn say(facts: &Facts, verdicts: &[Verdict], node: &View, canaries: &Canaries) -> Said {
    let mut said = Said::default();
    let mut is_one_quiet = false;
    for verdict in verdicts.iter().filter(|verdict| verdict.profile.has_canary()) {
        let candidacy = candidacy(facts, verdict);
        said.label(Key::Candidate(verdict.profile), (candidacy == Candidacy::Candidate).then_some("true"));
        let canary = canaries.get(&verdict.profile);
        match word(facts, verdict, candidacy, canary, node) {
            Some(word) => {
                let ready = if word.status == Status::False { Ready::NotReady } else { Ready::Unknown };
                said.verdict(verdict.profile, ready);
                said.conditions.push(word);
            }
            // Whether a builder may be sent is worth a word also where no canary is asked for.
            None if canary.is_none() && !verdict.profile.needs_proof() => said.verdict(verdict.profile, Accept::Proven.of(verdict)),
            None => is_one_quiet |= canary.is_some() && verdict.profile.has_pod_user_namespace(),
        }
    }
    // How many IDs a pod gets is a canary's word too. It can't be taken away, since it is another's, but it can be replaced.
    let is_withdrawn = !said.conditions.is_empty() && !is_one_quiet && node.label(Key::PodIds).is_some();
    said.label(Key::PodIds, is_withdrawn.then_some("0"));
    said
}

/// What the agent says in a canary's place, if anything. `verdict` is what can be foretold of its profile.
fn word(facts: &Facts, verdict: &Verdict, candidacy: Candidacy, canary: Option<&Canary>, node: &View) -> Option<Condition> {
    let profile = verdict.profile;
    let kind = ConditionType::of(profile);
    // What somebody put there by hand is taken off, and needs no answer.
    let is_said = |key| node.label(key).is_some() && !node.stray_labels.contains(&key);
    // The label of a profile that needs no proof is the agent's own as long as no canary has spoken.
    let stands = profile.needs_proof() && is_said(Key::Verdict(profile))
        || node.condition(kind).is_some() && node.stray_conditions().all(|stray| stray != kind);
    let say = |status, reason: Reason, message, short| Some(Condition::new(kind, status, reason.to_string(), message, short));
    let unknown = |reason, why: String| say(Status::Unknown, reason, unknown(kind, &why), why);
    let Some(canary) = canary else {
        let why = "its canary is no longer deployed (`buildkit-preflight render agent --canary` deploys it)";
        return if stands { unknown(Reason::NoCanary, why.into()) } else { None };
    };
    match (candidacy, canary) {
        (Candidacy::Refused, _) => Some(condition(kind, facts, verdict, Accept::Proven, "")),
        (Candidacy::Unprovable(why), _) => unknown(Reason::NotProvable, why),
        (Candidacy::Candidate, Canary::Answered) => None,
        // A word of our own can't be taken away before the canary has spoken: what it once owned of the condition would be left,
        // and that is no condition.
        (Candidacy::Candidate, Canary::Awaited) => match node.said_by(Profile::NoProcessSandbox, kind) {
            None => None,
            Some(said) => match said.reason.parse() {
                Ok(reason @ (Reason::CanaryNotStarted | Reason::CanarySilent)) => {
                    let status = if said.status == Some(Status::False) { Status::False } else { Status::Unknown };
                    say(status, reason, said.message.clone(), said.message.clone())
                }
                _ => unknown(Reason::CanaryAwaited, "waiting for the canary pod to report".into()),
            },
        },
        (Candidacy::Candidate, Canary::Silent { seconds, start }) => match start.not_made() {
            Some(why) => {
                let (subject, component) = (kind.subject(), component(profile));
                let short = format!("the canary pod can't be started: {why}");
                let cause = spoken_of(why, facts, profile);
                let cause = cause.map(|cause| format!(" ({cause}: {})", remedy(cause, facts, None).fix)).unwrap_or_default();
                let message = format!(
                    "{subject} does not work here: {short}{cause}. More: kubectl describe pod -A -l app.kubernetes.io/component={component}"
                );
                say(Status::False, Reason::CanaryNotStarted, message, short)
            }
            None => unknown(Reason::CanarySilent, format!("the canary pod has not reported within {seconds} s; {}", start.describe())),
        },
    }
}

/// The cause of which the runtime's words speak.
fn spoken_of(words: &str, facts: &Facts, profile: Profile) -> Option<Cause> {
    let mut scan = Scan::new();
    scan.feed(words.as_bytes());
    explain(&scan.finish(), facts, profile, None).first().map(|first| first.cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::facts_of;
    use crate::fact::Fact;
    use crate::node::DEFAULT_PREFIX;
    use crate::publish::start::Start;
    use serde_json::json;

    fn facts(change: &dyn Fn(&mut Facts)) -> Facts {
        facts_of(&|facts| {
            facts.kubelet.version = Fact::Known("v1.36.3".to_owned().try_into().expect("a version"));
            facts.kubelet.pod_user_namespaces = Fact::Known(true);
            change(facts);
        })
    }

    /// What is said of procmount on a node.
    fn spoken(facts: &Facts, canary: Option<Canary>, node: &View) -> Option<(Ready, Condition)> {
        let canaries: Canaries = canary.map(|canary| (Profile::ProcMount, canary)).into_iter().collect();
        let verdict = judge(facts, Profile::ProcMount, None);
        let mut said = say(facts, std::slice::from_ref(&verdict), node, &canaries);
        let condition = said.conditions.pop();
        assert_eq!(
            said.labels.get(&Key::Verdict(Profile::ProcMount)).map(String::as_str),
            said.verdicts.values().next().map(|ready| ready.id())
        );
        said.verdicts.get(&Profile::ProcMount).copied().zip(condition)
    }

    fn said(facts: &Facts, canary: Option<Canary>, label: Option<&str>) -> Option<(Ready, Condition)> {
        let mut node = View { name: "node9".into(), ..View::default() };
        node.ours.extend(label.map(|label| (Key::Verdict(Profile::ProcMount), label.to_owned())));
        spoken(facts, canary, &node)
    }

    #[test]
    fn a_canary_that_can_speak_speaks_for_itself() {
        for canary in [Canary::Answered, Canary::Awaited] {
            assert_eq!(said(&facts(&|_| {}), Some(canary), Some("ready")), None);
        }
        assert_eq!(said(&facts(&|_| {}), None, None), None, "none is deployed, and none ever was");
    }

    #[test]
    fn what_was_put_there_by_hand_is_no_word_of_a_canary() {
        let mut node = View { name: "node9".into(), ..View::default() };
        node.ours.insert(Key::Verdict(Profile::ProcMount), "ready".into());
        assert!(spoken(&facts(&|_| {}), None, &node).is_some(), "a canary's, of which there is none any more");
        node.stray_labels.insert(Key::Verdict(Profile::ProcMount));
        node.conditions.insert(ConditionType::ProcMount, crate::node::StandingCondition::default());
        assert_eq!(spoken(&facts(&|_| {}), None, &node), None);
    }

    /// A node on which the agent itself said something of procmount.
    fn with_own_word(status: &str, reason: &str) -> View {
        let owned = json!({"f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKitProcMount\"}": {"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}}}}});
        let node = serde_json::from_value(json!({
            "metadata": {"name": "n", "uid": "u", "managedFields": [{"manager": "buildkit-preflight/no-process-sandbox", "fieldsV1": owned}]},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": status, "reason": reason, "message": "as it was"}]},
        }));
        View::new(node.expect("a node"), DEFAULT_PREFIX)
    }

    #[test]
    fn an_own_word_stands_until_the_canary_has_spoken() {
        let facts = facts(&|_| {});
        let said = |canary: &Canary, status: &str, reason: &str| {
            let word = spoken(&facts, Some(canary.clone()), &with_own_word(status, reason));
            word.map(|(ready, condition)| (ready, condition.reason, condition.message))
        };
        // A new agent knows no more than the one before.
        let again = said(&Canary::Awaited, "False", "CanaryNotStarted").expect("a word");
        assert_eq!(again, (Ready::NotReady, "CanaryNotStarted".into(), "as it was".into()));
        assert_eq!(said(&Canary::Awaited, "Unknown", "CanarySilent").map(|word| word.0), Some(Ready::Unknown));
        // What stood against it is gone.
        let awaited = said(&Canary::Awaited, "False", "UsernsPodRuntime").expect("a word");
        assert_eq!((awaited.0, awaited.1.as_str()), (Ready::Unknown, "CanaryAwaited"));
        assert_eq!(said(&Canary::Answered, "False", "UsernsPodRuntime"), None);
    }

    fn silent(start: Start) -> Option<Canary> {
        Some(Canary::Silent { seconds: 120, start })
    }

    /// A pod that does not run.
    fn pod(stopped: Option<(&str, &str)>, warning: Option<(&str, &str)>) -> Start {
        let owned = |said: Option<(&str, &str)>| said.map(|(reason, message)| (reason.to_owned(), message.to_owned()));
        Start::Pod { runs: None, stopped: owned(stopped), warning: owned(warning) }
    }

    #[test]
    fn one_whose_pod_the_runtime_cannot_make_proves_that_no_builders_can_be() {
        let sandbox = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox \"c3\": failed to create \
            containerd task: failed to create shim task: OCI runtime create failed: failed to set MOUNT_ATTR_IDMAP: invalid argument";
        let (ready, condition) =
            said(&facts(&|_| {}), silent(pod(None, Some(("FailedCreatePodSandBox", sandbox)))), Some("ready")).expect("a word");
        assert_eq!((ready, condition.status, condition.reason.as_str()), (Ready::NotReady, Status::False, "CanaryNotStarted"));
        let spoken =
            "started: OCI runtime create failed: failed to set MOUNT_ATTR_IDMAP: invalid argument (userns-pod-runtime: use nodes with";
        assert!(condition.message.contains(spoken), "{}", condition.message);
        assert!(condition.message.ends_with("component=canary-procmount"), "{}", condition.message);
        let refused = "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces";
        let stopped = silent(pod(Some(("CreateContainerError", refused)), None));
        let (ready, condition) = said(&facts(&|_| {}), stopped, None).expect("a word");
        assert!(
            ready == Ready::NotReady
                && condition.short.ends_with("started: can't set `spec.hostUsers: false`, runtime does not support user namespaces")
        );
    }

    #[test]
    fn one_that_is_silent_for_another_reason_proves_nothing() {
        let network = "Failed to create pod sandbox: plugin type=\"bridge\": failed to setup network for sandbox \"c3\": no addresses";
        let crio = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to create pod network sandbox k8s_x: error \
            adding pod x to CNI network \"cilium\": no addresses";
        for (start, says) in [
            (Start::NoPod, "this node has no canary pod"),
            (Start::Unreadable("403".into()), "can't be read: 403"),
            (Start::Pod { runs: Some("2026-01-01T10:00:00Z".into()), stopped: None, warning: None }, "its pod has been running"),
            (pod(Some(("ImagePullBackOff", "no such host")), None), "ImagePullBackOff no such host"),
            (pod(Some(("Evicted", "disk pressure")), None), "Evicted disk pressure"),
            (pod(Some(("ContainerCreating", "")), Some(("FailedMount", "no such ConfigMap"))), "ContainerCreating"),
            (pod(None, Some(("FailedCreatePodSandBox", network))), "failed to setup network"),
            (pod(None, Some(("FailedCreatePodSandBox", crio))), "CNI network"),
            (
                pod(None, Some(("FailedCreatePodSandBox", "rpc error: code = DeadlineExceeded desc = stream terminated"))),
                "DeadlineExceeded",
            ),
            // It was so once, and now it runs.
            (
                Start::Pod {
                    runs: Some("2026-01-01T10:00:00Z".into()),
                    stopped: None,
                    warning: Some(("FailedCreatePodSandBox".into(), "x".into())),
                },
                "its pod has been running since",
            ),
            (pod(None, None), "its pod has not started"),
        ] {
            let (ready, condition) = said(&facts(&|_| {}), silent(start.clone()), Some("ready")).expect("a word");
            assert_eq!((ready, condition.reason.as_str()), (Ready::Unknown, "CanarySilent"), "{start:?}");
            assert!(condition.message.contains(says) && condition.message.contains("120 s"), "{}", condition.message);
        }
    }

    #[test]
    fn a_node_that_can_run_none_is_not_ready_with_the_reason_at_once() {
        let refusing = facts(&|facts| facts.kubelet.pod_user_namespaces = Fact::Known(false));
        for canary in [Canary::Answered, Canary::Awaited, Canary::Silent { seconds: 1, start: Start::NoPod }] {
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
