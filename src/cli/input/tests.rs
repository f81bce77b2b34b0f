use super::*;
use crate::check::testing::{bare, facts_of, healthy, pod_map, with_probe};
use crate::check::{Ready, Verdict, judge};
use crate::fact::{
    End, Errno, Fact, MountFlags, Problem, ProcFs, Reason, Seccomp, Stage, Step, Sysctl, SysctlChange, Trial, TrialEnd, Tunable, Tuned,
};
use crate::gather::{self, Options};
use crate::profile::Profile;
use crate::report::Report;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

fn value(facts: &Facts) -> Value {
    serde_json::to_value(facts).expect("JSON")
}

fn read(value: &Value) -> Result<(Facts, Vec<String>), String> {
    parse_facts(&serde_json::to_string_pretty(value).expect("JSON"))
}

fn verdicts(facts: &Facts) -> Vec<Verdict> {
    Profile::ALL.into_iter().map(|profile| judge(facts, profile, None)).collect()
}

/// All captured hosts, and builders' pods in which one thing is wrong.
fn examples() -> Vec<(String, Facts)> {
    let hosts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts");
    // Those that lie on another tree have little of their own.
    let is_whole = |tree: &Path| tree.join("proc").is_dir() && !tree.join("base").exists();
    let captured = std::fs::read_dir(hosts).expect("hosts").flatten().filter(|entry| is_whole(&entry.path())).map(|entry| {
        let options = Options { root: Some(entry.path()), ..Options::default() };
        (entry.file_name().to_string_lossy().into_owned(), gather::gather(&options).expect("facts"))
    });
    let mut examples: Vec<_> = captured.collect();
    let mut add = |what: &str, facts: Facts| examples.push((what.to_owned(), facts));
    add("healthy", healthy());
    add("predicted", facts_of(&|_| {}));
    let failures = [(Step::UserNamespace, 28), (Step::UidMap, 1), (Step::Overlay, 11), (Step::StepMountNamespace, 13), (Step::Proc, 1)];
    for (step, errno) in failures {
        add("failed", with_probe(facts_of(&|_| {}), Some((step, Errno(errno)))));
    }
    for end in [End::TimedOut(Step::Overlay), End::Killed { signal: 31, step: Step::Proc }, End::Killed { signal: 9, step: Step::Proc }] {
        let mut facts = healthy();
        facts.probes[0].end = end;
        add("ended", facts);
    }
    let step = with_probe(healthy(), Some((Step::Proc, Errno::EPERM))).probes[0].steps.pop();
    let failed = TrialEnd::Failed { stage: Stage::Run, step, error: "runc".into(), behaviours: Vec::new() };
    for end in [failed, TrialEnd::TimedOut(Stage::Run), TrialEnd::Built] {
        let mut facts = healthy();
        facts.trials = vec![Trial { plan: facts.probes[0].plan, end, snapshotter: Some("native".into()), millis: 5 }];
        add("built", facts);
    }
    let known = |text: &str| Fact::Known(text.to_owned());
    let wrong: [&dyn Fn(&mut Facts); 13] = [
        &|facts| facts.proc_fs = Fact::Known(ProcFs { masks: vec!["/proc/kcore".into()], complete_elsewhere: false }),
        &|facts| facts.state_dir.flags = Fact::Known(MountFlags { read_only: true, ..MountFlags::default() }),
        &|facts| facts.state_dir.flags = Fact::Known(MountFlags { noexec: true, nodev: true, nosuid: true, read_only: false }),
        &|facts| facts.state_dir.free_bytes = Fact::Known(0),
        &|facts| facts.process.seccomp = Fact::Known(Seccomp::Filter),
        &|facts| facts.process.no_new_privs = Fact::Known(true),
        &|facts| facts.process.lsm_label = known("docker-default (enforce)"),
        &|facts| {
            facts.process.uid = Fact::Known(0);
            facts.process.uid_map = pod_map(1000);
            facts.process.gid_map = pod_map(1000);
        },
        &|facts| facts.sub_ids.uids = Fact::Known(Vec::new()),
        &|facts| facts.newuidmap = Fact::Absent,
        &|facts| facts.sysctls.set(Sysctl::YamaPtraceScope, Fact::Known(3)),
        &|facts| {
            facts.process.asked_user_namespace = Fact::Known(true);
            facts.kubelet.version = Fact::Known("v1.36.3".to_owned().try_into().expect("a version"));
            facts.kubelet.runtime = Fact::Known("containerd://1.6.9".to_owned().try_into().expect("a runtime"));
            facts.kubelet.pod_user_namespaces = Fact::Known(false);
        },
        &|facts| {
            bare(facts);
            facts.state_dir.is_stand_in = true;
            facts.state_dir.flags = Fact::Known(MountFlags { noexec: true, ..MountFlags::default() });
            let at = String::new();
            let changes = vec![SysctlChange { sysctl: Tunable::all().next().expect("one"), from: 0, to: 1, at: at.clone() }];
            let problem = Some(Problem { reason: Reason::Policy, message: "m".into(), at });
            facts.tuned = Fact::Known(Tuned { changes, problem, ..Tuned::new("b".into()) });
        },
    ];
    for change in wrong {
        add("wrong", facts_of(change));
        let mut probed = healthy();
        change(&mut probed);
        add("wrong and probed", probed);
    }
    examples
}

