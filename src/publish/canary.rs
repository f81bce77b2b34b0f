//! What the default profile's agent says of the profiles that canaries prove.
//!
//! Label and condition of such a profile belong to its canary. The agent speaks where none can: on a node that can't run one, and
//! of one that does not answer. It falls silent once the canary has spoken.

use super::condition::{Condition, Status, condition, shortened};
use super::labels::Accept;
use crate::check::{Ready, Verdict};
use crate::fact::Facts;
use crate::node::Node;
use crate::node::{ConditionType, Key, component, manager};
use crate::profile::Profile;
use crate::publish::{Candidacy, candidacy};
use std::collections::BTreeMap;

/// How the canary of a profile stands on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canary {
    /// What stands on the Node is its word, and it is not too old.
    Answered,
    /// It has not answered yet, or not again, and there is time.
    Awaited,
    /// It should have answered.
    Silent {
        /// Within so many seconds.
        seconds: u64,
        /// What came of its pod.
        start: Start,
    },
}

/// What came of a canary's pod, as Kubernetes tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// There is none on the node.
    NoPod,
    /// It is there.
    Pod {
        /// Since when all its containers run, if they do.
        runs: Option<String>,
        /// Reason and message of a container that does not run, or of a pod that the kubelet refused.
        stopped: Option<(String, String)>,
        /// Reason and message of the newest event that warns of it.
        warning: Option<(String, String)>,
    },
    /// It can't be read.
    Unreadable(String),
}

/// The reasons that are given of a silent canary.
const NOT_STARTED: &str = "CanaryNotStarted";
const SILENT: &str = "CanarySilent";

/// How the kubelet calls what keeps a container or its sandbox from being made.
const NOT_MADE: [&str; 6] =
    ["FailedCreatePodSandBox", "CreateContainerError", "RunContainerError", "ContainerCannotRun", "StartError", "FailedPodSandBoxStatus"];

impl Start {
    /// What kept such a pod from starting, where that is the node's or the runtime's doing: then a builder's would not start either.
    fn not_made(&self) -> Option<&str> {
        // Of one that runs an event may tell of an earlier attempt.
        let Start::Pod { runs: None, stopped, warning } = self else { return None };
        let said = [stopped, warning].into_iter().flatten();
        let mut made = said.filter(|(reason, message)| NOT_MADE.contains(&reason.as_str()) && !keeps_all_pods(message));
        made.next().map(|(_, message)| essence(message))
    }

    /// Why nothing is known, where it is something else.
    fn describe(&self) -> String {
        match self {
            Start::NoPod => "there is no pod of it on this node (a quota, an admission policy, or no room: see its DaemonSet)".into(),
            Start::Unreadable(why) => format!("what came of its pod can't be read: {why}"),
            Start::Pod { runs: Some(since), .. } => format!("its pod runs since {since}: see its log"),
            Start::Pod { stopped, warning, .. } => match stopped.as_ref().or(warning.as_ref()) {
                Some((reason, message)) => {
                    format!("its pod has not started, for a reason that need not be a builder's: {reason} {message}")
                }
                None => "its pod has not started".into(),
            },
        }
    }
}

/// What keeps all pods of a node from starting, for a while mostly, and says nothing of these: a network that is not there yet, a
/// runtime that is just being started, an image of the sandbox that can't be pulled.
fn keeps_all_pods(message: &str) -> bool {
    let message = message.to_lowercase();
    let words = ["setup network", "cni", "pod network", "network status", "network is not ready", "connection refused", "sandbox image"];
    words.iter().any(|word| message.contains(word)) || message.contains("deadlineexceeded") || message.contains("deadline exceeded")
}

/// What the OCI runtime or the kubelet said, without who told it to whom.
fn essence(message: &str) -> &str {
    let told = ["failed to create shim task: ", "desc = ", "Failed to create pod sandbox: "];
    told.iter().find_map(|who| message.rsplit_once(who)).map_or(message, |(_, essence)| essence).trim()
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
pub(super) fn word(facts: &Facts, verdict: &Verdict, canary: Option<&Canary>, node: &Node, prefix: &str) -> Option<Word> {
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
        (Candidacy::Candidate, Canary::Answered) => None,
        // A word of our own can't be taken away before the canary has spoken: what it once owned of the condition would be left,
        // and that is no condition.
        (Candidacy::Candidate, Canary::Awaited) => match node.said_by(&manager(Profile::NoProcessSandbox), kind) {
            None => None,
            Some(said) if [NOT_STARTED, SILENT].contains(&said.reason.as_str()) => {
                let status = if said.status == Status::False.to_string() { Status::False } else { Status::Unknown };
                say(status, &said.reason, said.message.clone(), said.message.clone())
            }
            Some(_) => unknown("CanaryAwaited", "a pod of its shape is being started, which will tell".into()),
        },
        (Candidacy::Candidate, Canary::Silent { seconds, start }) => match start.not_made() {
            Some(why) => {
                let (subject, component) = (kind.subject(), component(profile));
                let short = format!("a pod of its shape can't be started: {why}");
                let message =
                    format!("{subject} can't run here: {short}. More: kubectl describe pod -A -l app.kubernetes.io/component={component}");
                say(Status::False, NOT_STARTED, message, short)
            }
            None => unknown(SILENT, format!("its canary has not answered within {seconds} s; {}", start.describe())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::facts_of;
    use crate::fact::Fact;
    use crate::node::DEFAULT_PREFIX;
    use serde_json::json;

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
        let word = word(facts, &judge(facts, Profile::ProcMount, None), canary.as_ref(), &node, DEFAULT_PREFIX);
        word.map(|word| (word.ready, word.condition))
    }

    #[test]
    fn a_canary_that_can_speak_speaks_for_itself() {
        for canary in [Canary::Answered, Canary::Awaited] {
            assert_eq!(said(&facts(&|_| {}), Some(canary), Some("ready")), None);
        }
        assert_eq!(said(&facts(&|_| {}), None, None), None, "none is deployed, and none ever was");
    }

    /// A node on which the agent itself said something of procmount.
    fn with_own_word(status: &str, reason: &str) -> Node {
        let owned = json!({"f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKitProcMount\"}": {"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}}}}});
        serde_json::from_value(json!({
            "metadata": {"name": "n", "uid": "u", "managedFields": [{"manager": "buildkit-preflight/no-process-sandbox", "fieldsV1": owned}]},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": status, "reason": reason, "message": "as it was"}]},
        }))
        .expect("a node")
    }

    #[test]
    fn an_own_word_stands_until_the_canary_has_spoken() {
        let facts = facts(&|_| {});
        let verdict = judge(&facts, Profile::ProcMount, None);
        let said = |canary: &Canary, status: &str, reason: &str| {
            let word = word(&facts, &verdict, Some(canary), &with_own_word(status, reason), DEFAULT_PREFIX);
            word.map(|word| (word.ready, word.condition.reason, word.condition.message))
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
        assert!(condition.message.contains("started: OCI runtime create failed: failed to set MOUNT_ATTR_IDMAP: invalid argument. More: "));
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
            (Start::NoPod, "there is no pod of it"),
            (Start::Unreadable("403".into()), "can't be read: 403"),
            (Start::Pod { runs: Some("2026-01-01T10:00:00Z".into()), stopped: None, warning: None }, "its pod runs"),
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
                "its pod runs since",
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
