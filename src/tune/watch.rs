//! Keeps sysctls as they were set, until somebody else insists.

use super::tug_of_war::{Move, TugOfWar};
use super::{Audit, Error, Writer, apply, is_in_place, status, to_keep};
use crate::cause::set_at_boot;
use crate::fact::{Facts, Problem, Reason, Tuned};
use crate::gather;
use crate::read::Watched;
use crate::tune::plan::{Change, LeftBecause, TuneOptions, TunePlan};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often the sysctls are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long something that could not be done is left before the next try.
const RETRY: Duration = Duration::from_secs(60);

/// What to keep, and where.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What may be set.
    pub options: TuneOptions,
    /// Where to say what was done.
    pub status: Option<PathBuf>,
    /// How to look at the node.
    pub gather: gather::Options,
}

/// Sets what is too low, now and whenever it is set back, until SIGTERM or SIGINT. What was set stays.
///
/// # Errors
/// What keeps it from starting. What can't be done later is told, and tried again.
pub fn watch(writer: &Writer, request: &Watch, audit: &Audit) -> Result<(), Error> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    let failed = |errno: nix::errno::Errno| Error::new(format!("could not wait for signals: {}", errno.desc()));
    // As a container's first process it would not be ended by a signal that nobody asks for.
    signals.thread_block().map_err(failed)?;
    let ended = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map_err(failed)?;
    let watched = Watched::open();
    let mut keeper = Keeper { writer, request, audit, war: TugOfWar::default(), tuned: Tuned::new(audit.boot_id().to_owned()), told: None };
    let (mut seen, mut looked) = (None, Instant::now());
    loop {
        let now = watched.fingerprint();
        if seen.as_ref() != Some(&now) || keeper.tuned.problem.is_some() && looked.elapsed() >= RETRY {
            keeper.look()?;
            // What was set just now is nothing new.
            (seen, looked) = (Some(watched.fingerprint()), Instant::now());
        }
        let mut waits = [PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX);
        if matches!(poll(&mut waits, timeout), Ok(signals) if signals > 0) {
            return Ok(());
        }
    }
}

struct Keeper<'a> {
    writer: &'a Writer,
    request: &'a Watch,
    audit: &'a Audit,
    war: TugOfWar,
    tuned: Tuned,
    /// What the status file says.
    told: Option<Tuned>,
}

impl Keeper<'_> {
    fn look(&mut self) -> Result<(), Error> {
        let facts = gather::gather(&self.request.gather).map_err(|bad| Error::new(bad.to_string()))?;
        let problem = self.keep(&facts);
        let same = |old: &Problem| problem.as_ref().is_some_and(|(reason, message)| (old.reason, &old.message) == (*reason, message));
        if !self.tuned.problem.as_ref().is_some_and(same) {
            self.tuned.problem = problem.map(|(reason, message)| {
                let at = self.audit.problem(&format!("{reason:?}"), &message);
                Problem { reason, message, at }
            });
        }
        if let Some(path) = self.request.status.as_ref().filter(|_| self.told.as_ref() != Some(&self.tuned)) {
            match status::write(self.writer, path, &self.tuned) {
                Ok(()) => self.told = Some(self.tuned.clone()),
                // At the start somebody can mend it; later the sysctls matter more.
                Err(error) if self.told.is_none() => return Err(error),
                Err(error) => drop(self.audit.problem("Status", &error.message)),
            }
        }
        Ok(())
    }

    /// Sets what is too low; what stays low all the same.
    fn keep(&mut self, facts: &Facts) -> Option<(Reason, String)> {
        let options = &self.request.options;
        let plan = TunePlan::new(facts, options);
        let now = Instant::now();
        for change in &plan.changes {
            if self.war.is_low(change.sysctl, now) != Move::Set {
                return Some((Reason::TugOfWar, lost(facts, change)));
            }
        }
        let kept = options.persist.then(|| to_keep(&plan, facts, options.limit));
        let mut changes = Vec::new();
        let done = is_in_place(facts).and_then(|()| apply(self.writer, &plan, kept.as_deref(), self.audit, &mut changes));
        for change in changes {
            self.war.was_set(change.sysctl, now);
            // The latest of each: one that is set back again and again must not fill a file.
            self.tuned.changes.retain(|earlier| earlier.sysctl != change.sysctl);
            self.tuned.changes.push(change);
        }
        match done {
            Ok(persisted) => self.tuned.persisted = persisted.is_some(),
            Err(Error { message, hint }) => {
                return Some((Reason::Failed, [Some(message), hint].into_iter().flatten().collect::<Vec<_>>().join(": ")));
            }
        }
        let reason = |because| match because {
            LeftBecause::Policy => Some(Reason::Policy),
            LeftBecause::Unreadable => Some(Reason::Failed),
            LeftBecause::NotAllowed => None,
        };
        plan.left.iter().find_map(|left| Some((reason(left.reason)?, format!("{} is left unchanged: {}", left.sysctl, left.message))))
    }
}

/// Somebody else insists on a value.
fn lost(facts: &Facts, change: &Change) -> String {
    let Change { sysctl, from, .. } = change;
    let behind = match set_at_boot(facts, *sysctl) {
        Some(setting) if setting.value == from.to_string() => format!("{} sets it to this value", setting.file),
        _ => "no readable sysctl.d file sets it (look for a DaemonSet, TuneD or a configuration tool)".into(),
    };
    format!("{sysctl} was reset to {from} three times in 10 minutes; {behind}. Leaving it alone for an hour")
}
