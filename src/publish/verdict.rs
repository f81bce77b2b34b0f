//! Verdicts, and what a condition says of one.

use super::accept::Accept;
use super::condition::Condition;
use super::reason::{Reason, reason_of};
use crate::cause::{Cause, remedy};
use crate::check::{Evidence, Ready, Verdict, judge};
use crate::fact::{Facts, Snapshotter};
use crate::node::{ConditionType, Observation, Status};
use crate::profile::Profile;

/// What an agent judged, once for each observation: all that it publishes, measures and waits for rests on these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// Of the profile that it proves.
    pub own: Verdict,
    /// Of the others, where it speaks of them: the default profile's agent does, a canary does not.
    pub others: Vec<Verdict>,
}

impl Verdicts {
    /// The verdicts of the agent that proves this profile.
    pub fn of(seen: &Observation, profile: Profile) -> Self {
        let judge = |profile| judge(seen.facts(), profile, None);
        let others = Profile::ALL.iter().copied().filter(|other| profile == Profile::NoProcessSandbox && *other != profile);
        Verdicts { own: judge(profile), others: others.map(judge).collect() }
    }
}

/// What stands before the fix in a message.
const FIX: &str = " Fix: ";
/// What stands before the cause that would stop a builder next.
const NEXT: &str = " The next problem after that: ";

/// What stands before what `tune` did.
pub(super) const TUNE: &str = " tune: ";

/// What a condition's message says is to be done; None where it says nothing of it, or not all.
pub fn fix_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(FIX)?;
    // What stands behind it: the next problem, and what was set for builders. A message that was cut has no end.
    let ends = [NEXT, TUNE].into_iter().filter_map(|mark| rest.find(mark)).min();
    let fix = rest.get(..ends.unwrap_or(rest.len()))?.strip_suffix('.')?;
    Some(fix).filter(|fix| !fix.is_empty() && !fix.ends_with('.'))
}

/// The cause that would stop a builder next, by a condition's message.
pub fn next_in(message: &str) -> Option<Cause> {
    let (_, rest) = message.split_once(NEXT)?;
    let rest = rest.split_once(TUNE).map_or(rest, |(rest, _)| rest);
    rest.rsplit_once(" (")?.1.split_once(')')?.0.parse().ok()
}

/// The condition of a verdict. The note is what it says besides.
pub(super) fn condition(kind: ConditionType, facts: &Facts, verdict: &Verdict, accept: Accept, note: &str) -> Condition {
    let (evidence, subject) = (verdict.evidence, kind.subject());
    let of = |status, reason, message: String, short| Condition::new(kind, status, reason, message + note, short);
    match (accept.of(verdict), verdict.decisive()) {
        (Ready::Ready, _) => {
            let with = verdict.snapshotter().map(|snapshotter| format!("; snapshotter {snapshotter}")).unwrap_or_default();
            let slow = match verdict.snapshotter() {
                Some(Snapshotter::Native) => {
                    ". The snapshotter native copies the whole tree for each layer: builds are slow and fill the disk"
                }
                _ => "",
            };
            let reason = if evidence == Evidence::Proven { Reason::Proven } else { Reason::Probed };
            let seen = format!("{}{with}", what_worked(verdict));
            of(Status::True, reason.to_string(), format!("{subject} works here ({seen}){slow}"), seen)
        }
        (Ready::NotReady, Some(cause)) => {
            let seen = what_was_seen(verdict, cause);
            let fix = remedy(cause, facts, verdict.failed.as_ref().map(|failed| failed.step)).fix;
            let next = match verdict.causes().get(1) {
                Some(next) => format!("{NEXT}{} ({next}).", next.title()),
                None => String::new(),
            };
            let title = cause.title();
            let message = format!("{subject} does not work here: {title} ({evidence}: {seen}).{FIX}{fix}.{next}");
            of(Status::False, reason_of(cause), message, format!("{title}: {seen}"))
        }
        (Ready::NotReady, None) => {
            of(Status::False, Reason::NotReady.to_string(), format!("{subject} does not work here"), "not ready".into())
        }
        (Ready::Unknown, _) if verdict.ready() == Ready::Ready => {
            let why = match evidence {
                Evidence::Predicted => "the facts look good, but no probe completed",
                _ => "a probe worked, but not in the builder's pod shape",
            };
            let message = unknown(kind, &format!("{why}, so that is not proven"));
            of(Status::Unknown, Reason::NotProven.to_string(), message, format!("not proven: {why}"))
        }
        (Ready::Unknown, _) => {
            let why = verdict.unknown().map_or_else(|| "the facts are not enough".to_owned(), ToString::to_string);
            of(Status::Unknown, Reason::Unknown.to_string(), unknown(kind, &why), why)
        }
    }
}

/// The message of a condition whose status is Unknown.
pub(super) fn unknown(kind: ConditionType, why: &str) -> String {
    format!("unknown whether {} works here: {why}", kind.subject())
}

/// What a verdict of `ready` rests on.
fn what_worked(verdict: &Verdict) -> &'static str {
    match verdict.evidence {
        Evidence::Proven if verdict.has_built() => "proven by a build",
        Evidence::Proven => "proven by a probe",
        Evidence::Probed if verdict.has_built() => "a build worked, outside of the builder's pod shape",
        Evidence::Probed => "a probe worked, outside of the builder's pod shape",
        Evidence::Predicted => "predicted from facts",
    }
}

/// What was tried and refused, and what was read that explains it.
fn what_was_seen(verdict: &Verdict, cause: Cause) -> String {
    let found = verdict.findings.iter().find(|finding| finding.cause == Some(cause)).and_then(|finding| finding.note.as_ref());
    let tried = verdict.failed.as_ref().map(ToString::to_string);
    let found = found.filter(|note| !note.is_step()).map(ToString::to_string);
    let seen: Vec<_> = tried.into_iter().chain(found).collect();
    if seen.is_empty() { cause.id().to_owned() } else { seen.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_advises_is_read_back() {
        for (message, fix, next) in [
            ("x (y: z). Fix: do a. Then b.", Some("do a. Then b"), None),
            ("x. Fix: do a. The next problem after that: t (n) (userns-max0).", Some("do a"), Some(Cause::UsernsMax0)),
            ("x. Fix: do a. tune: user.x was set from 0 to 1.", Some("do a"), None),
            ("x. Fix: do a. The next problem after that: t (userns-max0). tune: x (seccomp).", Some("do a"), Some(Cause::UsernsMax0)),
            ("x. Fix: do a very long ...", None, None),
            ("x. Fix: .", None, None),
            ("x", None, None),
        ] {
            assert_eq!(fix_in(message), fix, "{message}");
            assert_eq!(next_in(message), next, "{message}");
        }
    }
}
