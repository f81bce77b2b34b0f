//! Each cause is reached: one change to the healthy example makes the judge name it.

use super::judge;
use super::testing::{facts_of, with_failure, with_probe};
use crate::cause::{Cause, Mark};
use crate::fact::StepOutcome;

#[test]
fn each_cause_is_named_for_its_own_example() {
    for row in Cause::ALL.iter().map(|cause| cause.row()).filter(|row| !row.is(Mark::OfTexts)) {
        let example = &row.example;
        let facts = facts_of(&example.change);
        let facts = match example.failed {
            Some((step, Some(errno))) => with_probe(facts, Some((step, errno))),
            Some((step, None)) => with_failure(facts, example.profile, step, StepOutcome::Failed, None),
            None => facts,
        };
        let verdict = judge(&facts, example.profile, None);
        let found: Vec<_> = verdict.findings.iter().filter_map(|finding| finding.cause).collect();
        let first = verdict.decisive().or_else(|| found.first().copied());
        assert_eq!(first, Some(row.cause), "{:?}, {found:?}", verdict.causes());
        let before = judge(&facts_of(&|_| {}), example.profile, None);
        assert!(before.findings.iter().all(|finding| finding.cause != Some(row.cause)), "{} is named without it", row.cause);
    }
}
