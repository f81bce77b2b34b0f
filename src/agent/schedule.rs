//! When the agent does what. Nothing here looks at a clock or does anything: the driver (`work.rs`) brings the time, chance and
//! what it sees, does what is due, and reports what came of it.

use super::clock::{Backoff, jittered};
use crate::cause::{Cause, Mark};
use crate::check::Ready;
use fastrand::Rng;
use std::time::{Duration, Instant};

/// How often the sysctls are looked at: half of the 10 s within which a change has to be noticed.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// The pause before a canary's `ready` is withdrawn: what speaks against it is looked at once more.
pub(super) const DOUBT: Duration = Duration::from_secs(10);

/// The first pause before it is asked whether what was written still stands: as long as others may be labelling a new node.
const LISTEN: Duration = LOOK;

/// The first pause after a request that failed, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Never without a pause: whatever comes out wrong, the agent must not spin.
const LEAST_REST: Duration = Duration::from_millis(10);

/// The first pause before a look at something that may pass by itself.
const UNKNOWN_PASSES: Duration = Duration::from_secs(5);
const SCARCITY_PASSES: Duration = Duration::from_secs(60);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask what stands on the Node; afresh, where others may have written since.
    Read { afresh: bool },
    /// Look at the node and judge it.
    Prove,
    /// Say nothing: this agent has no say any more.
    Hold,
    /// Write what is true.
    Publish,
    /// Tell events that are left.
    Tell,
    /// Nothing until then.
    Rest(Instant),
}

/// What the driver sees when it asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    /// Whether it is known what stands on the Node.
    pub(super) node_is_known: bool,
    /// Whether it is for this agent to speak of its profile.
    pub(super) may_speak: bool,
    /// Whether events are left to be told.
    pub(super) has_events: bool,
}

/// What came of a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proved {
    /// How long to wait before another look, where what was seen may pass by itself.
    pub(super) passes: Option<Duration>,
    /// Whether the same verdict was written last.
    pub(super) is_repeated: bool,
    /// Whether anything is to be said that was not written last.
    pub(super) is_news: bool,
    /// Whether a canary's `ready` would be withdrawn.
    pub(super) withdraws: bool,
    /// When a canary has to be asked about again.
    pub(super) word: Option<Instant>,
}

/// How what is true compares to what was written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    /// Nobody knows now what is true.
    Unknown,
    /// It is what was written.
    Written,
    /// It is something else.
    News,
}

/// The steps of a turn, in their order. Each is taken at most once in a turn, so no turn is endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Read,
    Prove,
    Hold,
    Say,
    Rest,
}

pub(super) struct Schedule {
    heartbeat: Duration,
    /// Whether others than this agent write what it speaks of.
    shares_the_node: bool,
    step: Step,
    truth: Truth,
    /// Whether a write is due though it brings no news.
    is_due: bool,
    in_doubt: bool,
    reads_afresh: bool,
    next_heartbeat: Instant,
    next_try: Instant,
    next_telling: Instant,
    next_look: Option<Instant>,
    next_word: Option<Instant>,
    /// When to ask whether what was written still stands; none where a heartbeat comes soon enough.
    next_listening: Option<Instant>,
    /// The pause before the asking after that one.
    listening: Duration,
    retries: Backoff,
    tellings: Backoff,
    looks: Backoff,
    chance: Rng,
}

impl Schedule {
    /// Begins: everything is due. By chance the agents of a cluster do not stay together.
    pub(super) fn new(now: Instant, heartbeat: Duration, shares_the_node: bool, chance: Rng) -> Self {
        Schedule {
            heartbeat,
            shares_the_node,
            step: Step::Rest,
            truth: Truth::Unknown,
            is_due: false,
            in_doubt: false,
            reads_afresh: false,
            next_heartbeat: now,
            next_try: now,
            next_telling: now,
            next_look: None,
            next_word: None,
            next_listening: (LISTEN * 2 < heartbeat).then_some(now + LISTEN),
            listening: LISTEN * 2,
            retries: Backoff::new(RETRY.0, RETRY.1),
            tellings: Backoff::new(RETRY.0, RETRY.1),
            looks: Backoff::new(LOOK, heartbeat),
            chance,
        }
    }

    /// Begins a turn. `has_changed`: something that the last look hangs on.
    pub(super) fn wake(&mut self, now: Instant, has_changed: bool) {
        if now >= self.next_heartbeat {
            self.next_heartbeat = now + jittered(self.heartbeat, &mut self.chance);
            self.is_due = true;
            self.truth = Truth::Unknown;
        }
        if has_changed || self.next_look.into_iter().chain(self.next_word).any(|at| now >= at) {
            self.truth = Truth::Unknown;
        }
        // One that has come is over, also where nothing can be done about it now.
        self.next_look = self.next_look.filter(|at| *at > now);
        self.next_word = self.next_word.filter(|at| *at > now);
        let listens = self.truth == Truth::Written && self.next_listening.is_some_and(|at| now >= at);
        self.reads_afresh = (listens || self.truth == Truth::Unknown && self.shares_the_node) && now >= self.next_try;
        self.step = Step::Read;
    }

