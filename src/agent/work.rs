//! The one loop: prove, publish, wait.

use super::canaries::{Stand, Watch, booted};
use super::clock::{Backoff, jittered};
use super::health::Health;
use super::prover::{Prover, passes_after};
use super::publisher::Publisher;
use super::{Error, Options, memory};
use crate::node::Node;
use crate::publish::{Canaries, Canary, Desired};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::info;

/// How often the sysctls are looked at: half of the 10 s within which a change has to be noticed.
const LOOK: Duration = Duration::from_secs(5);

/// The pause before a canary's `ready` is withdrawn: what speaks against it is looked at once more.
const DOUBT: Duration = Duration::from_secs(10);

/// The first pause after a request that failed, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

pub(super) async fn work(options: Options, health: Arc<Health>) -> Result<(), Error> {
    let writer = Publisher::connect(&options).await?;
    let mut publisher = Publisher::new(options.clone(), health.clone(), writer);
    let mut prover = Prover::new(&options);
    let mut retries = Backoff::new(RETRY.0, RETRY.1);
    let mut tellings = Backoff::new(RETRY.0, RETRY.1);
    let mut looks = Backoff::new(LOOK, options.heartbeat);

    // What is true, and what was last written.
    let (mut wanted, mut written): (Option<Desired>, Option<Desired>) = (None, None);
    let start = Instant::now();
    let (mut next_heartbeat, mut next_try, mut next_telling) = (start, start, start);
    let mut canaries = Watch::new(&options);
    let (mut next_look, mut next_word): (Option<Instant>, Option<Instant>) = (None, None);
    let mut in_doubt = false;
    let mut is_due = false;
    loop {
        health.alive();
        let now = Instant::now();
        if now >= next_heartbeat {
            next_heartbeat = now + jittered(options.heartbeat);
            (wanted, is_due) = (None, true);
        }
        if prover.is_outdated() || next_look.into_iter().chain(next_word).any(|at| now >= at) {
            wanted = None;
        }
        // One that has come is over, also where nothing can be done about it now.
        next_look = next_look.filter(|at| *at > now);
        next_word = next_word.filter(|at| *at > now);
        if wanted.is_none() && options.shares_the_node() && now >= next_try {
            // Others may have written since.
            publisher.forget();
        }
        if now >= next_try
            && let Err(error) = publisher.read().await
        {
            publisher.complain(&error);
            next_try = Instant::now() + retries.next();
        }
        if let (None, Some(node)) = (&wanted, publisher.node().cloned()) {
            let stands = told(&mut canaries, &node, &mut publisher, &mut next_word).await;
            let desired = prover.prove(&options, &health, &node, &stands).await?;
            next_look = passes_after(&desired).map(|first| {
                let repeated = written.as_ref().is_some_and(|written| written.published == desired.published);
                if !repeated {
                    looks = Backoff::new(first, options.heartbeat);
                }
                Instant::now() + looks.next()
            });
            if desired.withdraws(&node, &options.prefix) && !in_doubt {
                // A kubelet that starts tells nothing of its runtime for some seconds.
                info!(seconds = DOUBT.as_secs(), "a canary's answer would be withdrawn; will look again");
                publisher.forget();
                (in_doubt, next_try) = (true, Instant::now() + DOUBT);
            } else {
                (in_doubt, wanted) = (false, Some(desired));
            }
        }
        if !publisher.may_speak() && wanted.is_some() {
            info!("this node is no candidate any more, so nothing is published");
            (written, is_due) = (wanted.clone(), false);
        }
        let is_news = wanted.is_some() && wanted.as_ref().map(Desired::says) != written.as_ref().map(Desired::says);
        if let Some(desired) = wanted.as_ref().filter(|_| (is_due || is_news) && Instant::now() >= next_try) {
            match publisher.publish(desired).await {
                Ok(()) => {
                    is_due = false;
                    retries.reset();
                    written = wanted.clone();
                    // A canary may be sent here from now on.
                    let stands = publisher.node().map(|node| canaries.look(node)).unwrap_or_default();
                    next_word = next_word.into_iter().chain(stands.into_iter().filter_map(|(_, stand)| stand.again())).min();
                    // The answer may tell of a runtime that was replaced.
                    let said = publisher.node().map(|node| node.kubelet());
                    if said.is_some_and(|said| said != desired.kubelet) {
                        info!("the kubelet tells of another version or runtime");
                        wanted = None;
                    }
                }
                Err(error) => {
                    publisher.complain(&error);
                    next_try = Instant::now() + retries.next();
                    if error.code() == Some(409) && desired.only_if_unchanged {
                        // Somebody else has written: what is to be said may be another thing now.
                        wanted = None;
                    }
                }
            }
            memory::give_back();
        } else if publisher.has_events() && now >= next_telling {
            publisher.tell().await;
            if publisher.has_events() {
                next_telling = Instant::now() + tellings.next();
            } else {
                tellings.reset();
            }
        }
        let unwritten = is_due || wanted.as_ref().map(Desired::says) != written.as_ref().map(Desired::says);
        let telling = publisher.has_events().then_some(next_telling);
        let wake = [Some(Instant::now() + LOOK), Some(next_heartbeat), next_look, next_word, telling, unwritten.then_some(next_try)];
        let wake = wake.into_iter().flatten().min().unwrap_or(now);
        // Never without a pause: whatever comes out wrong, it must not spin.
        tokio::time::sleep_until(wake.max(Instant::now() + Duration::from_millis(10)).into()).await;
    }
}

/// How the canaries on the node stand, with the reasons of those who are silent, and when that should be looked at again.
async fn told(watch: &mut Watch, node: &Node, publisher: &mut Publisher, again: &mut Option<Instant>) -> Canaries {
    let mut canaries = Canaries::new();
    *again = None;
    for (profile, stand) in watch.look(node) {
        let (canary, until) = match stand {
            Stand::Answered(until) => (Canary::Answered, Some(until)),
            Stand::Awaited(until) => (Canary::Awaited, until),
            Stand::Silent(time) => match publisher.start_of(profile).await {
                start if Watch::holds(profile, node, &start, booted().as_deref()) => (Canary::Answered, Some(watch.later())),
                start => (Canary::Silent { seconds: time.as_secs(), start }, None),
            },
        };
        canaries.insert(profile, canary);
        *again = (*again).into_iter().chain(until).min();
    }
    canaries
}
