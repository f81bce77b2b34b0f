use super::*;
use crate::check::testing::{bare, facts_of, pod_map, with_probe, with_probe_of};
use crate::fact::{End, Errno, Sysctl, Trial};
use crate::fact::{Seccomp, Snapshotter};

fn judged(facts: &Facts) -> Verdict {
    judge(facts, Profile::NoProcessSandbox, None)
}

#[test]
fn what_comes_and_goes_is_no_verdict() {
    for (step, errno) in [
        (Step::StepMountNamespace, Errno::EAGAIN),
        (Step::UidMap, Errno::ENOMEM),
        (Step::UidMap, Errno::EMFILE),
        (Step::BindMount, Errno::ENOENT),
    ] {
        let verdict = judged(&with_probe(facts_of(&|_| {}), Some((step, errno))));
        assert_eq!((verdict.ready(), verdict.evidence), (Ready::Unknown, Evidence::Predicted), "{step:?} {errno}");
        assert!(verdict.unknown().is_some_and(|why| why.to_string().contains(step.title())));
    }
}

#[test]
fn a_real_build_outranks_the_probe() {
    use crate::fact::Stage;
    let judged = |probe: Option<(Step, Errno)>, end: TrialEnd| {
        let mut facts = with_probe(facts_of(&|_| {}), probe);
        facts.trials = vec![Trial { plan: facts.probes[0].plan, end, snapshotter: Some("native".into()), millis: 1 }];
        judged(&facts)
    };
    let found = |verdict: &Verdict| {
        verdict.findings.iter().filter(|finding| finding.check == "trial-build").map(|finding| finding.outcome).collect::<Vec<_>>()
    };
    let failed = || TrialEnd::Failed { stage: Stage::Run, step: None, error: "runc run failed".into(), behaviours: Vec::new() };

    let built = judged(Some((Step::Hostname, Errno::EPERM)), TrialEnd::Built);
    assert_eq!((built.ready(), built.evidence, built.snapshotter()), (Ready::Ready, Evidence::Proven, Some(Snapshotter::Native)));
    assert_eq!(found(&built), [Outcome::Pass]);
    // It runs one step at a time, and all that it copies is its own.
    for (step, errno, cause) in
        [(Step::UtsNamespace, Errno::ENOSPC, Cause::UsernsExhausted), (Step::Chown, Errno::EACCES, Cause::StateDirChown)]
    {
        assert_eq!(judged(Some((step, errno)), TrialEnd::Built).causes(), [cause], "{step:?}");
    }
    let broken = judged(None, failed());
    assert_eq!((broken.ready(), broken.causes(), found(&broken)), (Ready::NotReady, vec![Cause::BuildFailed], vec![Outcome::Fail]));
    // The probe knows more of the same failure.
    assert_eq!(judged(Some((Step::Hostname, Errno::EPERM)), failed()).causes(), [Cause::Seccomp]);
    for (end, ready) in [(TrialEnd::TimedOut(Stage::Run), Ready::Unknown), (TrialEnd::NotRun("no buildctl".into()), Ready::Ready)] {
        let verdict = judged(None, end);
        assert_eq!((verdict.ready(), found(&verdict)), (ready, vec![Outcome::Unknown]));
    }
}

#[test]
fn attempts_that_contradict_each_other_decide_nothing() {
    let judged = |facts: &Facts| judge(facts, Profile::NoProcessSandbox, None);
    let passed = with_probe(facts_of(&|_| {}), None);
    let failed = with_probe(facts_of(&|_| {}), Some((Step::Overlay, Errno::EPERM)));
    let failed =
        if judged(&failed).ready() == Ready::NotReady { failed } else { with_probe(facts_of(&|_| {}), Some((Step::Proc, Errno::EPERM))) };
    assert_eq!((judged(&passed).ready(), judged(&failed).ready()), (Ready::Ready, Ready::NotReady));
    let both = |first: &Facts, second: &Facts| {
        let mut facts = first.clone();
        facts.probes.extend(second.probes.clone());
        facts.trials.extend(second.trials.clone());
        judged(&facts)
    };
    for (first, second) in [(&passed, &failed), (&failed, &passed)] {
        let verdict = both(first, second);
        assert_eq!(verdict.ready(), Ready::Unknown);
        assert!(verdict.unknown().is_some_and(|why| why.to_string().contains("contradict each other")));
    }
    assert_eq!((both(&passed, &passed).ready(), both(&failed, &failed).ready()), (Ready::Ready, Ready::NotReady), "the same twice");
    let mut interrupted = passed.clone();
    interrupted.probes[0].end = End::TimedOut(Step::Proc);
    assert_eq!(both(&passed, &interrupted).ready(), Ready::Unknown, "whichever comes first");
    let trial = |end| {
        let mut facts = passed.clone();
        facts.trials = vec![Trial { plan: facts.probes[0].plan, end, snapshotter: None, millis: 1 }];
        facts
    };
    let (built, broken) = (
        trial(TrialEnd::Built),
        trial(TrialEnd::Failed { stage: crate::fact::Stage::Run, step: None, error: "no".into(), behaviours: Vec::new() }),
    );
    assert_eq!((both(&built, &broken).ready(), both(&broken, &built).ready()), (Ready::Unknown, Ready::Unknown));
    assert_eq!(both(&built, &built).ready(), Ready::Ready);
}

