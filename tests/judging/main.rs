//! Judging is total, and a better fact never worsens a verdict.

mod facts;
mod older;
mod redacted;

use buildkit_preflight::check::{Evidence, Ready, judge};
use buildkit_preflight::fact::{Fact, Facts, SYSCTLS, Sysctl};
use buildkit_preflight::profile::Profile;
use facts::{any_facts, any_probe, changes, map};
use proptest::prelude::*;

fn rank(ready: Ready) -> u8 {
    match ready {
        Ready::NotReady => 0,
        Ready::Unknown => 1,
        Ready::Ready => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn judging_is_total_and_says_why(mut facts in any_facts(), probes in prop::collection::vec(any_probe(), 0..3), sandbox in prop::option::of(any::<bool>())) {
        facts.probes = probes;
        for profile in Profile::ALL {
            let verdict = judge(&facts, profile, sandbox);
            prop_assert_eq!(verdict.ready() == Ready::Unknown, verdict.unknown().is_some());
            match verdict.ready() {
                Ready::Ready => prop_assert!(verdict.causes().is_empty() && verdict.failed.is_none()),
                Ready::NotReady => prop_assert!(!verdict.causes().is_empty()),
                Ready::Unknown => {}
            }
            if verdict.failed.is_some() {
                prop_assert!(verdict.ready() != Ready::Ready, "a step that failed is decisive");
                prop_assert!(verdict.evidence != Evidence::Predicted);
            }
            // The same value judged from its own JSON is the same verdict.
            let json = serde_json::to_string(&facts).expect("JSON");
            let again: Facts = serde_json::from_str(&json).expect("facts");
            prop_assert_eq!(judge(&again, profile, sandbox), verdict);
        }
    }

    #[test]
    fn a_better_fact_never_worsens_a_verdict(facts in any_facts(), which in 0..changes().len()) {
        let mut better = facts.clone();
        changes()[which].1(&mut better);
        for profile in Profile::ALL {
            let (before, after) = (judge(&facts, profile, None), judge(&better, profile, None));
            prop_assert!(rank(after.ready()) >= rank(before.ready()), "{profile}: {before:#?}\n{after:#?}");
        }
    }
}

#[test]
fn each_sysctl_that_a_verdict_hangs_on_is_watched() {
    let mut facts = Facts::unknown();
    facts.process.uid_map = Fact::Known(map(u32::MAX));
    for row in &SYSCTLS {
        facts.sysctls.set(row.sysctl, Fact::Known(if row.limits.is_empty() { 1 } else { 63_359 }));
    }
    let judged = |facts: &Facts| Profile::ALL.map(|profile| judge(facts, profile, None));
    let before = judged(&facts);
    let decides = |sysctl: Sysctl| {
        (0..=3).any(|value| {
            let mut changed = facts.clone();
            changed.sysctls.set(sysctl, Fact::Known(value));
            judged(&changed) != before
        })
    };
    let deciding: Vec<_> = SYSCTLS.iter().filter(|row| decides(row.sysctl)).collect();
    assert!(deciding.len() >= 9, "{deciding:?}");
    assert!(deciding.iter().all(|row| row.watched), "{deciding:?}");
}
