//! Whether canaries answer, as far as the Node tells.

use super::Options;
use super::clock::LONGEST_BEAT;
use crate::check::Profile;
use crate::publish::{Canaries, Canary, ConditionType, Key, Node, manager};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What the default profile's agent knows of the canaries on its node.
pub(super) struct Watch {
    deployed: Vec<Profile>,
    prefix: String,
    patience: Duration,
    /// How long a canary that runs may be silent.
    late: Duration,
    /// Since when this process has seen that a canary is sent to the node.
    since: BTreeMap<Profile, Instant>,
}

impl Watch {
    pub(super) fn new(options: &Options) -> Self {
        Watch {
            deployed: options.canaries.clone(),
            prefix: options.prefix.clone(),
            patience: options.canary_patience,
            late: options.heartbeat.mul_f64(LONGEST_BEAT) + options.canary_patience,
            since: BTreeMap::new(),
        }
    }

    /// How each canary stands, and when that should be asked again. `booted` is when the machine was: what was said before then
    /// was said of another time, and a canary says it anew.
    pub(super) fn look(&mut self, node: &Node, booted: Option<&str>) -> (Canaries, Option<Instant>) {
        let mut canaries = Canaries::new();
        let mut next = None;
        for profile in self.deployed.clone() {
            let (canary, left) = self.stand(profile, node, booted, Timestamp::now());
            canaries.insert(profile, canary);
            let again = left.map(|left| Instant::now() + left);
            next = next.into_iter().chain(again).min();
        }
        (canaries, next)
    }

    /// How one stands, and for how long that will do.
    fn stand(&mut self, profile: Profile, node: &Node, booted: Option<&str>, now: Timestamp) -> (Canary, Option<Duration>) {
        let is_sent = Key::candidate(profile).and_then(|key| node.label(&self.prefix, key)) == Some("true");
        if !is_sent {
            self.since.remove(&profile);
            return (Canary::Awaited, None);
        }
        let waited = self.since.entry(profile).or_insert_with(Instant::now).elapsed();
        let said = ConditionType::of(profile).and_then(|kind| node.said_by(&manager(profile), kind));
        let at = said.and_then(|said| said.last_heartbeat_time.as_deref()).filter(|at| booted.is_none_or(|booted| *at >= booted));
        let age = at.and_then(|at| at.parse::<Timestamp>().ok()).map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
        let (canary, left) = match age {
            Some(age) if age < self.late => (Canary::Answered, self.late.checked_sub(age)),
            _ => (Canary::Awaited, self.patience.checked_sub(waited)),
        };
        match left {
            Some(left) => (canary, Some(left)),
            None => (Canary::Silent(if age.is_some() { self.late } else { self.patience }.as_secs()), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::DEFAULT_PREFIX;
    use serde_json::json;

    const PATIENCE: Duration = Duration::from_secs(120);

    fn watch() -> Watch {
        Watch {
            deployed: vec![Profile::ProcMount],
            prefix: DEFAULT_PREFIX.into(),
            patience: PATIENCE,
            late: Duration::from_secs(75 * 60 + 120),
            since: BTreeMap::new(),
        }
    }

    /// A node to which a canary is sent, where `manager` wrote the condition last.
    fn node(manager: &str, heartbeat: &str) -> Node {
        let owned = json!({"f:status": {"f:conditions": {"k:{\"type\":\"RootlessBuildKitProcMount\"}": {"f:lastHeartbeatTime": {}}}}});
        serde_json::from_value(json!({
            "metadata": {
                "name": "n", "uid": "u", "labels": {"buildkit-preflight.dev/procmount-candidate": "true"},
                "managedFields": [{"manager": manager, "fieldsV1": owned}],
            },
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True", "lastHeartbeatTime": heartbeat}]},
        }))
        .expect("a node")
    }

    const CANARY: &str = "buildkit-preflight/procmount";
    const BOOT: &str = "2026-01-01T09:00:00Z";

    fn stand(watch: &mut Watch, node: &Node, now: &str) -> (Canary, Option<u64>) {
        let (canary, left) = watch.stand(Profile::ProcMount, node, Some(BOOT), now.parse().expect("a time"));
        (canary, left.map(|left| left.as_secs_f64().round() as u64))
    }

    fn waited(watch: &mut Watch, time: Duration) {
        watch.since.insert(Profile::ProcMount, Instant::now().checked_sub(time).expect("a time"));
    }

    #[test]
    fn a_canary_has_time_for_its_first_word() {
        let mut watch = watch();
        let mut silent = node("somebody", "2026-01-01T10:00:00Z");
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:00:00Z"), (Canary::Awaited, Some(120)));
        waited(&mut watch, PATIENCE);
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:02:00Z"), (Canary::Silent(120), None));
        // Sent anew, it has its time again.
        silent.metadata.labels.clear();
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:02:00Z"), (Canary::Awaited, None));
        let silent = node("somebody", "2026-01-01T10:00:00Z");
        assert_eq!(stand(&mut watch, &silent, "2026-01-01T10:02:00Z"), (Canary::Awaited, Some(120)));
    }

    #[test]
    fn one_that_has_spoken_may_be_silent_for_a_heartbeat() {
        let mut watch = watch();
        let spoke = node(CANARY, "2026-01-01T10:00:00Z");
        waited(&mut watch, PATIENCE);
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T10:00:10Z"), (Canary::Answered, Some(77 * 60 - 10)));
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T11:16:59Z"), (Canary::Answered, Some(1)));
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T11:17:00Z"), (Canary::Silent(77 * 60), None));
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T09:59:00Z").0, Canary::Answered, "a clock that was set back");
        // A new agent on a node whose canary is late does not take its word away at once.
        watch.since.clear();
        assert_eq!(stand(&mut watch, &spoke, "2026-01-01T12:00:00Z"), (Canary::Awaited, Some(120)));
    }

    #[test]
    fn what_was_said_before_the_boot_is_waited_for_again() {
        let mut watch = watch();
        let before = node(CANARY, "2026-01-01T08:59:59Z");
        assert_eq!(stand(&mut watch, &before, "2026-01-01T09:00:30Z"), (Canary::Awaited, Some(120)));
        waited(&mut watch, PATIENCE);
        assert_eq!(stand(&mut watch, &before, "2026-01-01T09:03:00Z"), (Canary::Silent(120), None));
    }
}