/// The paths of all objects in a value; of many in a list, those at its ends, which stand for the others.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(path.to_owned());
            for (name, value) in fields {
                objects(value, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(values) => {
            let ends = values.iter().enumerate().filter(|(index, _)| *index == 0 || index + 1 == values.len());
            ends.for_each(|(index, value)| objects(value, &format!("{path}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn a_field_of_a_later_version_changes_nothing_and_is_named() {
    for (what, facts) in examples() {
        let (mut given, mut paths) = (value(&facts), Vec::new());
        objects(&given, "", &mut paths);
        for path in &paths {
            let object = given.pointer_mut(path).and_then(Value::as_object_mut).expect("an object");
            object.insert("a-later".into(), json!({"known": [1]}));
            let (read, unknown) = read(&given).unwrap_or_else(|why| panic!("{what}, at {path}: {why}"));
            assert_eq!(read, facts, "{what}, at {path}");
            let place = format!("{path}.a-later").trim_start_matches('/').replace('/', ".");
            let names: Vec<_> = unknown.iter().map(|name| name.replace('[', ".").replace(']', "")).collect();
            assert_eq!(names, [place.trim_start_matches('.')], "{what}");
            given.pointer_mut(path).and_then(Value::as_object_mut).expect("an object").remove("a-later");
        }
        assert_eq!(read(&given), Ok((facts, Vec::new())), "{what}: nothing else is named");
    }
}

#[test]
fn what_is_left_out_never_makes_a_verdict_ready() {
    for (what, facts) in examples() {
        let (before, whole, mut paths) = (verdicts(&facts), value(&facts), Vec::new());
        objects(&whole, "", &mut paths);
        for path in &paths {
            let fields: Vec<_> = whole.pointer(path).and_then(Value::as_object).expect("an object").keys().cloned().collect();
            // Without its header it is no facts file; and facts may be of one who did not try anything.
            let needed = |name: &&String| path.is_empty() && ["apiVersion", "kind", "probes", "trials"].contains(&name.as_str());
            for field in fields.iter().filter(|field| !needed(field)) {
                let mut given = whole.clone();
                given.pointer_mut(path).and_then(Value::as_object_mut).expect("an object").remove(field);
                let (read, unknown) = lenient::facts(given).unwrap_or_else(|why| panic!("{what}, without {path}/{field}: {why:?}"));
                assert_eq!(unknown, Vec::<String>::new(), "{what}, without {path}/{field}");
                // A captured tree never tells how much space is free, and is judged all the same.
                if path.starts_with("/stateDir/freeBytes")
                    || path == "/stateDir" && field == "freeBytes"
                    || path.is_empty() && field == "stateDir"
                {
                    continue;
                }
                for (before, after) in before.iter().zip(verdicts(&read)) {
                    let better = before.ready() != Ready::Ready && after.ready() == Ready::Ready;
                    assert!(!better, "{what}, without {path}/{field}: {before:#?}\n{after:#?}");
                }
            }
        }
    }
}

/// The paths of all values in a value; of many in a list, those at its ends.
fn values(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| values(value, &format!("{path}/{name}"), found)),
        Value::Array(list) => {
            let ends = list.iter().enumerate().filter(|(index, _)| *index == 0 || index + 1 == list.len());
            ends.for_each(|(index, value)| values(value, &format!("{path}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn a_value_of_another_type_is_refused_or_never_makes_a_verdict_ready() {
    let others = [json!(null), json!(true), json!("x"), json!(-1), json!(1.5), json!(1e300), json!([]), json!([[]]), json!({})];
    let (mut refused, mut taken) = (0, 0);
    // Some of all kinds: a probe that passed, one that failed, a build, a fact that is wrong.
    for (what, facts) in examples().into_iter().rev().step_by(7) {
        let (before, whole, mut paths) = (verdicts(&facts), value(&facts), Vec::new());
        values(&whole, "", &mut paths);
        for path in &paths {
            let was = whole.pointer(path).expect("a value");
            // One of the same type is another value. Facts may be of one who tried nothing, and a tree never tells what is free.
            let is_same = |other: &Value| std::mem::discriminant(was) == std::mem::discriminant(other);
            let says_nothing = path == "/probes" || path == "/trials" || path.starts_with("/stateDir") && path.len() < 20;
            for other in others.iter().filter(|other| !is_same(other) && !says_nothing) {
                let mut given = whole.clone();
                *given.pointer_mut(path).expect("a value") = other.clone();
                let Ok((read, _)) = parse_facts(&given.to_string()) else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                for (before, after) in before.iter().zip(verdicts(&read)) {
                    let better = before.ready() != Ready::Ready && after.ready() == Ready::Ready;
                    assert!(!better, "{what}, {path} is {other}: {before:#?}\n{after:#?}");
                }
            }
        }
    }
    assert!(refused > 1000 && taken > 10, "{refused} refused, {taken} taken");
}

#[test]
fn a_report_of_a_later_version_still_gives_its_facts() {
    let facts = with_probe(facts_of(&|_| {}), Some((Step::Proc, Errno::EPERM)));
    let mut report = serde_json::to_value(Report::new(verdicts(&facts), facts.clone())).expect("JSON");
    report["fleet"] = json!({});
    report["profiles"][0]["causes"] = json!(["a-cause-of-later"]);
    report["profiles"][0]["verdict"] = json!({"ready": "nearly"});
    assert_eq!(read(&report), Ok((facts, Vec::new())));
    report["facts"]["kernel"]["known"] = json!(6.1);
    assert!(read(&report).is_err_and(|why| why.starts_with("at line ") && why.ends_with("for `facts.kernel.known`")));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let healthy = with_probe(healthy(), Some((Step::Proc, Errno::EPERM)));
    let rows: [(&str, Value, &str); 11] = [
        ("/apiVersion", json!("buildkit-preflight.dev/v2"), "buildkit-preflight.dev/v2"),
        ("/apiVersion", json!(null), "no apiVersion"),
        ("/kind", json!("Fleet"), "neither Facts nor Report"),
        ("/sysctls", json!([]), "invalid type: sequence, expected an object of sysctls for `sysctls`"),
        ("/process", json!([{"known": 5}]), "for `process`"),
        ("/probes", json!({}), "expected a sequence for `probes`"),
        ("/probes/0/plan/builder", json!("rootfull"), "unknown variant `rootfull`"),
        ("/probes/0/steps/0/step", json!("user-namspace"), "for `probes[0].steps[0].step`"),
        ("/probes/0/steps", json!({}), "for `probes[0].steps`"),
        ("/kernel", json!({"knwon": "6.1"}), "unknown variant `knwon`"),
        ("/kubelet/version", json!({"known": "newest"}), "v1.36.3 for `kubelet.version.known`"),
    ];
    for (path, wrong, says) in rows {
        let mut given = value(&healthy);
        *given.pointer_mut(path).expect(path) = wrong;
        let why = read(&given).expect_err(path);
        assert!(why.contains(says), "{path}: {why}");
    }
    assert!(read(&json!(["buildkit-preflight.dev/v1", "Facts"])).is_err(), "an array is no object");
}

#[test]
fn a_sysctl_that_no_kernel_holds_is_not_known() {
    let mut facts = facts_of(&|_| {});
    for (value, is_known) in [(i32::MAX as u64, true), (1 << 31, false), (u64::MAX, false)] {
        facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(value));
        let (read, _) = read(&self::value(&facts)).expect("facts");
        assert_eq!(read.sysctls.get(Sysctl::MaxUserNamespaces).known().is_some(), is_known, "{value}");
    }
}

#[test]
fn a_value_that_lacks_a_field_is_not_known() {
    let read = |path: &str, field: &str| {
        let mut given = value(&with_probe(facts_of(&|_| {}), Some((Step::Proc, Errno::EPERM))));
        given.pointer_mut(path).and_then(Value::as_object_mut).expect(path).remove(field);
        read(&given).expect("facts").0
    };
    fn untold<T>(path: &str) -> Fact<T> {
        Fact::Denied(format!("not reported: {path}").into())
    }
    assert_eq!(read("/process/uidMap/known/0", "length").process.uid_map, untold("process.uidMap.known[0].length"));
    assert_eq!(read("/stateDir/flags/known", "readOnly").state_dir.flags, untold("stateDir.flags.known.readOnly"));
    let facts = read("/probes/0/steps/3", "outcome");
    assert_eq!(facts.probes[0].end, End::NotRun("not reported: probes[0].steps[3].outcome".into()));
    assert_eq!(judge(&facts, Profile::NoProcessSandbox, None).ready(), Ready::Unknown);
}

proptest! {
    #[test]
    fn reading_facts_never_panics(text in "\\PC*", cut in 0usize..4000, put in "[\\[\\]{}\",:0-9a-zA-Z ]{0,4}") {
        let _ = parse_facts(&text);
        // A valid file, cut and mended at random.
        for mut json in [Facts::unknown(), healthy()].map(|facts| serde_json::to_string(&facts).expect("JSON")) {
            let at = cut.min(json.len());
            json.replace_range(at..(at + put.len()).min(json.len()), &put);
            let _ = parse_facts(&json);
        }
    }
}
