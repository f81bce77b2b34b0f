//! Each cause is reached: one change to the healthy example makes the judge name it.

use super::judge;
use super::testing::{facts_of, with_probe};
use crate::cause::CAUSES;

#[test]
fn each_cause_is_named_for_its_own_example() {
    for row in CAUSES {
        let example = &row.example;
        let facts = facts_of(&example.change);
        let facts = if example.failed.is_some() { with_probe(facts, example.failed) } else { facts };
        let verdict = judge(&facts, example.profile, None);
        let found: Vec<_> = verdict.findings.iter().filter_map(|finding| finding.cause).collect();
        let first = verdict.causes.iter().chain(&found).next();
        assert_eq!(first, Some(&row.cause), "{:?}, {found:?}", verdict.causes);
        let before = judge(&facts_of(&|_| {}), example.profile, None);
        assert!(before.findings.iter().all(|finding| finding.cause != Some(row.cause)), "{} is named without it", row.cause);
    }
}
