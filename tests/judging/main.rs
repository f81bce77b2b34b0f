//! Judging is total, and a better fact never worsens a verdict.

mod facts;
mod older;
mod redacted;

use buildkit_preflight::check::{Evidence, Ready, Verdict, judge};
use buildkit_preflight::fact::{Builder, Fact, Facts, SYSCTLS, Sysctl, rows};
use buildkit_preflight::profile::Profile;
use facts::{PRIVILEGED, any_facts, any_probe, map, varied, whole};
use proptest::prelude::*;
use serde_json::{Value, json};

fn rank(ready: Ready) -> u8 {
    match ready {
        Ready::NotReady => 0,
        Ready::Unknown => 1,
        Ready::Ready => 2,
    }
}

fn is_sound(verdict: &Verdict) -> Result<(), TestCaseError> {
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
    Ok(())
}

/// The findings in which two verdicts differ.
fn changed(before: &Verdict, after: &Verdict) -> String {
    let findings = before.findings.iter().zip(&after.findings).filter(|(before, after)| before != after);
    let findings = findings
        .map(|(before, after)| format!("{}: {:?} {:?} -> {:?} {:?}", before.check, before.outcome, before.note, after.outcome, after.note));
    let of = |verdict: &Verdict| format!("{} {:?} {:?} {:?}", verdict.ready(), verdict.causes(), verdict.unknown(), verdict.evidence);
    format!("{} -> {}\n{}", of(before), of(after), findings.collect::<Vec<_>>().join("\n"))
}

/// That no profile fares worse with facts that are better. On another file system than a disk's a newer kernel is not: BuildKit takes
/// overlayfs on tmpfs, which is worse than none, and none on overlayfs.
fn is_no_worse(before: &Facts, after: &Facts, what: &str) -> Result<(), TestCaseError> {
    if what == "kernel" && before.state_dir.file_system != Fact::Known("ext4".into()) {
        return Ok(());
    }
    // What is enough for newuidmap is not enough for a builder that is root.
    let is_judged = |profile: &Profile| what != "process.boundingSet" || profile.plan().builder == Builder::Rootless;
    for profile in Profile::ALL.into_iter().filter(is_judged) {
        let (before, after) = (judge(before, profile, None), judge(after, profile, None));
        prop_assert!(rank(after.ready()) >= rank(before.ready()), "{what}, {profile}: {}", changed(&before, &after));
    }
    Ok(())
}

/// Facts that were read, with one of them not readable, as JSON: whichever facts there will be.
fn without(facts: &Facts, id: &str, how: &str) -> Facts {
    let mut value = serde_json::to_value(facts).expect("JSON");
    let (parent, name) = parent(&mut value, id);
    if let Some(parent) = parent {
        parent.insert(name.to_owned(), json!({ how: { "what": "x" } }));
    }
    serde_json::from_value(value).expect("facts")
}

/// The object that has a fact, and the fact's name in it: names of sysctls and tools have dots too.
fn parent<'a, 'b>(value: &'a mut Value, id: &'b str) -> (Option<&'a mut serde_json::Map<String, Value>>, &'b str) {
    match id.split_once('.') {
        Some((first, rest)) if value.get(first).is_some_and(|inner| inner.is_object() && inner.get(rest).is_some()) => {
            (value[first].as_object_mut(), rest)
        }
        // Of a pod that nobody saw.
        Some(_) => (None, id),
        None => (value.as_object_mut(), id),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn judging_is_total_and_says_why(mut facts in any_facts(), probes in prop::collection::vec(any_probe(), 0..3), sandbox in prop::option::of(any::<bool>())) {
        facts.probes = probes;
        for profile in Profile::ALL {
            is_sound(&judge(&facts, profile, sandbox))?;
        }
    }

    #[test]
    fn a_better_fact_never_worsens_a_verdict(facts in any_facts(), which in any::<prop::sample::Index>()) {
        let varied: Vec<_> = varied().into_iter().filter_map(|varied| Some((varied.name, varied.best?, varied.is_of_place))).collect();
        let (name, best, is_of_place) = which.get(&varied);
        // Another place is neither better nor worse.
        prop_assume!(!is_of_place || facts.process.bounding_set != Fact::Known(PRIVILEGED));
        let mut better = facts.clone();
        best(&mut better);
        is_no_worse(&facts, &better, name)?;
    }

    /// Of whom a probe tells is another question: what says that is left as it is.
    #[test]
    fn a_better_fact_never_worsens_a_verdict_beside_a_probe(mut facts in any_facts(), probe in any_probe(), which in any::<prop::sample::Index>()) {
        facts.probes = vec![probe];
        let varied: Vec<_> = varied().into_iter().filter(|varied| !varied.is_of_place).filter_map(|varied| Some((varied.name, varied.best?))).collect();
        let (name, best) = which.get(&varied);
        let mut better = facts.clone();
        best(&mut better);
        is_no_worse(&facts, &better, name)?;
    }

    #[test]
    fn a_probe_that_did_all_never_worsens_a_verdict(mut facts in any_facts(), probe in prop::option::of(any_probe())) {
        let plans = probe.as_ref().map_or_else(|| Profile::ALL.map(Profile::plan).to_vec(), |probe| vec![probe.plan]);
        facts.probes = probe.into_iter().collect();
        let mut better = facts.clone();
        better.probes = plans.into_iter().map(whole).collect();
        is_no_worse(&facts, &better, "a probe")?;
    }

    #[test]
    fn what_cannot_be_read_never_turns_a_verdict_round(mut facts in any_facts(), probe in any_probe(), which in any::<prop::sample::Index>(), how in prop::sample::select(vec!["denied", "failed"])) {
        facts.probes = vec![probe];
        let ids: Vec<_> = rows().map(|row| row.id()).collect();
        let id = which.get(&ids);
        let less = without(&facts, id, how);
        for profile in Profile::ALL {
            let (before, after) = (judge(&facts, profile, None), judge(&less, profile, None));
            // Who only captured files does not know how much space is left, and is judged all the same.
            let is_space = id.starts_with("stateDir.free") && [&before, &after].iter().all(|verdict| verdict.evidence == Evidence::Predicted);
            let is_opposite = !is_space && rank(before.ready()).abs_diff(rank(after.ready())) == 2;
            prop_assert!(!is_opposite, "{id} {how}, {profile}: {}", changed(&before, &after));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn facts_judged_from_their_own_json_are_judged_alike(mut facts in any_facts(), probes in prop::collection::vec(any_probe(), 0..3)) {
        facts.probes = probes;
        let json = serde_json::to_string(&facts).expect("JSON");
        let again: Facts = serde_json::from_str(&json).expect("facts");
        for profile in Profile::ALL {
            prop_assert_eq!(judge(&again, profile, None), judge(&facts, profile, None));
        }
    }
}

/// A fact that varies in these tests is one of the table's, and what the judge reads varies.
#[test]
fn the_facts_that_vary_are_facts() {
    let ids: Vec<_> = rows().map(|row| row.id()).collect();
    for varied in varied() {
        let name = varied.name;
        let is_known =
            ids.iter().any(|id| id == name || *id == format!("sysctls.{name}")) || ["ownPod", "stateDir.snapshotter"].contains(&name);
        assert!(is_known, "{name}");
    }
}

#[test]
fn each_fact_can_be_made_unreadable() {
    let facts = Facts { own_pod: Some(buildkit_preflight::fact::OwnPod::default()), ..Facts::unknown() };
    for row in rows() {
        assert_ne!(without(&facts, &row.id(), "failed"), facts, "{}", row.id());
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
