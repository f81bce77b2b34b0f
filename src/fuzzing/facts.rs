//! Facts and reports that somebody hands in, from the text to what is printed of them.

use super::is_shown;
use crate::check::{Verdict, judge};
use crate::cli::input::parse_facts;
use crate::fact::{API_VERSION, Builder, Errno, Fact, Facts, Plan, Stage, Step, StepOutcome, StepResult, Trial, TrialEnd};
use crate::profile::Profile;
use crate::report::{Report, Style, table};
use crate::text::{is_harmless, json};

fn verdicts(facts: &Facts) -> Vec<Verdict> {
    Profile::ALL.into_iter().map(|profile| judge(facts, profile, None)).collect()
}

/// What a verdict decides.
fn decided(verdict: &Verdict) -> impl PartialEq + std::fmt::Debug + use<> {
    let findings: Vec<_> = verdict.findings.iter().map(|finding| (finding.check, finding.outcome, finding.cause)).collect();
    (verdict.ready(), verdict.causes(), verdict.evidence, verdict.snapshotter(), findings)
}

/// That facts are judged, shown, written, read again and redacted.
fn is_judged(facts: Facts) {
    let verdicts = verdicts(&facts);
    let written = serde_json::to_string(&facts).expect("facts are JSON");
    let (again, unknown) = parse_facts(&written).expect("what was written");
    assert!(again == facts && unknown.is_empty(), "{written}");
    let redacted = self::verdicts(&facts.clone().redacted());
    for (before, after) in verdicts.iter().zip(&redacted) {
        assert_eq!(decided(before), decided(after), "{}", before.profile);
    }
    let report = Report::new(verdicts, facts);
    assert!(is_harmless(&table(&report, Style { width: Some(80), colour: false })));
    assert!(is_harmless(&json(serde_json::to_string_pretty(&report).expect("a report is JSON"))));
}

pub(super) fn facts(text: &str) {
    match parse_facts(text) {
        Ok((facts, _)) => is_judged(facts),
        Err(why) => is_shown(why),
    }
}

/// A report around facts, which are whatever they are.
pub(super) fn report(text: &str) {
    facts(&format!(r#"{{"apiVersion":{API_VERSION:?},"kind":"Report","profiles":[],"facts":{text}}}"#));
    facts(text);
}

/// A text that names whoever it likes, as the words of a build and as names: nothing that stands for a name alone is left.
pub(super) fn redact(text: &str) {
    let mut facts = Facts::unknown();
    let name = text.lines().next().unwrap_or_default();
    facts.node = Fact::Known(name.to_owned());
    facts.state_dir.path = Fact::Known(text.lines().nth(1).unwrap_or_default().to_owned());
    facts.os = Fact::Denied(text.into());
    let detail = Some(text.to_owned());
    let step =
        StepResult { step: Step::UidMap, outcome: StepOutcome::Failed, errno: Some(Errno::EPERM), detail, filtered: None, micros: 0 };
    let end = TrialEnd::Failed { stage: Stage::Daemon, step: Some(step), error: text.to_owned(), behaviours: Vec::new() };
    facts.trials = vec![Trial { plan: Plan { builder: Builder::Rootless, process_sandbox: false }, end, snapshotter: None, millis: 0 }];
    let redacted = facts.clone().redacted();
    assert!(redacted.node == Fact::Known("node-1".into()));
    for (before, after) in verdicts(&facts).iter().zip(&verdicts(&redacted)) {
        assert_eq!(decided(before), decided(after), "{}", before.profile);
    }
    let longest = 64 + 40 * text.len();
    assert!(serde_json::to_string(&redacted.trials).expect("JSON").len() <= 2 * longest + 1000, "it grows without bound");
}
