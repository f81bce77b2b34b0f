use super::*;

const HEARTBEAT: Duration = Duration::from_secs(3600);
const OUTSIDE: Outside = Outside { node_is_known: true, may_speak: true, has_events: false };
const UNREAD: Outside = Outside { node_is_known: false, ..OUTSIDE };
const PROVED: Proved = Proved { passes: None, is_repeated: false, is_news: true, withdraws: false, word: None };
const SAME: Proved = Proved { is_news: false, is_repeated: true, ..PROVED };

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What is due in a new turn.
fn first(schedule: &mut Schedule, now: Instant, outside: Outside) -> Due {
    schedule.wake(now, false);
    schedule.due(now, outside)
}

/// How long the rest lasts that a turn ends with.
fn rest(schedule: &mut Schedule, now: Instant, outside: Outside) -> Duration {
    match schedule.due(now, outside) {
        Due::Rest(until) => until - now,
        due => panic!("{due:?} is due"),
    }
}

/// An agent that has read, proved and published, long enough ago to ask no more whether that stands.
fn at_rest(shares_the_node: bool) -> (Schedule, Instant) {
    let (mut schedule, now) = has_published(shares_the_node);
    schedule.next_listening = None;
    (schedule, now)
}

/// An agent that has just read, proved and published.
fn has_published(shares_the_node: bool) -> (Schedule, Instant) {
    let now = Instant::now();
    let mut schedule = Schedule::new(now, HEARTBEAT, shares_the_node, Rng::with_seed(1));
    assert!(matches!(first(&mut schedule, now, UNREAD), Due::Read { .. }));
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, PROVED));
    assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
    schedule.published(None, false);
    assert_eq!(rest(&mut schedule, now, OUTSIDE), LOOK);
    (schedule, now)
}

#[test]
fn an_agent_at_rest_asks_ever_less_often_whether_its_word_stands_until_the_heartbeat() {
    let (mut schedule, start) = has_published(false);
    let (mut now, mut asked) = (start, Vec::new());
    while now < start + HEARTBEAT.mul_f64(0.75) - LOOK {
        schedule.wake(now, false);
        if schedule.due(now, OUTSIDE) == (Due::Read { afresh: true }) {
            schedule.heard(now, true);
            asked.push((now - start).as_secs());
        }
        assert_eq!(rest(&mut schedule, now, OUTSIDE), LOOK);
        now += LOOK;
    }
    // After 5 s, and then after pauses that double, each by a quarter shorter or longer.
    assert!(asked[0] == 5 && (7..=9).contains(&asked.len()), "{asked:?}");
    assert!(asked.windows(2).skip(2).all(|two| two[1] > two[0] + (two[0] - asked[0]) / 2), "{asked:?}");
    // At the latest it comes after its longest period; it proves, and writes what is no news.
    now = start + HEARTBEAT.mul_f64(1.25);
    assert_eq!(first(&mut schedule, now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, SAME));
    assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
}

#[test]
fn a_word_that_stands_no_more_is_proven_and_written_anew_at_once() {
    let (mut schedule, start) = has_published(false);
    let mut now = start + seconds(10);
    schedule.heard(now, true);
    for pause in [LISTEN, LISTEN] {
        now = schedule.next_listening.expect("it listens").max(now + pause);
        assert_eq!(first(&mut schedule, now, OUTSIDE), Due::Read { afresh: true });
        schedule.heard(now, false);
        assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
        assert!(schedule.proved(now, SAME));
        assert_eq!(schedule.due(now, OUTSIDE), Due::Publish, "though it is no news");
        schedule.published(None, false);
        // Whoever changed it once may do so again.
        let pause = schedule.next_listening.expect("it listens") - now;
        assert!(pause <= LISTEN.mul_f64(1.25), "{pause:?}");
    }
}

#[test]
fn what_is_not_written_yet_is_not_missed() {
    let now = Instant::now();
    let mut schedule = Schedule::new(now, HEARTBEAT, false, Rng::with_seed(1));
    assert!(matches!(first(&mut schedule, now, UNREAD), Due::Read { .. }));
    schedule.heard(now, false);
    assert_eq!(schedule.next_listening, Some(now + LISTEN));
}

#[test]
fn the_rest_ends_with_a_heartbeat_that_is_near() {
    let (mut schedule, _) = at_rest(false);
    let now = schedule.next_heartbeat - seconds(2);
    schedule.wake(now, false);
    assert_eq!(rest(&mut schedule, now, OUTSIDE), seconds(2));
}

