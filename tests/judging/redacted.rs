//! Redacted facts are judged as before, and name nobody.

use crate::facts::{any_facts, any_probe};
use buildkit_preflight::check::{Verdict, judge};
use buildkit_preflight::fact::{
    AppArmor, Directory, Errno, Fact, Facts, OwnPod, Plan, Stage, Step, StepOutcome, StepResult, Trial, TrialEnd, UserEntry, Why,
};
use buildkit_preflight::gather::{Options, gather};
use buildkit_preflight::profile::Profile;
use proptest::prelude::*;
use proptest::sample::select;
use std::path::Path;

/// What a verdict decides; its words may name others.
fn decided(verdict: Verdict) -> impl PartialEq + std::fmt::Debug {
    let findings: Vec<_> = verdict.findings.iter().map(|finding| (finding.check, finding.outcome, finding.cause)).collect();
    let failed = verdict.failed.as_ref().map(|failed| (failed.step, failed.errno));
    (verdict.ready(), verdict.causes(), verdict.evidence, verdict.snapshotter(), failed, findings)
}

/// Names that people give, and names that mean something to the judge.
fn name() -> impl Strategy<Value = String> {
    let meant = [
        "",
        "/",
        "root",
        "user",
        "name",
        "user name",
        "newuidmap",
        "unconfined",
        "docker-default",
        "a:b:container_t:s0",
        "mine (enforce)",
        ":ns:mine (enforce)",
        "a//&b (complain)",
        "::",
        "/tmp/rootlesskit1",
        "/run/alice/buildkit",
        "..",
        "path-1",
        "node-1",
        "\"",
        "=",
        ":",
    ];
    prop_oneof![
        select(meant.to_vec()).prop_map(str::to_owned),
        (1..120usize).prop_map(|length| format!("/data/{}", "x".repeat(length))),
        "[a-z/:.&()\" -]{0,12}",
        "\\PC{0,8}",
    ]
}

/// Texts in which a name stands.
fn text() -> impl Strategy<Value = String> {
    let texts =
        ["NAME", "newuidmap: NAME", "Cannot determine your user name: \"NAME\"", "open NAME: denied", "/tmp/NAME", "\"NAME\" is none"];
    (select(texts.to_vec()), name()).prop_map(|(text, name)| text.replace("NAME", &name))
}

fn fact<T: std::fmt::Debug + Clone + 'static>(known: impl Strategy<Value = T> + 'static) -> impl Strategy<Value = Fact<T>> {
    let why = text().prop_map(|what| Why { what, errno: Some(Errno::EACCES) });
    prop_oneof![3 => known.prop_map(Fact::Known), 1 => Just(Fact::Absent), 1 => why.prop_map(Fact::Denied)]
}

fn directory() -> impl Strategy<Value = Fact<Directory>> {
    let refused = select(vec![None, Some(Errno::EACCES), Some(Errno::EROFS)]);
    fact(
        (name(), prop::option::of(name()), 999..1002u32, any::<bool>(), refused)
            .prop_map(|(path, parent, owner, on_root, refused)| Directory { path, parent, owner, group: owner, on_root, refused }),
    )
}

fn own_pod() -> impl Strategy<Value = Option<OwnPod>> {
    let entry = (name(), prop::option::of(name())).prop_map(|(name, home)| UserEntry { name, group: 1000, home });
    let directories = (directory(), directory(), directory(), directory(), directory(), any::<bool>());
    prop::option::of((fact(Just(1000)), fact(entry), fact(name()), directories).prop_map(|(group, user_entry, user, directories)| {
        let (home, temp_dir, tmp, runtime_dir, state_dir, is_one) = directories;
        OwnPod { group, user_entry, user, home, tmp: if is_one { temp_dir.clone() } else { tmp }, temp_dir, runtime_dir, state_dir }
    }))
}