#[test]
fn a_probe_without_one_of_its_steps_is_no_ready() {
    let mut facts = with_probe(facts_of(&|_| {}), None);
    for number in 0..facts.probes[0].steps.len() {
        let mut cut = facts.clone();
        let step = cut.probes[0].steps.remove(number).step;
        let may_lack = super::super::basis::MAY_LACK.contains(&step);
        assert!(may_lack || judged(&cut).ready() == Ready::Unknown, "{step:?}");
    }
    facts.probes[0].steps.pop();
    assert_eq!(judged(&facts).ready(), Ready::Unknown);
    facts.probes[0].end = End::TimedOut(Step::Hostname);
    assert_eq!(judged(&facts).ready(), Ready::Unknown);
}

#[test]
fn what_worked_before_the_time_was_up_still_outranks_a_fact() {
    let restricted = |facts: &mut Facts| facts.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(1));
    let mut facts = with_probe(facts_of(&restricted), None);
    facts.probes[0].steps.retain(|result| result.step <= Step::PrivateRoot);
    facts.probes[0].end = End::TimedOut(Step::StateDir);
    assert_eq!((judged(&facts).ready(), judged(&facts).causes()), (Ready::Unknown, vec![]));
}

#[test]
fn a_filter_that_answers_comes_before_what_the_kernel_would_have_said() {
    let both = |facts: &mut Facts| {
        facts.process.seccomp = Fact::Known(Seccomp::Filter);
        facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0));
    };
    let mut facts = with_probe(facts_of(&both), Some((Step::UserNamespace, Errno::EPERM)));
    facts.probes[0].steps[0].filtered = Some(true);
    assert_eq!(judged(&facts).causes(), [Cause::Seccomp, Cause::UsernsClone0]);
    facts.probes[0].steps[0].filtered = Some(false);
    assert_eq!(judged(&facts).causes(), [Cause::UsernsClone0]);
    // On a bare machine the filter is the shell's, and only the sysctl counts.
    facts.probes[0].steps[0].filtered = Some(true);
    bare(&mut facts);
    assert_eq!((judged(&facts).ready(), judged(&facts).decisive()), (Ready::NotReady, Some(Cause::UsernsClone0)));
    facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Absent);
    assert_eq!(judged(&facts).ready(), Ready::Unknown);
}

#[test]
fn a_process_that_a_filter_kills_is_refused_by_it() {
    let mut facts = with_probe(facts_of(&|_| {}), None);
    facts.probes[0].steps.clear();
    facts.probes[0].end = End::Killed { signal: 31, step: Step::UserNamespace };
    assert_eq!((judged(&facts).ready(), judged(&facts).causes()), (Ready::NotReady, vec![Cause::Seccomp]));
    facts.probes[0].end = End::Killed { signal: 9, step: Step::UserNamespace };
    assert_eq!(judged(&facts).ready(), Ready::Unknown);
}

#[test]
fn a_probe_that_counts_by_the_map_alone_does_not_overrule_the_facts() {
    let case = |asked: Option<bool>, max: u64| {
        let facts = facts_of(&|facts| {
            (facts.process.uid_map, facts.process.gid_map) = (pod_map(65_536), pod_map(65_536));
            facts.process.asked_user_namespace = asked.map_or_else(Fact::default, Fact::Known);
            facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(max));
        });
        let verdict = judge(&with_probe_of(facts, Profile::ProcMount, None), Profile::ProcMount, None);
        (verdict.ready(), verdict.unknown().cloned())
    };
    assert_eq!(case(Some(true), 0), (Ready::Ready, None));
    assert_eq!(case(Some(false), 0).0, Ready::NotReady);
    assert_eq!(case(None, 0), (Ready::Unknown, Some(Note::Unfinished(Unfinished::Unplaced))));
    assert_eq!(case(None, 60_000).0, Ready::Ready, "nothing speaks against it");
}
