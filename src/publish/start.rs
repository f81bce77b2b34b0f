//! How canaries stand on a node, and what came of their pods.

use crate::profile::Profile;
use std::collections::BTreeMap;

/// The canaries that are deployed; of the others nothing is said.
pub type Canaries = BTreeMap<Profile, Canary>;

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

impl Canary {
    /// Each way in which one can stand, by its word.
    pub const STATES: [&'static str; 3] = ["answered", "awaited", "silent"];

    /// The word for it.
    pub fn state(&self) -> &'static str {
        match self {
            Canary::Answered => Self::STATES[0],
            Canary::Awaited => Self::STATES[1],
            Canary::Silent { .. } => Self::STATES[2],
        }
    }
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

/// How the kubelet calls what keeps a container or its sandbox from being made.
const NOT_MADE: [&str; 6] =
    ["FailedCreatePodSandBox", "CreateContainerError", "RunContainerError", "ContainerCannotRun", "StartError", "FailedPodSandBoxStatus"];

impl Start {
    /// What kept such a pod from starting, where that is the node's or the runtime's doing: then a builder's would not start either.
    pub(super) fn not_made(&self) -> Option<&str> {
        // Of one that runs an event may tell of an earlier attempt.
        let Start::Pod { runs: None, stopped, warning } = self else { return None };
        let said = [stopped, warning].into_iter().flatten();
        let mut made = said.filter(|(reason, message)| NOT_MADE.contains(&reason.as_str()) && !keeps_all_pods(message));
        made.next().map(|(_, message)| essence(message))
    }

    /// Why nothing is known, where it is something else.
    pub(super) fn describe(&self) -> String {
        match self {
            Start::NoPod => {
                "this node has no canary pod (a quota, an admission policy or a full node: see the events of the canary's DaemonSet)".into()
            }
            Start::Unreadable(why) => format!("the state of its pod can't be read: {why}"),
            Start::Pod { runs: Some(since), .. } => format!("its pod has been running since {since}; see its log"),
            Start::Pod { stopped, warning, .. } => match stopped.as_ref().or(warning.as_ref()) {
                Some((reason, message)) => {
                    format!("its pod has not started, for a reason that may not stop a builder: {reason} {message}")
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
