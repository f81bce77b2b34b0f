//! The one loop: prove, publish, wait. What is due when, the schedule says; this does it.

use super::canaries::{Stand, Watch, booted};
use super::health::Health;
use super::prover::{Judged, Prover};
use super::publisher::Publisher;
use super::schedule::{DOUBT, Due, Outside, Proved, Schedule};
use super::{Error, Options, memory};
use crate::node::View;
use crate::publish::{Canaries, Canary};
use std::sync::Arc;
use std::time::Instant;
use tracing::info;

pub(super) async fn work(options: Options, health: Arc<Health>) -> Result<(), Error> {
    let writer = match options.features {
        Some(_) => None,
        None => Some(Publisher::connect(&options, &health).await?),
    };
    let mut work = Work {
        publisher: Publisher::new(options.clone(), health.clone(), writer),
        prover: Prover::new(&options),
        canaries: Watch::new(&options),
        schedule: Schedule::new(Instant::now(), options.heartbeat, options.shares_the_node(), fastrand::Rng::new()),
        is: None,
        written: None,
        options,
        health,
    };
    loop {
        work.health.alive();
        let until = work.turn().await?;
        tokio::time::sleep_until(until.into()).await;
    }
}

struct Work {
    options: Options,
    health: Arc<Health>,
    publisher: Publisher,
    prover: Prover,
    canaries: Watch,
    schedule: Schedule,
    /// What is true, by the last look that was believed.
    is: Option<Judged>,
    /// What was last written.
    written: Option<Judged>,
}

impl Work {
    /// Does all that is due, and says until when there is nothing more.
    async fn turn(&mut self) -> Result<Instant, Error> {
        self.schedule.wake(Instant::now(), self.prover.take_changes());
        loop {
            let outside = Outside {
                node_is_known: self.publisher.node().is_some(),
                may_speak: self.publisher.may_speak(),
                has_events: self.publisher.has_events(),
            };
            match self.schedule.due(Instant::now(), outside) {
                Due::Read { afresh } => self.read(afresh).await,
                Due::Prove => self.prove().await?,
                Due::Hold => self.hold(),
                Due::Publish => self.publish().await,
                Due::Tell => {
                    self.publisher.tell().await;
                    self.schedule.told(Instant::now(), !self.publisher.has_events());
                }
                Due::Rest(until) => return Ok(until),
            }
        }
    }

    async fn read(&mut self, afresh: bool) {
        if afresh {
            self.publisher.forget();
        }
        if let Err(error) = self.publisher.read().await {
            self.publisher.complain(&error);
            return self.schedule.not_read(Instant::now());
        }
        let Some(node) = self.publisher.node() else { return };
        if !self.options.is_canary() {
            self.health.metrics.pool(node);
        }
        let stands = !self.publisher.may_speak() || self.written.as_ref().is_some_and(|written| written.desired.stands_on(node));
        self.schedule.heard(Instant::now(), stands);
        if let Err(error) = self.publisher.withdraw_strays().await {
            self.publisher.complain(&error);
        }
        memory::give_back();
    }

    async fn prove(&mut self) -> Result<(), Error> {
        let Some(node) = self.publisher.node().cloned() else { return Ok(()) };
        let (canaries, word) = self.ask_for_canaries(&node).await;
        let judged = self.prover.prove(&self.options, &self.health, &node, &canaries).await?;
        let written = self.written.as_ref();
        let proved = Proved {
            passes: judged.passes_after(),
            is_repeated: written.is_some_and(|written| written.published == judged.published),
            is_news: written.is_none_or(|written| written.desired.says() != judged.desired.says()),
            withdraws: judged.desired.withdraws(&node),
            word,
        };
        if self.schedule.proved(Instant::now(), proved) {
            self.is = Some(judged);
        } else {
            info!(seconds = DOUBT.as_secs(), "this check would withdraw a canary's verdict; will check again first");
            self.publisher.forget();
        }
        Ok(())
    }

    fn hold(&mut self) {
        info!("this node is no longer a candidate; nothing is published");
        self.written = self.is.clone();
        self.schedule.held();
    }

    async fn publish(&mut self) {
        let Some(is) = &self.is else { return self.schedule.not_published(Instant::now(), true) };
        if let Some(directory) = &self.options.features {
            if self.publisher.write_features(directory, &is.desired) {
                self.schedule.published(None, false);
                self.written = self.is.clone();
            } else {
                self.schedule.not_published(Instant::now(), false);
            }
            return;
        }
        match self.publisher.publish(&is.desired).await {
            Ok(()) => {
                let node = self.publisher.node();
                // A canary may be sent here from now on.
                let stands = node.map(|node| self.canaries.look(node)).unwrap_or_default();
                let word = stands.into_iter().filter_map(|(_, stand)| stand.again()).min();
                // The answer may tell of a runtime that was replaced.
                let is_another = node.is_some_and(|node| node.kubelet != is.kubelet);
                if is_another {
                    info!("the kubelet reports another version or runtime");
                }
                self.schedule.published(word, is_another);
                self.written = self.is.clone();
            }
            Err(error) => {
                self.publisher.complain(&error);
                self.schedule.not_published(Instant::now(), error.code() == Some(409) && is.desired.only_if_unchanged);
            }
        }
        memory::give_back();
    }

    /// How the canaries on the node stand, with the reasons of those who are silent, and when that should be looked at again.
    async fn ask_for_canaries(&mut self, node: &View) -> (Canaries, Option<Instant>) {
        let mut canaries = Canaries::new();
        let mut again = None;
        for (profile, stand) in self.canaries.look(node) {
            let (canary, until) = match stand {
                Stand::Answered(until) => (Canary::Answered, Some(until)),
                Stand::Awaited(until) => (Canary::Awaited, until),
                Stand::Silent(time) => match self.publisher.start_of(profile).await {
                    start if Watch::holds(profile, node, &start, booted().as_deref()) => (Canary::Answered, Some(self.canaries.later())),
                    start => (Canary::Silent { seconds: time.as_secs(), start }, None),
                },
            };
            canaries.insert(profile, canary);
            again = again.into_iter().chain(until).min();
        }
        self.health.metrics.canaries(&canaries);
        (canaries, again)
    }
}
