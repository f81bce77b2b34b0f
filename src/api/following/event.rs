use crate::api::{Error, Jobs};
use crate::build::{Failure, Stage};
use std::time::Duration;

/// How long to wait before the next attempt.
pub(super) const RETRY: Duration = Duration::from_secs(1);

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
