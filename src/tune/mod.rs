//! Sets sysctls, where it was told to: the only writer to the host.
//!
//! What may be set is [`Tunable`] and nothing else, whatever a flag, a file or the environment says; a value is only ever
//! raised, and never taken back. All sysctls are opened before anything is written, and the file that keeps them is written
//! before them: a run that was killed is completed by the next. Every change is a line of the audit log.

mod audit;
mod directory;
mod persist;
pub mod plan;
mod status;
mod sysctl;
mod tug_of_war;
mod watch;

pub use audit::Audit;
pub use persist::forget;
pub use watch::{Watch, watch};

use crate::fact::{Facts, SysctlChange, Tunable, UserNamespace};
use crate::tune::plan::{Change, TunePlan};
use std::fmt;
use std::path::PathBuf;
use sysctl::Sysctl;

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was tried, on what, and what came of it.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Error {
    fn new(message: impl Into<String>) -> Self {
        Error { message: message.into(), hint: None }
    }

    fn io(doing: &str, path: impl fmt::Display, errno: nix::errno::Errno) -> Self {
        Error::new(format!("could not {doing} {path}: {}", errno.desc()))
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Error { hint: Some(hint.into()), ..self }
    }
}

/// What it takes to write anything: made where somebody asked for it, and nowhere else. A plan is made without one.
#[derive(Debug)]
pub struct Writer {
    /// Where /proc/sys can be written.
    root: PathBuf,
}

impl Writer {
    /// Writes sysctls below this directory, which is /proc/sys or where its directories are mounted in a container.
    pub fn new(root: PathBuf) -> Self {
        Writer { root }
    }
}

/// Does what a plan says. `changes` gets what was set, also where a later one fails. With `keep`, the settings of
/// [`to_keep`], the file is written that sets them again at boot; gives its path, if there is something to keep.
///
/// # Errors
/// What could not be done. Unless it says what was set before, nothing was changed at all.
pub fn apply(
    writer: &Writer,
    plan: &TunePlan,
    keep: Option<&[(Tunable, u64)]>,
    audit: &Audit,
    changes: &mut Vec<SysctlChange>,
) -> Result<Option<&'static str>, Error> {
    if let (Some(why), Some(_)) = (&plan.immutable, keep) {
        // Where the fix does not keep it itself, what does.
        let kept = |change: &Change| change.by_hand.keep.as_ref().unwrap_or(&change.by_hand.fix).clone();
        let fixes: Vec<_> = plan.changes.iter().map(kept).collect();
        let error = Error::new(format!("{why}: nothing was changed"));
        return Err(if fixes.is_empty() { error } else { error.hint(fixes.join("; ")) });
    }
    let mut opened = Vec::new();
    for change in &plan.changes {
        opened.push((Sysctl::open(&writer.root, change.sysctl)?, change));
    }
    let persisted = match keep {
        Some(kept) => persist::write(writer, kept, audit)?,
        None => None,
    };
    let before = changes.len();
    for (sysctl, change) in opened {
        let raised = sysctl.raise(change.to).map_err(|error| what_was_done(error, &changes[before..]))?;
        if let Some(from) = raised {
            let at = audit.changed(change.sysctl.name(), &from.into(), &change.to.into());
            changes.push(SysctlChange { sysctl: change.sysctl, from, to: change.to, at });
        }
    }
    Ok(persisted)
}

fn what_was_done(error: Error, done: &[SysctlChange]) -> Error {
    if done.is_empty() {
        return error;
    }
    let done: Vec<_> = done.iter().map(|change| format!("{} was set to {}", change.sysctl, change.to)).collect();
    Error { message: format!("{} (before that {})", error.message, done.join(" and ")), ..error }
}

/// What the file is to keep: what is set now, and what has just the value that would be set, which can lower nothing.
pub fn to_keep(plan: &TunePlan, facts: &Facts, limit: u32) -> Vec<(Tunable, u64)> {
    let value = |sysctl: Tunable| {
        let planned = plan.changes.iter().find(|change| change.sysctl == sysctl).map(|change| change.to);
        planned.or_else(|| facts.sysctls.get(sysctl).known().copied().filter(|now| *now == Change::target(sysctl, limit)))
    };
    Tunable::all().filter_map(|sysctl| Some((sysctl, value(sysctl)?))).collect()
}

/// Whether the limits that this process writes are the node's: they are those of its own user namespace.
///
/// # Errors
/// A user namespace that is not the machine's first.
pub fn is_in_place(facts: &Facts) -> Result<(), Error> {
    match facts.in_user_namespace() {
        Some(false) => Ok(()),
        Some(true) => {
            let hint = match facts.user_namespace() {
                Some(UserNamespace::Nodes) => "where the node itself lives in that namespace, set them on the machine around it",
                _ => "run this as root of the node, or in a pod with hostUsers: true",
            };
            Err(Error::new("this process is in a user namespace, whose limits are not the node's: nothing was changed").hint(hint))
        }
        None => {
            Err(Error::new("/proc/self/uid_map can't be read, so it is not known whether these limits are the node's: nothing was changed"))
        }
    }
}