/// Facts in which each name may be anything.
fn named() -> BoxedStrategy<Box<Facts>> {
    let names = (fact(name()), fact(name()), fact(name()), fact(name()));
    let lists = (fact(prop::collection::vec(name(), 0..3)), fact(prop::collection::vec(name(), 0..2)));
    let probes = prop::collection::vec((any_probe(), prop::collection::vec(prop::option::of(text()), 0..4)), 0..2);
    let trial = prop::option::of((text(), prop::option::of(text()), select(Step::ALL.to_vec()), select(Profile::ALL.to_vec())));
    let parts = (any_facts().boxed(), names.boxed(), lists.boxed(), own_pod().boxed(), probes.boxed(), trial.boxed());
    parts
        .prop_map(|(mut facts, names, lists, own_pod, probes, trial)| {
            (facts.node, facts.sub_ids.user, facts.state_dir.path, facts.process.lsm_label) = names;
            facts.apparmor = AppArmor { loaded: lists.0, files: lists.1 };
            facts.own_pod = own_pod;
            for (mut probe, details) in probes {
                for (step, detail) in probe.steps.iter_mut().rev().zip(details) {
                    step.detail = detail;
                }
                facts.probes.push(probe);
            }
            facts.trials =
                trial.into_iter().map(|(error, detail, step, profile)| failed_trial(profile.plan(), step, error, detail)).collect();
            facts
        })
        .boxed()
}

fn failed_trial(plan: Plan, step: Step, error: String, detail: Option<String>) -> Trial {
    let step = StepResult { step, outcome: StepOutcome::Failed, errno: Some(Errno::EPERM), detail, filtered: None, micros: 0 };
    Trial {
        plan,
        end: TrialEnd::Failed { stage: Stage::Run, step: Some(step), error, behaviours: Vec::new() },
        snapshotter: None,
        millis: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn redacted_facts_are_judged_as_before(facts in named()) {
        let redacted = Facts::clone(&facts).redacted();
        for profile in Profile::ALL {
            prop_assert_eq!(decided(judge(&facts, profile, None)), decided(judge(&redacted, profile, None)), "{:#?}", redacted);
        }
    }

    /// A name of somebody's, wherever a fact has room for one.
    #[test]
    fn redacted_facts_name_nobody(mut facts in named(), secret in "zq[a-z]{3,9}") {
        let place = format!("/srv/{secret}/data");
        facts.node = Fact::Known(secret.clone());
        facts.state_dir.path = Fact::Known(format!("/home/{secret}"));
        facts.process.lsm_label = Fact::Known(format!("{secret} (enforce)"));
        facts.apparmor.files = Fact::Known(vec![format!("/etc/apparmor.d/{secret}")]);
        facts.sub_ids.user = Fact::Known(secret.clone());
        facts.sub_ids.uids = Fact::Failed(format!("{:?} is not user:start:length", format!("{secret}:x:y")).into());
        facts.tools.buildctl = Fact::Known(format!("{place}/buildctl"));
        facts.os = Fact::Denied(Why::error(place.clone(), Errno::EACCES));
        let words = [format!("open {place}: denied"), format!("no user {secret}!"), format!("dial tcp {secret}.example.org:443"), format!("for user (\"{secret}\")")];
        for words in words {
            facts.trials.push(failed_trial(Profile::Userns.plan(), Step::Overlay, words.clone(), Some(words)));
        }
        let shown = serde_json::to_string(&facts.redacted()).expect("JSON");
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}

/// The facts of the trees that are kept.
fn captured() -> impl Iterator<Item = (String, Facts)> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    let trees = std::fs::read_dir(hosts).expect("hosts").flatten().map(|entry| entry.path()).filter(|path| path.join("proc").is_dir());
    trees.map(|root| {
        let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let options = Options { root: Some(root), all: true, deadline: std::time::Duration::from_secs(600), ..Options::default() };
        (name, gather(&options).expect("a tree"))
    })
}

#[test]
fn captured_hosts_are_judged_as_before() {
    let mut count = 0;
    for (name, facts) in captured() {
        let redacted = facts.clone().redacted();
        for profile in Profile::ALL {
            let (before, after) = (judge(&facts, profile, None), judge(&redacted, profile, None));
            assert_eq!(decided(before), decided(after), "{name}, {profile}");
        }
        count += 1;
    }
    assert!(count >= 20, "{count} trees");
}
