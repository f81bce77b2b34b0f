//! Whether canaries answer, as far as the Node tells.

use super::Options;
use super::clock::LONGEST_BEAT;
use crate::node::{ConditionType, View};
use crate::profile::Profile;
use crate::publish::Start;
use crate::read;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What the default profile's agent knows of the canaries on its node.
pub(super) struct Watch {
    deployed: Vec<Profile>,
    patience: Duration,
    /// How long a canary that runs may be silent.
    late: Duration,
    /// Since when this process has seen that a canary is sent to the node.
    since: BTreeMap<Profile, Instant>,
}

/// How a canary stands, and when that should be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// It has spoken, and not too long ago.
    Answered(Instant),
    /// There is time, if it is sent there at all.
    Awaited(Option<Instant>),
    /// It should have spoken within this time.
    Silent(Duration),
}

impl Stand {
    /// When it is to be looked at again.
    pub(super) fn again(self) -> Option<Instant> {
        match self {
            Stand::Answered(until) => Some(until),
            Stand::Awaited(until) => until,
            Stand::Silent(_) => None,
        }
    }
}

/// When the machine was booted, as far as its clock now tells. What was said before then was said of another time, and a canary
/// says it anew.
pub(super) fn booted() -> Option<String> {
    read::booted_at().known().cloned()
}

/// When a canary spoke last, if that was in this boot.
fn said_at<'a>(profile: Profile, node: &'a View, booted: Option<&str>) -> Option<&'a str> {
    let said = node.said_by(profile, ConditionType::of(profile));
    said.and_then(|said| said.last_heartbeat_time.as_deref()).filter(|at| booted.is_none_or(|booted| *at >= booted))
}

impl Watch {
    pub(super) fn new(options: &Options) -> Self {
        Watch {
            deployed: options.canaries.clone(),
            patience: options.canary_patience,
            late: options.heartbeat.mul_f64(LONGEST_BEAT) + options.canary_patience,
            since: BTreeMap::new(),
        }
    }

    /// How each stands that is there: deployed, as far as this agent was told, or heard.
    pub(super) fn look(&mut self, node: &View) -> Vec<(Profile, Stand)> {
        let booted = booted();
        let mut stand = |profile: &Profile| (*profile, self.stand(*profile, node, booted.as_deref(), Timestamp::now()));
        let stands: Vec<_> = Profile::CANARIES.iter().map(&mut stand).collect();
        let is_there = |(profile, stand): &(Profile, Stand)| self.deployed.contains(profile) || matches!(stand, Stand::Answered(_));
        stands.into_iter().filter(is_there).collect()
    }

    /// Whether what a canary said last still holds though it is late: it said so itself, in a pod that has run ever since. That
    /// one proves again when its own heartbeat is due, which may be a longer one, and is ended where it hangs.
    pub(super) fn holds(profile: Profile, node: &View, start: &Start, booted: Option<&str>) -> bool {
        let Start::Pod { runs: Some(since), .. } = start else { return false };
        said_at(profile, node, booted).is_some_and(|at| at >= since.as_str())
    }

    /// When a canary has to be asked about again whose pod runs.
    pub(super) fn later(&self) -> Instant {
        Instant::now() + self.late
    }