#[test]
fn a_change_is_looked_at_and_written_only_where_it_is_news() {
    for (proved, due) in [(SAME, None), (PROVED, Some(Due::Publish))] {
        let (mut schedule, start) = at_rest(false);
        let now = start + LOOK;
        schedule.wake(now, true);
        assert_eq!(schedule.due(now, OUTSIDE), Due::Prove, "nobody else writes: nothing is read again");
        assert!(schedule.proved(now, proved));
        let next = schedule.due(now, OUTSIDE);
        assert_eq!(Some(next).filter(|due| !matches!(due, Due::Rest(_))), due);
    }
}

#[test]
fn where_others_write_the_node_is_read_before_each_look() {
    let (mut schedule, start) = at_rest(true);
    let now = start + LOOK;
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, OUTSIDE), Due::Read { afresh: true });
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    // One that can't be read is not judged.
    let (mut schedule, start) = at_rest(true);
    let now = start + LOOK;
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, OUTSIDE), Due::Read { afresh: true });
    schedule.not_read(now);
    assert!(rest(&mut schedule, now, UNREAD) < seconds(1));
}

#[test]
fn what_fails_is_tried_again_ever_later() {
    let (mut schedule, mut now) = at_rest(false);
    now += LOOK;
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, PROVED));
    let mut waits = Vec::new();
    for _ in 0..20 {
        assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
        schedule.not_published(now, false);
        // Nothing is written before, and nothing is proved again.
        let begun = now;
        while now < schedule.next_try {
            now += rest(&mut schedule, now, OUTSIDE);
            schedule.wake(now, false);
        }
        waits.push(now - begun);
    }
    assert!(waits[0] < seconds(1), "{waits:?}");
    assert!(waits[10..].iter().all(|wait| (RETRY.1 / 2..=RETRY.1 * 3 / 2).contains(wait)), "{waits:?}");
    assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
    schedule.published(None, false);
    assert_eq!(rest(&mut schedule, now, OUTSIDE), LOOK);
    schedule.not_read(now);
    assert!(schedule.next_try - now < seconds(1), "a success begins anew");
}

#[test]
fn a_write_that_others_came_before_is_thought_over() {
    let (mut schedule, mut now) = at_rest(true);
    now += LOOK;
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, OUTSIDE), Due::Read { afresh: true });
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, PROVED));
    assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
    schedule.not_published(now, true);
    now += rest(&mut schedule, now, UNREAD);
    assert!(matches!(first(&mut schedule, now, UNREAD), Due::Read { .. }));
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
}

#[test]
fn a_kubelet_that_was_replaced_is_judged_at_once() {
    let (mut schedule, now) = at_rest(false);
    schedule.published(None, true);
    assert_eq!(rest(&mut schedule, now, OUTSIDE), LEAST_REST);
    assert_eq!(first(&mut schedule, now + LEAST_REST, OUTSIDE), Due::Prove);
}

#[test]
fn a_withdrawal_is_doubted_once() {
    let (mut schedule, mut now) = at_rest(true);
    let withdraws = Proved { withdraws: true, ..PROVED };
    now += LOOK;
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, OUTSIDE), Due::Read { afresh: true });
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(!schedule.proved(now, withdraws), "not at the first look");
    let doubted = now;
    while now < doubted + DOUBT {
        now += rest(&mut schedule, now, UNREAD);
        schedule.wake(now, false);
    }
    assert_eq!(now, doubted + DOUBT);
    assert_eq!(schedule.due(now, UNREAD), Due::Read { afresh: true });
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, withdraws), "but at the second");
    assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
    // The next one is doubted again.
    schedule.published(None, false);
    assert!(!schedule.proved(now, withdraws));
}

#[test]
fn what_may_pass_is_looked_at_ever_more_rarely_while_it_stays() {
    let (mut schedule, mut now) = at_rest(false);
    let mut waits = Vec::new();
    let mut proved = Proved { passes: Some(SCARCITY_PASSES), ..PROVED };
    schedule.wake(now, true);
    for _ in 0..12 {
        assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
        assert!(schedule.proved(now, proved));
        proved.is_repeated = true;
        schedule.published(None, false);
        let at = schedule.next_look.expect("a look");
        waits.push(at - now);
        now = at;
        schedule.wake(now, false);
        assert_eq!(schedule.next_look, None, "it has come");
    }
    assert!(waits[0] <= SCARCITY_PASSES * 3 / 2 && waits[1] >= SCARCITY_PASSES, "{waits:?}");
    assert!(waits[10] >= HEARTBEAT / 2, "{waits:?}");
    // Another verdict begins anew.
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, Proved { passes: Some(UNKNOWN_PASSES), ..PROVED }));
    assert!(schedule.next_look.is_some_and(|at| at - now <= UNKNOWN_PASSES * 3 / 2));
}