    /// What is to be done next in this turn.
    pub(super) fn due(&mut self, now: Instant, outside: Outside) -> Due {
        loop {
            let (due, next) = match self.step {
                Step::Read => (self.to_read(now, outside), Step::Prove),
                Step::Prove => ((self.truth == Truth::Unknown && outside.node_is_known).then_some(Due::Prove), Step::Hold),
                Step::Hold => ((!outside.may_speak && self.has_to_write()).then_some(Due::Hold), Step::Say),
                Step::Say => (self.to_say(now, outside), Step::Rest),
                Step::Rest => return Due::Rest(self.wakes_at(now, outside)),
            };
            self.step = next;
            if let Some(due) = due {
                return due;
            }
        }
    }

    fn to_read(&self, now: Instant, outside: Outside) -> Option<Due> {
        let is_due = (self.reads_afresh || !outside.node_is_known) && now >= self.next_try;
        is_due.then_some(Due::Read { afresh: self.reads_afresh })
    }

    fn has_to_write(&self) -> bool {
        self.truth == Truth::News || (self.truth == Truth::Written && self.is_due)
    }

    fn to_say(&self, now: Instant, outside: Outside) -> Option<Due> {
        if self.has_to_write() && now >= self.next_try {
            return Some(Due::Publish);
        }
        (outside.has_events && now >= self.next_telling).then_some(Due::Tell)
    }

    fn wakes_at(&self, now: Instant, outside: Outside) -> Instant {
        let telling = outside.has_events.then_some(self.next_telling);
        let is_unwritten = self.truth == Truth::Unknown || self.has_to_write();
        let others = [self.next_look, self.next_word, telling, is_unwritten.then_some(self.next_try)];
        let first = others.into_iter().flatten().fold(self.next_heartbeat.min(now + LOOK), Instant::min);
        first.max(now + LEAST_REST)
    }

    /// The Node could not be read.
    pub(super) fn not_read(&mut self, now: Instant) {
        self.next_try = now + self.retries.next(&mut self.chance);
    }

    /// It was read what stands on the Node. What was written and does not stand there any more is proven and written anew. Each time
    /// that it stands, the pause before the next asking doubles: a watch would need the right to watch all Nodes.
    pub(super) fn heard(&mut self, now: Instant, stands: bool) {
        if self.truth != Truth::Written {
            return;
        }
        if !stands {
            (self.truth, self.is_due, self.listening) = (Truth::Unknown, true, LISTEN);
        }
        self.next_listening = (self.listening * 2 < self.heartbeat).then(|| now + jittered(self.listening, &mut self.chance));
        self.listening *= 2;
    }

    /// Takes what came of a look. False where it is not believed yet: what stands on the Node has to be read again, and the node
    /// looked at once more.
    pub(super) fn proved(&mut self, now: Instant, proved: Proved) -> bool {
        self.next_word = proved.word;
        self.next_look = proved.passes.map(|first| {
            if !proved.is_repeated {
                self.looks = Backoff::new(first, self.heartbeat);
            }
            now + self.looks.next(&mut self.chance)
        });
        self.in_doubt = proved.withdraws && !self.in_doubt;
        if self.in_doubt {
            // A kubelet that starts tells nothing of its runtime for some seconds.
            self.next_try = now + DOUBT;
        } else {
            self.truth = if proved.is_news { Truth::News } else { Truth::Written };
        }
        !self.in_doubt
    }

    /// Nothing was said, and is to be said.
    pub(super) fn held(&mut self) {
        self.truth = Truth::Written;
        self.is_due = false;
    }

    /// What is true stands on the Node. `word`: when a canary that may be sent here from now on has to be asked about;
    /// `is_another_kubelet`: the answer tells of a kubelet or runtime that was replaced.
    pub(super) fn published(&mut self, word: Option<Instant>, is_another_kubelet: bool) {
        self.is_due = false;
        self.retries.reset();
        self.next_word = self.next_word.into_iter().chain(word).min();
        self.truth = if is_another_kubelet { Truth::Unknown } else { Truth::Written };
    }

    /// It could not be written. `others_wrote`: what is to be said may be another thing now.
    pub(super) fn not_published(&mut self, now: Instant, others_wrote: bool) {
        self.next_try = now + self.retries.next(&mut self.chance);
        if others_wrote {
            self.truth = Truth::Unknown;
        }
    }

    /// Events were told, all of them or not.
    pub(super) fn told(&mut self, now: Instant, all: bool) {
        if all {
            self.tellings.reset();
        } else {
            self.next_telling = now + self.tellings.next(&mut self.chance);
        }
    }
}

/// How long to wait before what was seen should be looked at again, if it may pass by itself.
pub(super) fn passes_after(published: Ready, cause: Option<Cause>) -> Option<Duration> {
    match published {
        Ready::Unknown => Some(UNKNOWN_PASSES),
        Ready::NotReady => cause.filter(|cause| cause.row().is(Mark::Passes)).map(|_| SCARCITY_PASSES),
        Ready::Ready => None,
    }
}

#[cfg(test)]
mod tests;
