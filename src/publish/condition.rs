use super::labels::Accept;
use super::tuned;
use crate::cause::Cause;
use crate::cause::remedy;
use crate::check::{Evidence, Ready, Snapshotter, Verdict};
use crate::fact::Facts;
use crate::node::{ConditionType, MESSAGE_BYTES};
use std::fmt;

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A builder runs here.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::True => "True",
            Status::False => "False",
            Status::Unknown => "Unknown",
        })
    }
}

/// A condition that should stand on the Node. When it came to be so, the writer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which.
    pub kind: ConditionType,
    /// Whether a builder runs.
    pub status: Status,
    /// The cause in CamelCase.
    pub reason: String,
    /// What is wrong, on what evidence, what to do.
    pub message: String,
    /// The same in short, for an event.
    pub short: String,
}

/// The condition of a verdict.
pub(super) fn condition(kind: ConditionType, facts: &Facts, verdict: &Verdict, accept: Accept) -> Condition {
    let (evidence, subject) = (verdict.evidence, kind.subject());
    // What was set for builders stands where most people look, once.
    let note = if kind == ConditionType::RootlessBuildKit { tuned::note(facts) } else { String::new() };
    let of = |status, reason: String, message: String, short: String| Condition {
        kind,
        status,
        reason,
        message: shortened(message + &note),
        short: shortened(short),
    };
    match (accept.of(verdict), verdict.decisive()) {
        (Ready::Ready, _) => {
            let with = verdict.snapshotter().map(|snapshotter| format!(" with {snapshotter}")).unwrap_or_default();
            let slow = match verdict.snapshotter() {
                Some(Snapshotter::Native) => "; this snapshotter copies the whole tree for each layer: builds are slow and fill the disk",
                _ => "",
            };
            let message = format!("{subject} can run here: all that a build needs of the kernel was done{with} ({evidence}){slow}");
            of(Status::True, camel_case(&evidence.to_string()), message, format!("{evidence}{with}"))
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
            of(Status::False, camel_case(cause.id()), message, format!("{title}: {seen}"))
        }
        (Ready::NotReady, None) => of(Status::False, "NotReady".into(), format!("{subject} can't run here"), "not ready".into()),
        (Ready::Unknown, _) if verdict.ready() == Ready::Ready => {
            let why = match evidence {
                Evidence::Predicted => "no probe could be finished",
                _ => "the probe did not run in the builder's pod shape",
            };
            let text = format!("looks able, but that is not proven: {why}");
            of(Status::Unknown, "NotProven".into(), format!("nobody can tell whether {subject} runs here: it {text}"), text)
        }
        (Ready::Unknown, _) => {
            let why = verdict.unknown().map_or_else(|| "the facts do not tell".to_owned(), ToString::to_string);
            of(Status::Unknown, "Unknown".into(), format!("nobody can tell whether {subject} runs here: {why}"), why)
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

/// `userns-max0` as `UsernsMax0`.
fn camel_case(id: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    id.split('-').map(word).collect()
}

/// Cuts a text at the limit, between characters.
pub(super) fn shortened(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES {
        let mark = " ...";
        let end = (0..=MESSAGE_BYTES - mark.len()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text += mark;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_a_reason_that_kubernetes_takes() {
        // The pattern of metav1.Condition.reason; 1,024 is its limit.
        for cause in Cause::ALL {
            let reason = camel_case(cause.id());
            assert!(reason.starts_with(|c: char| c.is_ascii_uppercase()) && reason.bytes().all(|b| b.is_ascii_alphanumeric()), "{reason}");
        }
        assert_eq!(camel_case("userns-max0"), "UsernsMax0");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let text = shortened("é".repeat(1000));
        assert!(text.len() <= MESSAGE_BYTES && text.ends_with("é ..."));
        assert_eq!(shortened("short".into()), "short");
    }
}
