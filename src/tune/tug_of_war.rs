//! Somebody else sets a sysctl back.

use crate::fact::Tunable;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many times within that time, and it is left to the other.
const ROUNDS: usize = 3;
const WITHIN: Duration = Duration::from_secs(600);
/// So long; a new process begins anew.
const REST: Duration = Duration::from_secs(3600);

/// Counts how often a sysctl was set back that this process had set.
#[derive(Debug, Default)]
pub(super) struct TugOfWar {
    set: BTreeMap<Tunable, Vec<Instant>>,
    rests: Option<Instant>,
}

/// What to do about a sysctl that is too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Set it.
    Set,
    /// It was set back too often: leave it from now on.
    GiveUp,
    /// It was given up: wait.
    Rest,
}

impl TugOfWar {
    /// A sysctl is lower than it should be.
    pub(super) fn is_low(&mut self, sysctl: Tunable, now: Instant) -> Move {
        match self.rests {
            Some(since) if now - since < REST => return Move::Rest,
            Some(_) => *self = TugOfWar::default(),
            None => {}
        }
        let recent = |times: &Vec<Instant>| times.iter().filter(|time| now - **time < WITHIN).count();
        if self.set.get(&sysctl).map_or(0, recent) < ROUNDS {
            return Move::Set;
        }
        self.rests = Some(now);
        Move::GiveUp
    }

    /// It was set.
    pub(super) fn was_set(&mut self, sysctl: Tunable, now: Instant) {
        let times = self.set.entry(sysctl).or_default();
        times.retain(|time| now - *time < WITHIN);
        times.push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSCTL: Tunable = Tunable::MAX_USER_NAMESPACES;

    #[test]
    fn after_three_rounds_it_rests_for_an_hour() {
        let (mut war, start) = (TugOfWar::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for round in 0..3 {
            assert_eq!(war.is_low(SYSCTL, at(round * 60)), Move::Set);
            war.was_set(SYSCTL, at(round * 60));
        }
        assert_eq!(war.is_low(SYSCTL, at(180)), Move::GiveUp);
        assert_eq!(war.is_low(SYSCTL, at(190)), Move::Rest);
        assert_eq!(war.is_low(Tunable::MAX_MNT_NAMESPACES, at(200)), Move::Rest, "the other is there for all of them");
        assert_eq!(war.is_low(SYSCTL, at(180 + 3600)), Move::Set);
    }

    #[test]
    fn one_that_is_set_back_now_and_then_is_set_again() {
        let (mut war, start) = (TugOfWar::default(), Instant::now());
        for round in 0..10 {
            let now = start + Duration::from_secs(round * 301);
            assert_eq!(war.is_low(SYSCTL, now), Move::Set, "round {round}");
            war.was_set(SYSCTL, now);
        }
    }
}
