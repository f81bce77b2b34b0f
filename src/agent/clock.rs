//! When to do things: never all agents of a cluster at once.

use fastrand::Rng;
use std::time::Duration;

/// Ever longer waits, each from half to one and a half of its length.
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    length: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Backoff { first, longest, length: first.min(longest) }
    }

    /// The wait after one more failure.
    pub(super) fn next(&mut self, chance: &mut Rng) -> Duration {
        let wait = spread(self.length, 0.5, chance);
        self.length = (self.length * 2).min(self.longest);
        wait
    }

    /// Begins anew.
    pub(super) fn reset(&mut self) {
        self.length = self.first.min(self.longest);
    }
}

/// How much longer than its period a heartbeat can be.
pub(super) const LONGEST_BEAT: f64 = 1.25;

/// A period that is a quarter shorter or longer, so that agents which were started together do not stay together.
pub(super) fn jittered(period: Duration, chance: &mut Rng) -> Duration {
    spread(period, LONGEST_BEAT - 1.0, chance)
}

fn spread(length: Duration, part: f64, chance: &mut Rng) -> Duration {
    length.mul_f64(1.0 - part + 2.0 * part * chance.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_differ() {
        const LONGEST: Duration = Duration::from_secs(30);
        let mut chance = Rng::with_seed(7);
        let mut backoff = Backoff::new(Duration::from_millis(500), LONGEST);
        let waits: Vec<_> = (0..200).map(|_| backoff.next(&mut chance)).collect();
        assert!(waits[0] < Duration::from_secs(1));
        assert!(waits[10..].iter().all(|wait| (LONGEST / 2..=LONGEST * 3 / 2).contains(wait)));
        assert!(waits[10..].windows(2).any(|pair| pair[0] != pair[1]), "jitter");
        backoff.reset();
        assert!(backoff.next(&mut chance) < Duration::from_secs(1));
        let beats: Vec<_> = (0..200).map(|_| jittered(Duration::from_secs(3600), &mut chance)).collect();
        assert!(beats.iter().all(|beat| (2700..=4500).contains(&beat.as_secs())));
    }
}