#[test]
fn a_canarys_word_is_waited_for_no_longer_than_said() {
    let (mut schedule, now) = at_rest(true);
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, OUTSIDE), Due::Read { afresh: true });
    assert_eq!(schedule.due(now, OUTSIDE), Due::Prove);
    assert!(schedule.proved(now, Proved { word: Some(now + seconds(4)), ..PROVED }));
    assert_eq!(schedule.due(now, OUTSIDE), Due::Publish);
    // With the label a canary is sent here, which has its own time.
    schedule.published(Some(now + seconds(3)), false);
    assert_eq!(rest(&mut schedule, now, OUTSIDE), seconds(3));
    assert_eq!(first(&mut schedule, now + seconds(3), OUTSIDE), Due::Read { afresh: true });
}

#[test]
fn one_who_has_no_say_says_nothing_and_says_so_once() {
    let (mut schedule, mut now) = at_rest(true);
    let silenced = Outside { may_speak: false, ..OUTSIDE };
    now += LOOK;
    schedule.wake(now, true);
    assert_eq!(schedule.due(now, silenced), Due::Read { afresh: true });
    assert_eq!(schedule.due(now, silenced), Due::Prove);
    assert!(schedule.proved(now, PROVED));
    assert_eq!(schedule.due(now, silenced), Due::Hold);
    schedule.held();
    now += rest(&mut schedule, now, silenced);
    schedule.wake(now, false);
    assert_eq!(rest(&mut schedule, now, silenced), LOOK);
}

#[test]
fn events_that_are_left_are_told_between_writes() {
    let (mut schedule, mut now) = at_rest(false);
    let left = Outside { has_events: true, ..OUTSIDE };
    now += LOOK;
    assert_eq!(first(&mut schedule, now, left), Due::Tell);
    schedule.told(now, false);
    let wait = rest(&mut schedule, now, left);
    assert!(wait < seconds(1) && wait >= RETRY.0 / 2, "{wait:?}");
    assert_eq!(first(&mut schedule, now + wait / 2, left), Due::Rest(now + wait), "not before");
    assert_eq!(first(&mut schedule, now + wait, left), Due::Tell);
    schedule.told(now + wait, true);
    // A write comes first, and tells on its way.
    schedule.wake(now + wait, true);
    assert_eq!(schedule.due(now + wait, left), Due::Prove);
    assert!(schedule.proved(now + wait, PROVED));
    assert_eq!(schedule.due(now + wait, left), Due::Publish);
    schedule.published(None, false);
    assert!(matches!(schedule.due(now + wait, OUTSIDE), Due::Rest(_)));
}

#[test]
fn it_never_spins() {
    let mut chance = Rng::with_seed(2);
    let mut random = |of: u32| chance.u32(..of) == 0;
    for shares in [false, true] {
        let mut now = Instant::now();
        let mut schedule = Schedule::new(now, seconds(1), shares, Rng::with_seed(3));
        for _ in 0..20_000 {
            schedule.wake(now, random(2));
            let mut steps = 0;
            let until = loop {
                steps += 1;
                assert!(steps <= 5, "a turn ends");
                let outside = Outside { node_is_known: random(2), may_speak: random(2), has_events: random(2) };
                match schedule.due(now, outside) {
                    Due::Rest(until) => break until,
                    Due::Read { .. } if random(2) => schedule.not_read(now),
                    Due::Read { .. } => {}
                    Due::Prove => {
                        let at = random(2).then_some(now);
                        let passes = random(2).then_some(Duration::ZERO);
                        let proved = Proved { passes, is_repeated: random(2), is_news: random(2), withdraws: random(2), word: at };
                        schedule.proved(now, proved);
                    }
                    Due::Hold => schedule.held(),
                    Due::Publish if random(2) => schedule.not_published(now, random(2)),
                    Due::Publish => schedule.published(random(2).then_some(now), random(2)),
                    Due::Tell => schedule.told(now, random(2)),
                }
            };
            assert!(until >= now + LEAST_REST && until <= now + LOOK);
            now = until;
        }
    }
}

#[test]
fn what_nobody_can_tell_and_what_is_scarce_may_pass() {
    for (published, cause, passes) in [
        (Ready::Ready, None, None),
        (Ready::Unknown, None, Some(UNKNOWN_PASSES)),
        (Ready::Unknown, Some(Cause::Seccomp), Some(UNKNOWN_PASSES)),
        (Ready::NotReady, Some(Cause::DiskSpace), Some(SCARCITY_PASSES)),
        (Ready::NotReady, Some(Cause::UsernsMax0), None),
        (Ready::NotReady, None, None),
    ] {
        assert_eq!(passes_after(published, cause), passes, "{published} {cause:?}");
    }
}
