//! A Job while it runs: its pod is watched and its containers' logs are read, and both go on where a connection was lost.

mod event;
mod log;
mod seen;
mod watcher;

use super::Error;
use crate::build::{Failure, job_failure};
use event::RETRY;
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use watcher::Watcher;

pub use event::{Ending, Event, Following};

/// How long the API server may be away.
const OUTAGE: Duration = Duration::from_secs(120);
/// How long the end of a log may take to come when its container is known to have ended.
const REST_OF_LOG: Duration = Duration::from_secs(10);

impl Following<'_> {
    /// Follows it to its end.
    ///
    /// # Errors
    /// The API server refuses, or was away for too long.
    pub async fn to_the_end(&self) -> Result<Ending, Error> {
        let (sender, receiver) = watch::channel(None);
        let reading = self.read_logs(receiver);
        let watching = async {
            let ending = self.watch(&sender).await;
            drop(sender);
            ending
        };
        tokio::pin!(reading, watching);
        let mut has_read = false;
        let ending = loop {
            tokio::select! {
                ending = &mut watching => break ending,
                () = &mut reading, if !has_read => has_read = true,
            }
        };
        if !has_read {
            // The containers are at their end, and so are their logs.
            let _ = tokio::time::timeout(REST_OF_LOG, reading).await;
        }
        ending
    }

    /// Watches the pod until all is over.
    async fn watch(&self, state: &watch::Sender<Option<Value>>) -> Result<Ending, Error> {
        let mut watcher = Watcher::new(self, state);
        let mut lost: Option<Instant> = None;
        loop {
            let error = match watcher.once(&mut lost).await {
                Ok(Some(ending)) => return self.explained(ending).await,
                Ok(None) => continue,
                Err(error) => error,
            };
            let is_transient = error.may_be_done() || error.code().is_some_and(|code| code == 410 || code == 429 || code >= 500);
            let since = *lost.get_or_insert_with(|| {
                (self.tell)(Event::Lost(&error));
                Instant::now()
            });
            if !is_transient || since.elapsed() > OUTAGE {
                return Err(error);
            }
            tokio::time::sleep(RETRY + Duration::from_millis(fastrand::u64(..500))).await;
        }
    }

    /// What the Job itself says of a failure outranks what its pod says: a container whose time is up ends like one that is killed.
    async fn explained(&self, ending: Ending) -> Result<Ending, Error> {
        if matches!(ending, Ending::Done(_) | Ending::Refused(_)) {
            return Ok(ending);
        }
        let job = self.jobs.job(self.name).await.ok().flatten();
        let failure = job.as_ref().and_then(job_failure);
        Ok(failure.filter(|failure| *failure == Failure::TimedOut).map_or(ending, Ending::Failed))
    }
}
