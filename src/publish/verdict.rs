//! Verdicts, and what a condition says of one.

use super::accept::Accept;
use super::condition::Condition;
use super::reason::{Reason, reason_of};
use crate::cause::{Cause, remedy};
use crate::check::{Evidence, Ready, Snapshotter, Verdict, judge};
use crate::fact::Facts;
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

/// The condition of a verdict. The note is what it says besides.
pub(super) fn condition(kind: ConditionType, facts: &Facts, verdict: &Verdict, accept: Accept, note: &str) -> Condition {
    let (evidence, subject) = (verdict.evidence, kind.subject());
    let of = |status, reason, message: String, short| Condition::new(kind, status, reason, message + note, short);
    match (accept.of(verdict), verdict.decisive()) {
        (Ready::Ready, _) => {
            let with = verdict.snapshotter().map(|snapshotter| format!(" with {snapshotter}")).unwrap_or_default();
            let slow = match verdict.snapshotter() {
                Some(Snapshotter::Native) => "; this snapshotter copies the whole tree for each layer: builds are slow and fill the disk",
                _ => "",
            };
            let message = format!("{subject} can run here: all that a build needs of the kernel was done{with} ({evidence}){slow}");
            let reason = if evidence == Evidence::Proven { Reason::Proven } else { Reason::Probed };
            of(Status::True, reason.to_string(), message, format!("{evidence}{with}"))
        }
        (Ready::NotReady, Some(cause)) => {
            let seen = what_was_seen(verdict, cause);
            let fix = remedy(cause, facts, verdict.failed.as_ref().map(|failed| failed.step)).fix;
            let next = match verdict.causes().get(1) {
                Some(next) => format!(" Then this would stop it: {} ({next}).", next.title()),
                None => String::new(),
            };
            let title = cause.title();
            let message = format!("{subject} can't run here: {title} ({evidence}: {seen}). Fix: {fix}.{next}");
            of(Status::False, reason_of(cause), message, format!("{title}: {seen}"))
        }
        (Ready::NotReady, None) => of(Status::False, Reason::NotReady.to_string(), format!("{subject} can't run here"), "not ready".into()),
        (Ready::Unknown, _) if verdict.ready() == Ready::Ready => {
            let why = match evidence {
                Evidence::Predicted => "no probe could be finished",
                _ => "the probe did not run in the builder's pod shape",
            };
            let text = format!("looks able, but that is not proven: {why}");
            of(Status::Unknown, Reason::NotProven.to_string(), format!("nobody can tell whether {subject} runs here: it {text}"), text)
        }
        (Ready::Unknown, _) => {
            let why = verdict.unknown().map_or_else(|| "the facts do not tell".to_owned(), ToString::to_string);
            of(Status::Unknown, Reason::Unknown.to_string(), format!("nobody can tell whether {subject} runs here: {why}"), why)
        }
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
