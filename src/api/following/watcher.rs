//! The pod of a Job, watched.

use super::event::{Ending, Event, Following};
use crate::api::Error;
use crate::build::{Failure, Phase, phase};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often is looked at the clock while a watch is silent.
const TICK: Duration = Duration::from_secs(1);
/// A watch that says nothing for so long is dead: the API server ends each before.
const DEAD_WATCH: Duration = Duration::from_secs(60);
/// How long a container may say that it can't start: what it needs may come late.
const STUCK: Duration = Duration::from_secs(20);

/// What a Job's pod does, as the API server tells it.
pub(super) struct Watcher<'a> {
    following: &'a Following<'a>,
    /// The pod as it was last seen.
    state: &'a watch::Sender<Option<Value>>,
    /// What was last said about waiting.
    waiting: String,
    /// Since when a container can't start.
    stuck: Option<Instant>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(following: &'a Following<'a>, state: &'a watch::Sender<Option<Value>>) -> Self {
        Watcher { following, state, waiting: String::new(), stuck: None }
    }

    /// Lists the pod and watches it for as long as the API server lets it. The end, if it came. What was lost is found again as soon as
    /// there is an answer.
    pub(super) async fn once(&mut self, lost: &mut Option<Instant>) -> Result<Option<Ending>, Error> {
        let (jobs, job) = (self.following.jobs, self.following.name);
        let (pods, version) = jobs.pods(job).await?;
        *lost = None;
        let had_pod = self.state.borrow().is_some();
        match pods.into_iter().next() {
            Some(pod) => self.state.send_replace(Some(pod)),
            None if had_pod => return Ok(Some(Ending::Deleted)),
            None => None,
        };
        if let Some(ending) = self.judged().await? {
            return Ok(Some(ending));
        }
        let mut lines = jobs.watch(job, &version).await?;
        let mut heard = Instant::now();
        loop {
            match lines.next(TICK).await {
                Ok(Some(line)) => {
                    heard = Instant::now();
                    let Ok(event) = serde_json::from_str::<Value>(&line.text) else { return Ok(None) };
                    match event["type"].as_str() {
                        Some("ADDED" | "MODIFIED") => drop(self.state.send_replace(Some(event["object"].clone()))),
                        Some("DELETED") => {
                            self.state.send_replace(Some(event["object"].clone()));
                            return Ok(Some(self.judged().await?.unwrap_or(Ending::Deleted)));
                        }
                        Some("BOOKMARK") => {}
                        // Too old, for instance: all anew.
                        _ => return Ok(None),
                    }
                }
                Ok(None) => return Ok(None),
                Err(Error::Silent { .. }) if heard.elapsed() < DEAD_WATCH => {}
                Err(error) => return Err(error),
            }
            if let Some(ending) = self.judged().await? {
                return Ok(Some(ending));
            }
        }
    }

    /// The end, if what is there is one. Tells what it waits for.
    async fn judged(&mut self) -> Result<Option<Ending>, Error> {
        let phase = self.state.borrow().as_ref().map(|pod| phase(pod, self.following.stages));
        let Some(phase) = phase else {
            let refused = self.following.jobs.refusal(self.following.uid).await;
            return match refused {
                // What the cluster lacks may come late: a quota that others use, a service account of a new namespace.
                Ok(Some(why)) => {
                    self.says(&why);
                    let since = *self.stuck.get_or_insert_with(Instant::now);
                    Ok((since.elapsed() > STUCK).then_some(Ending::Refused(why)))
                }
                Ok(None) => Ok(None),
                // Without the right to read events nobody can tell why there is no pod.
                Err(error) if error.is_forbidden() => Ok(None),
                Err(error) => Err(error),
            };
        };
        if !matches!(phase, Phase::Failed(Failure::CannotStart { .. })) {
            self.stuck = None;
        }
        Ok(match phase {
            Phase::Waiting(why) => {
                self.says(&why);
                None
            }
            Phase::Running(_) => None,
            Phase::Done(message) => Some(Ending::Done(message)),
            Phase::Failed(failure @ Failure::CannotStart { .. }) => {
                let since = *self.stuck.get_or_insert_with(Instant::now);
                if since.elapsed() > STUCK {
                    return Ok(Some(Ending::Failed(failure)));
                }
                self.says(&failure.text(self.following.stages));
                None
            }
            Phase::Failed(failure) => Some(Ending::Failed(failure)),
        })
    }

    fn says(&mut self, why: &str) {
        if self.waiting != why {
            why.clone_into(&mut self.waiting);
            (self.following.tell)(Event::Waiting(why));
        }
    }
}