    fn stand(&mut self, profile: Profile, node: &View, booted: Option<&str>, now: Timestamp) -> Stand {
        if !node.is_candidate(profile) {
            self.since.remove(&profile);
            return Stand::Awaited(None);
        }
        let waited = self.since.entry(profile).or_insert_with(Instant::now).elapsed();
        let at = said_at(profile, node, booted).and_then(|at| at.parse::<Timestamp>().ok());
        // By a clock that was set back since it may be somewhat later than now, but not by much.
        let age = at.map(|at| now.duration_since(at)).and_then(|age| match Duration::try_from(age) {
            Ok(age) => Some(age),
            Err(_) => (age.unsigned_abs() < self.patience).then_some(Duration::ZERO),
        });
        match (age.and_then(|age| self.late.checked_sub(age)), self.patience.checked_sub(waited)) {
            (Some(left), _) if !left.is_zero() => Stand::Answered(Instant::now() + left),
            (_, Some(left)) if !left.is_zero() => Stand::Awaited(Some(Instant::now() + left)),
            _ => Stand::Silent(if age.is_some() { self.late } else { self.patience }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::DEFAULT_PREFIX;
    use serde_json::json;

    const PATIENCE: Duration = Duration::from_secs(120);

    fn watch() -> Watch {
        Watch { deployed: vec![Profile::ProcMount], patience: PATIENCE, late: Duration::from_secs(75 * 60 + 120), since: BTreeMap::new() }
    }

    /// A node to which a canary is sent, where `manager` wrote the condition last.
    fn node(manager: &str, heartbeat: &str) -> View {
        let owned = json!({"f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKitProcMount\"}": {"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}}}}});
        let node = serde_json::from_value(json!({
            "metadata": {
                "name": "n", "uid": "u", "labels": {"buildkit-preflight.dev/procmount-candidate": "true"},
                "managedFields": [{"manager": manager, "fieldsV1": owned}],
            },
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True", "lastHeartbeatTime": heartbeat}]},
        }));
        View::new(node.expect("a node"), DEFAULT_PREFIX)
    }

    const CANARY: &str = "buildkit-preflight/procmount";

    /// How it stands, and for how many seconds.
    fn stand(watch: &mut Watch, node: &View, now: &str) -> (&'static str, Option<u64>) {
        let stand = watch.stand(Profile::ProcMount, node, Some("2026-01-01T09:00:00Z"), now.parse().expect("a time"));
        let left = |until: Instant| (until.duration_since(Instant::now()) + Duration::from_millis(999)).as_secs();
        match stand {
            Stand::Answered(until) => ("answered", Some(left(until))),
            Stand::Awaited(until) => ("awaited", until.map(left)),
            Stand::Silent(time) => ("silent", Some(time.as_secs())),
        }
    }

    fn waited(watch: &mut Watch, time: Duration) {
        watch.since.insert(Profile::ProcMount, Instant::now().checked_sub(time).expect("a time"));
    }

    #[test]
    fn a_canary_has_time_for_its_first_word() {
        let mut watch = watch();
        let mut silent = node("somebody", "2026-01-01T10:00:00Z");
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:00:00Z"), ("awaited", Some(120)));
        waited(&mut watch, PATIENCE);
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:02:00Z"), ("silent", Some(120)));
        // Sent anew, it has its time again.
        silent.ours.clear();
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:02:00Z"), ("awaited", None));
        let silent = node("somebody", "2026-01-01T10:00:00Z");
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:02:00Z"), ("awaited", Some(120)));
    }

    #[test]
    fn one_that_has_spoken_may_be_silent_for_a_heartbeat() {
        let mut watch = watch();
        let spoke = node(CANARY, "2026-01-01T10:00:00Z");
        waited(&mut watch, PATIENCE);
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T10:00:10Z"), ("answered", Some(77 * 60 - 10)));
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T11:16:59Z"), ("answered", Some(1)));
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T11:17:00Z"), ("silent", Some(77 * 60)));
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T09:59:00Z").0, "answered", "a clock that was set back");
        assert_ne!(stand(&mut watch, &spoke, "2026-01-01T09:50:00Z").0, "answered", "and not by ten minutes");
        // A new agent on a node whose canary is late does not take its word away at once.
        watch.since.clear();
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T12:00:00Z"), ("awaited", Some(120)));
    }

    #[test]
    fn a_late_word_holds_where_the_pod_that_said_it_runs() {
        let runs = |since: &str| Start::Pod { runs: Some(since.into()), stopped: None, warning: None };
        let spoke = node(CANARY, "2026-01-01T10:00:00Z");
        let holds = |node: &View, start: &Start| Watch::holds(Profile::ProcMount, node, start, None);
        assert!(holds(&spoke, &runs("2026-01-01T09:59:59Z")));
        assert!(!holds(&spoke, &runs("2026-01-01T10:00:01Z")), "another container said it");
        assert!(!holds(&spoke, &Start::NoPod));
        assert!(!holds(&spoke, &Start::Pod { runs: None, stopped: None, warning: None }));
        assert!(!holds(&node("somebody", "2026-01-01T10:00:00Z"), &runs("2026-01-01T09:00:00Z")));
    }

    #[test]
    fn what_was_said_before_the_boot_is_waited_for_again() {
        let mut watch = watch();
        let before = node(CANARY, "2026-01-01T08:59:59Z");
        assert_eq!(stand(&mut watch, &before, "2026-01-01T09:00:30Z"), ("awaited", Some(120)));
        waited(&mut watch, PATIENCE);
        assert_eq!(stand(&mut watch, &before, "2026-01-01T09:03:00Z"), ("silent", Some(120)));
    }
}
