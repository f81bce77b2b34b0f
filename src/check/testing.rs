//! One healthy builder's pod, and tests that change one thing in it.

use super::{CHECKS, Evidence, Finding, Outcome, Ready, judge};
use crate::cause::Cause;
use crate::fact::{
    CapSet, End, Errno, Fact, Facts, Helper, IdMap, IdRange, MapSource, MountFlags, Namespace, Probe, ProcFs, Seccomp, Step, StepOutcome,
    StepResult, SubId, Sysctl,
};
use crate::profile::Profile;
use std::collections::HashSet;
use std::fmt::Display;
use std::mem::discriminant;
use strum::EnumCount;

/// The map of a pod with `hostUsers: false`.
pub(crate) fn pod_map(length: u32) -> Fact<IdMap> {
    Fact::Known(IdMap(vec![IdRange { inside: 0, outside: 1_048_576, length }]))
}

/// Facts of a builder's pod of the default profile where all is well, without a probe, and then changed.
pub(crate) fn facts_of(change: &dyn Fn(&mut Facts)) -> Facts {
    let initial = || Fact::Known(IdMap(vec![IdRange { inside: 0, outside: 0, length: u32::MAX }]));
    let helper = |name: &str| Fact::Known(Helper { path: format!("/usr/bin/{name}"), setuid: false, file_capability: true, nosuid: false });
    let mut facts = Facts::unknown();
    facts.kernel = Fact::Known("6.12.0-1-amd64".to_owned().try_into().expect("a release"));
    facts.user_namespaces = Fact::Known(true);
    facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Absent);
    facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(63_359));
    facts.sysctls.set(Sysctl::MaxMntNamespaces, Fact::Known(63_359));
    facts.sysctls.set(Sysctl::MaxPidNamespaces, Fact::Known(63_359));
    facts.sysctls.set(Sysctl::MaxUtsNamespaces, Fact::Known(63_359));
    facts.sysctls.set(Sysctl::MaxIpcNamespaces, Fact::Known(63_359));
    facts.sysctls.set(Sysctl::MaxCgroupNamespaces, Fact::Known(63_359));
    facts.sysctls.set(Sysctl::YamaPtraceScope, Fact::Known(1));
    facts.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Absent);
    facts.process.uid = Fact::Known(1000);
    facts.process.pid_namespace = Fact::Known(Namespace::Own);
    facts.process.uid_map = initial();
    facts.process.gid_map = initial();
    facts.process.seccomp = Fact::Known(Seccomp::Disabled);
    facts.process.no_new_privs = Fact::Known(false);
    facts.process.bounding_set = Fact::Known(CapSet(0xa804_25fb));
    facts.process.lsm_label = Fact::Absent;
    facts.proc_fs = Fact::Known(ProcFs::default());
    facts.state_dir.path = Fact::Known("/home/user/.local/share/buildkit".into());
    facts.state_dir.file_system = Fact::Known("ext4".into());
    facts.state_dir.flags = Fact::Known(MountFlags::default());
    facts.state_dir.free_bytes = Fact::Known(50 << 30);
    facts.state_dir.free_inodes = Fact::Known(1 << 20);
    facts.dev_fuse = Fact::Absent;
    facts.tools.rootlesskit = Fact::Known("/usr/bin/rootlesskit".into());
    facts.newuidmap = helper("newuidmap");
    facts.newgidmap = helper("newgidmap");
    facts.sub_ids.user = Fact::Known("user".into());
    facts.sub_ids.uids = Fact::Known(vec![SubId::STOCK]);
    facts.sub_ids.gids = Fact::Known(vec![SubId::STOCK]);
    change(&mut facts);
    facts
}

/// The same with a probe in which each step worked.
pub(crate) fn healthy() -> Facts {
    with_probe(facts_of(&|_| {}), None)
}

/// Adds a probe of the default profile that worked, or failed at a step.
pub(crate) fn with_probe(facts: Facts, failure: Option<(Step, Errno)>) -> Facts {
    with_probe_of(facts, Profile::NoProcessSandbox, failure)
}

/// Puts them on a bare machine.
pub(crate) fn bare(facts: &mut Facts) {
    facts.process.pid_namespace = Fact::Known(Namespace::Initial);
    facts.process.ipc_namespace = Fact::Known(Namespace::Initial);
}

