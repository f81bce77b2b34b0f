//! Whether somebody vouches now for what stands on a Node, and if not, why.

use super::rules::Rules;
use super::state::Silence;
use crate::check::Ready;
use crate::node::{ConditionType, Key, Status, View};
use crate::profile::Profile;
use jiff::Timestamp;
use std::time::Duration;

/// How far an agent's clock may be ahead: the admission policy takes no later time.
const AHEAD: Duration = Duration::from_secs(10 * 60);

/// Why nobody vouches for a profile on a node, by what stands there; None where somebody does, or where there is nothing of this
/// profile to vouch for.
pub(super) fn of(view: &View, profile: Profile, rules: &Rules) -> Option<Silence> {
    let (key, kind) = (Key::Verdict(profile), ConditionType::of(profile));
    let (label, condition) = (view.label(key), view.condition(kind));
    let is_said = view.said.iter().any(|(_, said)| *said == kind);
    if view.scheduling.labels.get("kubernetes.io/os").is_some_and(|os| os != "linux") {
        return Some(Silence::NotLinux);
    }
    let is_agents = profile == Profile::NoProcessSandbox;
    match (label, condition) {
        (None, None) if is_agents && view.ours.is_empty() => Some(Silence::NoLabels),
        (None, None) if is_agents => Some(Silence::HalfWritten),
        (None, None) => None,
        (Some(_), _) if view.stray_labels.contains(&key) => Some(Silence::Stray),
        (_, Some(_)) if !is_said => Some(Silence::Stray),
        // The agent's own word on a profile that needs no proof has no condition.
        (Some(_), None) => (is_agents || profile.needs_proof()).then_some(Silence::HalfWritten),
        (None, Some(_)) => Some(Silence::HalfWritten),
        (Some(_), Some(condition)) => {
            let said = view.verdict(profile).zip(condition.status);
            let agree = said.is_some_and(|said| {
                matches!(said, (Ready::Ready, Status::True) | (Ready::NotReady, Status::False) | (Ready::Unknown, Status::Unknown))
            });
            match age(condition.last_heartbeat_time.as_deref(), rules.now) {
                Some(_) if !agree => Some(Silence::HalfWritten),
                None => Some(Silence::HalfWritten),
                Some(age) if age > seconds(rules.stale_after) || age < -seconds(AHEAD) => Some(Silence::Stale),
                Some(_) => None,
            }
        }
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// How many seconds ago a time was; None where it is none.
pub(super) fn age(time: Option<&str>, now: Timestamp) -> Option<i64> {
    Some(now.as_second().saturating_sub(time?.parse::<Timestamp>().ok()?.as_second()))
}

/// A length of time for people, in its two largest units: `3 d 4 h`.
pub fn lasting(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(at) = units.iter().position(|(length, _)| seconds >= *length) else { return "0 s".into() };
    let (length, unit) = units[at];
    let (whole, rest) = (seconds / length, seconds % length);
    match units.get(at + 1) {
        Some((next, name)) if rest / next > 0 && whole < 10 => format!("{whole} {unit} {} {name}", rest / next),
        _ => format!("{whole} {unit}"),
    }
}

/// Why, in a sentence about this node.
pub(super) fn text(because: Silence, view: &View, now: Timestamp) -> String {
    let kind = ConditionType::of(Profile::NoProcessSandbox);
    match because {
        Silence::NoLabels => "it has none of our labels".into(),
        Silence::NotLinux => {
            let os = view.scheduling.labels.get("kubernetes.io/os").map_or("another system", String::as_str);
            format!("its kubernetes.io/os is {}: no agent is sent there", crate::text::plain(os, 63))
        }
        Silence::Stale => match age(view.condition(kind).and_then(|condition| condition.last_heartbeat_time.as_deref()), now) {
            Some(age) if age < 0 => "the heartbeat of its condition is in the future".into(),
            Some(age) => format!("nobody has written there for {}", lasting(age)),
            None => "it is not known when it was written".into(),
        },
        Silence::Stray => "its label or its condition was put there by none of our agents".into(),
        _ => "a label and a condition belong together there, and one of them is missing, has no time, or says something else".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_two_units() {
        for (seconds, text) in [
            (-1, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_700, "1 h 1 min"),
            (90_061, "1 d 1 h"),
            (40 * 86_400, "40 d"),
            (36_010, "10 h"),
        ] {
            assert_eq!(lasting(seconds), text);
        }
    }
}
