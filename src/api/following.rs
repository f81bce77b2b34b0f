//! A Job while it runs: its pod is watched and its containers' logs are read, and both go on where a connection was lost.

use super::lines::Lines;
use super::{Error, Jobs};
use crate::build::{Failure, Phase, Stage, job_failure, phase};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often is looked at the clock while a watch is silent.
const TICK: Duration = Duration::from_secs(1);
/// A watch that says nothing for so long is dead: the API server ends each before.
const DEAD_WATCH: Duration = Duration::from_secs(60);
/// A log that says nothing for so long is asked for anew: its connection may be dead.
const SILENT_LOG: Duration = Duration::from_secs(60);
/// How long the API server may be away.
const OUTAGE: Duration = Duration::from_secs(120);
/// How long to wait before the next attempt.
const RETRY: Duration = Duration::from_secs(1);
/// How long a container may say that it can't start: what it needs may come late.
const STUCK: Duration = Duration::from_secs(20);
/// How long the end of a log may take to come when its container is known to have ended.
const REST_OF_LOG: Duration = Duration::from_secs(10);

/// What happens while a Job runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// It waits, for this.
    Waiting(&'a str),
    /// A container has started: its index in the stages.
    Started(usize),
    /// It has printed a line.
    Line(usize, &'a str),
    /// The API server does not answer; it is asked again.
    Lost(&'a Error),
}

/// How a Job ended.
#[derive(Debug)]
pub enum Ending {
    /// All containers are done; the last one's termination message.
    Done(String),
    /// It failed.
    Failed(Failure),
    /// The cluster makes no pod for it, and says why.
    Refused(String),
    /// Its pod was deleted.
    Deleted,
}

/// A Job that was created.
pub struct Following<'a> {
    /// Its namespace's Jobs.
    pub jobs: &'a Jobs,
    /// Its name.
    pub name: &'a str,
    /// Its UID.
    pub uid: &'a str,
    /// Its containers.
    pub stages: &'a [Stage],
    /// Who is told.
    pub tell: &'a dyn Fn(Event<'_>),
}

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
        let mut watcher = Watcher { following: self, state, waiting: String::new(), stuck: None };
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

    /// Reads the log of each container, in the order in which they run.
    async fn read_logs(&self, mut state: watch::Receiver<Option<Value>>) {
        for (index, stage) in self.stages.iter().enumerate() {
            let container = stage.container.as_str();
            let Ok(pod) = state.wait_for(|pod| pod.as_ref().is_some_and(|pod| has_started(pod, container))).await.map(|pod| pod.clone())
            else {
                return;
            };
            let pod = pod.as_ref().and_then(|pod| pod["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
            (self.tell)(Event::Started(index));
            self.read_log(index, &pod, container, &mut state).await;
        }
    }

    /// Reads one log to its end, also over several connections.
    async fn read_log(&self, index: usize, pod: &str, container: &str, state: &mut watch::Receiver<Option<Value>>) {
        let mut seen = Seen::default();
        loop {
            let is_ended = || state.borrow().as_ref().is_none_or(|pod| has_ended(pod, container)) || state.has_changed().is_err();
            let had_ended = is_ended();
            let since = seen.begin().map(str::to_owned);
            let is_whole = match self.jobs.log(pod, container, since.as_deref()).await {
                Ok(lines) => self.pass_on(index, lines, &mut seen).await,
                // Its pod is gone, and its log with it.
                Err(error) => error.code() == Some(404),
            };
            if is_whole && had_ended {
                return;
            }
            // A log ends a moment before its container is seen to have ended.
            let ended = state.wait_for(|pod| pod.as_ref().is_none_or(|pod| has_ended(pod, container)));
            let is_over = tokio::time::timeout(RETRY, ended).await;
            if is_whole && is_over.is_ok() {
                return;
            }
        }
    }

    /// Passes on what comes in. Whether it came to its end.
    async fn pass_on(&self, index: usize, mut lines: Lines, seen: &mut Seen) -> bool {
        loop {
            match lines.next(SILENT_LOG).await {
                Ok(Some(line)) => {
                    if let Some(text) = seen.unseen(&line.text) {
                        (self.tell)(Event::Line(index, text));
                    }
                }
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

/// What of a log has come in, by the times before its lines.
#[derive(Default)]
struct Seen {
    last: Option<String>,
    /// How many lines of that time.
    number: usize,
    /// How many lines of that time have come again over a new connection.
    again: usize,
}

impl Seen {
    /// The text of a line, unless it has come before.
    fn unseen<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        match self.last.as_deref() {
            Some(last) if time < last => return None,
            Some(last) if time == last => {
                self.again += 1;
                if self.again <= self.number {
                    return None;
                }
                self.number += 1;
            }
            _ => (self.last, self.number, self.again) = (Some(time.to_owned()), 1, 1),
        }
        Some(text)
    }

    /// From now on lines come over a new connection.
    fn begin(&mut self) -> Option<&str> {
        self.again = 0;
        self.last.as_deref()
    }
}

struct Watcher<'a> {
    following: &'a Following<'a>,
    /// The pod as it was last seen.
    state: &'a watch::Sender<Option<Value>>,
    /// What was last said about waiting.
    waiting: String,
    /// Since when a container can't start.
    stuck: Option<Instant>,
}

impl Watcher<'_> {
    /// Lists the pod and watches it for as long as the API server lets it. The end, if it came. What was lost is found again as soon as
    /// there is an answer.
    async fn once(&mut self, lost: &mut Option<Instant>) -> Result<Option<Ending>, Error> {
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

/// The state of a container of a pod.
fn state<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let statuses = ["initContainerStatuses", "containerStatuses"].into_iter().filter_map(|field| pod["status"][field].as_array());
    statuses.flatten().find(|status| status["name"] == container).map(|status| &status["state"])
}

fn has_ended(pod: &Value, container: &str) -> bool {
    state(pod, container).is_some_and(|state| state.get("terminated").is_some())
}

fn has_started(pod: &Value, container: &str) -> bool {
    has_ended(pod, container) || state(pod, container).is_some_and(|state| state.get("running").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_again_is_passed_on_once() {
        let mut seen = Seen::default();
        let first: Vec<_> = ["1 a", "2 b", "2 c"].into_iter().filter_map(|line| seen.unseen(line)).collect();
        assert_eq!((first, seen.begin()), (vec!["a", "b", "c"], Some("2")));
        // The API server begins with whole seconds.
        let again: Vec<_> = ["1 a", "2 b", "2 c", "2 d", "3 ", "3"].into_iter().filter_map(|line| seen.unseen(line)).collect();
        assert_eq!(again, ["d", "", ""]);
    }

    #[test]
    fn a_container_starts_and_ends() {
        let pod = |state: &str| serde_json::json!({"status": {"initContainerStatuses": [{"name": "a", "state": {state: {}}}]}});
        let is = |name: &str| (has_started(&pod(name), "a"), has_ended(&pod(name), "a"));
        assert_eq!([is("waiting"), is("running"), is("terminated")], [(false, false), (true, false), (true, true)]);
        assert!(!has_started(&pod("running"), "b"));
    }
}