/// The same of any profile.
pub(crate) fn with_probe_of(mut facts: Facts, profile: Profile, failure: Option<(Step, Errno)>) -> Facts {
    let plan = profile.plan();
    let result = |step, outcome, errno| StepResult { step, outcome, errno, detail: None, filtered: None, micros: 10 };
    let mut steps = Vec::new();
    let falls_back = |step: &Step| matches!(step, Step::Fuse | Step::FileChange | Step::Execute);
    for step in plan.steps().filter(|step| !falls_back(step) || failure.is_some_and(|failure| failure.0 == *step)) {
        match failure {
            Some((failed, errno)) if failed == step => {
                steps.push(result(step, StepOutcome::Failed, Some(errno)));
                break;
            }
            Some((Step::Execute, errno)) if step == Step::Overlay => steps.push(result(step, StepOutcome::FellBack, Some(errno))),
            _ => steps.push(result(step, StepOutcome::Worked, None)),
        }
    }
    let executable = "/usr/bin/rootlesskit".into();
    facts.probes = vec![Probe { plan, executable, uid: profile.uid(), map_source: Some(MapSource::Helpers), end: End::Completed, steps }];
    facts
}

/// Adds a probe of a profile in which one step failed or fell back, with or without an error.
pub(super) fn with_failure(mut facts: Facts, profile: Profile, failed: Step, outcome: StepOutcome, errno: Option<Errno>) -> Facts {
    let plan = profile.plan();
    let mut steps = Vec::new();
    for step in plan.steps() {
        let (outcome, errno) = if step == failed { (outcome, errno) } else { (StepOutcome::Worked, None) };
        steps.push(StepResult { step, outcome, errno, detail: None, filtered: None, micros: 0 });
        if outcome == StepOutcome::Failed {
            break;
        }
    }
    let executable = "/usr/bin/rootlesskit".into();
    facts.probes = vec![Probe { plan, executable, uid: profile.uid(), map_source: Some(MapSource::Helpers), end: End::Completed, steps }];
    facts
}

/// What one check finds in changed facts, without a probe.
pub(super) fn finding(check: &str, profile: Profile, change: &dyn Fn(&mut Facts)) -> Finding {
    assert!(CHECKS.iter().any(|row| row.id == check), "{check} is in the table");
    let verdict = judge(&facts_of(change), profile, None);
    verdict.findings.into_iter().find(|finding| finding.check == check).expect("each check answers")
}

type Row<'a> = (Outcome, Option<Cause>, &'a dyn Fn(&mut Facts));

/// Holds one check's answers for the default profile against what they should be.
pub(super) fn table(check: &str, rows: &[Row]) {
    for (number, (outcome, cause, change)) in rows.iter().enumerate() {
        let found = finding(check, Profile::NoProcessSandbox, change);
        assert_eq!((found.outcome, found.cause), (*outcome, *cause), "{check}, row {number}: {found:?}");
    }
}

/// A probe that failed at a step must name the cause first.
pub(super) fn failed_at(step: Step, errno: Errno, cause: Cause, change: impl Fn(&mut Facts)) {
    let verdict = judge(&with_probe(facts_of(&change), Some((step, errno))), Profile::NoProcessSandbox, None);
    assert_eq!(verdict.ready(), Ready::NotReady, "{step:?}");
    assert_eq!(verdict.decisive(), Some(cause), "{step:?} {errno}: {verdict:?}");
    assert_eq!(verdict.failed.map(|failed| failed.step), Some(step));
}

/// Holds values against their texts; of an enum no variant may be left out.
pub(super) fn texts<T: Display + EnumCount>(rows: &[(T, &str)]) {
    for (value, text) in rows {
        assert_eq!(value.to_string(), *text);
    }
    let variants: HashSet<_> = rows.iter().map(|(value, _)| discriminant(value)).collect();
    assert_eq!(variants.len(), T::COUNT, "each variant has its text");
}

#[test]
fn the_healthy_example_is_clean() {
    let verdict = judge(&healthy(), Profile::NoProcessSandbox, None);
    assert_eq!((verdict.ready(), verdict.evidence, verdict.causes()), (Ready::Ready, Evidence::Proven, vec![]));
    for finding in verdict.findings {
        assert!(matches!(finding.outcome, Outcome::Pass | Outcome::NotApplicable), "{finding:?}");
    }
    let predicted = judge(&facts_of(&|_| {}), Profile::NoProcessSandbox, None);
    assert_eq!((predicted.ready(), predicted.evidence), (Ready::Ready, Evidence::Predicted));
}
