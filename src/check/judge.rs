use super::row::{Judgement, Kind};
use super::{CHECKS, Case, Check, storage};
use crate::cause::{Cause, Level};
use crate::fact::{End, Errno, Facts, Step, StepOutcome, StepResult, Trial, TrialEnd};
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a builder of the profile works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// It works.
    Ready,
    /// It does not.
    NotReady,
    /// Nobody can tell from what was seen.
    Unknown,
}

impl Ready {
    /// All answers.
    pub const ALL: [Ready; 3] = [Ready::Ready, Ready::NotReady, Ready::Unknown];

    /// The id, as reports and labels have it: `not-ready`.
    pub fn id(self) -> &'static str {
        match self {
            Ready::Ready => "ready",
            Ready::NotReady => "not-ready",
            Ready::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Ready::NotReady { "not ready" } else { self.id() })
    }
}

/// How a verdict was come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The probe ran in the shape of the profile's pod.
    Proven,
    /// The probe ran, but outside that shape, as on a bare machine.
    Probed,
    /// From facts alone.
    Predicted,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Evidence::Proven => "proven",
            Evidence::Probed => "probed",
            Evidence::Predicted => "predicted",
        })
    }
}

/// How BuildKit would keep its layers, the fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Snapshotter {
    /// The kernel's overlay file system.
    Overlayfs,
    /// The same in user space.
    FuseOverlayfs,
    /// A copy of the whole tree for each layer.
    Native,
}

impl Snapshotter {
    /// All of them.
    pub const ALL: [Snapshotter; 3] = [Snapshotter::Overlayfs, Snapshotter::FuseOverlayfs, Snapshotter::Native];
}

impl fmt::Display for Snapshotter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Snapshotter::Overlayfs => "overlayfs",
            Snapshotter::FuseOverlayfs => "fuse-overlayfs",
            Snapshotter::Native => "native",
        })
    }
}

/// What one check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// It works, but not as it should, or it only looks bad.
    Warn,
    /// A builder can't work with this.
    Fail,
    /// What was seen can't tell.
    Unknown,
    /// Of no importance for this profile or in this place.
    NotApplicable,
}

/// One check with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row of the table.
    pub check: &'static str,
    /// Its answer.
    pub outcome: Outcome,
    /// The cause it names.
    pub cause: Option<Cause>,
    /// What was seen.
    pub message: Option<String>,
}

/// The answer for one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The profile asked about.
    pub profile: Profile,
    /// Whether a builder works.
    pub ready: Ready,
    /// How that was come to.
    pub evidence: Evidence,
    /// The snapshotter that BuildKit would choose, where that can be told.
    pub snapshotter: Option<Snapshotter>,
    /// What stops a builder, the decisive cause first, then what would stop it next.
    pub causes: Vec<Cause>,
    /// The step at which it would end.
    pub failed: Option<StepResult>,
    /// Why nobody can tell, for an unknown verdict.
    pub unknown: Option<String>,
    /// All checks.
    pub findings: Vec<Finding>,
}

/// Judges one profile. `process_sandbox` replaces the profile's own choice.
pub fn judge(facts: &Facts, profile: Profile, process_sandbox: Option<bool>) -> Verdict {
    let case = Case::new(facts, profile, process_sandbox);
    let failed = case.failed();
    let decisive = failed.as_ref().map(|failed| decisive_causes(&case, failed));
    let mut findings: Vec<_> = CHECKS.iter().map(|check| find(check, &case, failed.as_ref(), decisive.as_deref())).collect();

    let mut causes = decisive.unwrap_or_default();
    for cause in findings.iter().filter(|finding| finding.outcome == Outcome::Fail).filter_map(|finding| finding.cause) {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }

    if case.trial.is_some_and(|trial| trial.end != TrialEnd::Built) && causes.is_empty() {
        causes.push(Cause::PlatformSandbox);
    }
    // One in a place that says nothing of the profile is passed over, like a probe there.
    let trial = facts.trials.iter().find(|trial| trial.plan == case.plan && (case.trial.is_some() || !trial.decides()));
    findings.extend(trial.map(|trial| of_trial(trial, causes.first().copied())));

    // A shell's confinement is not a pod's: what it refuses here says nothing of a builder.
    let (shells, nodes): (Vec<_>, Vec<_>) = causes.into_iter().partition(|cause| is_only_this_shells(&case, *cause));
    let mut unknown = unfinished(&case);
    if let Some(why) = &unknown {
        findings.push(Finding { check: "probe", outcome: Outcome::Unknown, cause: None, message: Some(why.clone()) });
    }
    if trial.is_some_and(|trial| matches!(trial.end, TrialEnd::TimedOut(_))) {
        unknown = unknown.or_else(|| findings.iter().find(|finding| finding.check == TRIAL).and_then(|finding| finding.message.clone()));
    }
    unknown = unknown.or_else(|| shells.first().map(|cause| format!("{}, which says nothing of a pod", cause.title())));
    if !case.decides() {
        let findings = findings.iter().filter(|finding| finding.outcome == Outcome::Unknown);
        unknown = unknown.or_else(|| findings.filter_map(|finding| finding.message.clone()).next());
    }
    let ready = match (nodes.is_empty(), &unknown) {
        (false, _) => Ready::NotReady,
        (true, Some(_)) => Ready::Unknown,
        (true, None) => Ready::Ready,
    };
    let causes = [nodes, shells].concat();
    if ready != Ready::Unknown {
        unknown = None;
    }
    let shaped = case.is_builders_shape() && (case.is_asked_unconfined() || causes.first().is_none_or(|cause| cause.level() != Level::Pod));
    let evidence = match (case.decides(), shaped) {
        _ if case.got_no_user_namespace() => Evidence::Proven,
        (true, true) => Evidence::Proven,
        (true, false) => Evidence::Probed,
        (false, _) => Evidence::Predicted,
    };
    let snapshotter = if ready == Ready::NotReady { None } else { storage::snapshotter(&case) };
    Verdict { profile, ready, evidence, snapshotter, causes, failed, unknown, findings }
}

/// The name under which a real build is among the findings; no row of the table, since nothing is read for it.
const TRIAL: &str = "trial-build";

/// What a real build showed.
fn of_trial(trial: &Trial, cause: Option<Cause>) -> Finding {
    let finding = |outcome, cause, message| Finding { check: TRIAL, outcome, cause, message };
    match &trial.end {
        TrialEnd::Built => finding(Outcome::Pass, None, None),
        TrialEnd::Failed { stage, error, .. } => finding(Outcome::Fail, cause, Some(format!("a real build failed at {stage}: {error}"))),
        TrialEnd::TimedOut(stage) => {
            finding(Outcome::Unknown, None, Some(format!("a real build had not got past {stage} when its time was up")))
        }
        TrialEnd::NotRun(why) => finding(Outcome::Unknown, None, Some(format!("a real build was not tried: {why}"))),
    }
}

/// Whether a cause lies in the shell on a bare machine and not in the machine: its confinement (a chroot
/// too, which shows in nothing but the refusal), or a directory that merely stood in for a volume.
fn is_only_this_shells(case: &Case, cause: Cause) -> bool {
    let stand_in = case.facts.state_dir.is_stand_in && matches!(cause, Cause::DiskSpace | Cause::LockedMountFlags);
    case.on_bare_machine() && (cause.level() == Level::Pod || cause == Cause::PlatformSandbox || stand_in)
}

/// Why a probe that was begun decides nothing.
fn unfinished(case: &Case) -> Option<String> {
    match &case.probe?.end {
        _ if case.decides() => None,
        End::TimedOut(step) => Some(format!("the probe had not got past this step when its time was up: {}", step.title())),
        End::Killed { signal, step } => Some(format!("the probe was killed by signal {signal} during this step: {}", step.title())),
        End::NotRun(why) => Some(format!("the probe did not run: {why}")),
        End::Completed => Some(match case.probe?.failed() {
            Some(failed) => format!("the probe could not be finished: {failed}"),
            None => "the probe ended before its last step".to_owned(),
        }),
    }
}

/// The causes of a failed step: all failing facts that explain it, in the order of the table; if
/// there is none, what such a failure most likely means.
fn decisive_causes(case: &Case, failed: &StepResult) -> Vec<Cause> {
    let mut causes = Vec::new();
    for check in CHECKS {
        if let Kind::Fact { judge, explains } = check.kind
            && check.steps.contains(&failed.step)
            && explains(failed)
            && let Judgement::Fail(cause, _) = judge(case)
            && !causes.contains(&cause)
        {
            causes.push(cause);
        }
    }
    if causes.is_empty() {
        causes.push(blame(case, failed));
    }
    causes
}

/// What the failure of a step means where no fact explains it.
fn blame(case: &Case, failed: &StepResult) -> Cause {
    let errno = failed.errno.unwrap_or(Errno::EPERM);
    match failed.step {
        Step::SubIdRange => Cause::SubidConfig,
        // Root lacks no privilege for it: the IDs are not there.
        Step::UidMap | Step::GidMap if case.root_writes_maps() => Cause::NestedUsernsRange,
        // newuidmap: "Cannot determine your user name".
        Step::UidMap | Step::GidMap if failed.detail.as_ref().is_some_and(|detail| detail.contains("user name")) => Cause::SubidConfig,
        Step::UidMap | Step::GidMap if errno == Errno::EACCES => case.security_module(),
        Step::UidMap | Step::GidMap if errno == Errno::EINVAL => Cause::SubidConfig,
        Step::UidMap | Step::GidMap => Cause::IdmapHelper,
        Step::StateDir | Step::Overlay | Step::Fuse if matches!(errno, Errno::ENOSPC | Errno::EDQUOT) => Cause::DiskSpace,
        Step::StateDir | Step::Overlay | Step::Fuse => Cause::StateDir,
        Step::Execute => Cause::LockedMountFlags,
        _ if errno == Errno::EACCES => case.security_module(),
        Step::ReadOnlyRemount | Step::BindMount => Cause::LockedMountFlags,
        Step::Proc if case.plan.process_sandbox => Cause::MaskedProc,
        Step::SessionKeyring if errno == Errno::EDQUOT => Cause::KeyQuota,
        // A group that the map does not have.
        Step::Devpts if errno == Errno::EINVAL => Cause::SubidConfig,
        // Only a filter or a security module can refuse the owner of a UTS namespace its name.
        Step::Hostname => Cause::Seccomp,
        Step::UserNamespace if matches!(errno, Errno::EINVAL | Errno::ENOSYS) => Cause::UsernsKconfig,
        _ if matches!(errno, Errno::ENOSPC | Errno::EUSERS) => Cause::UsernsExhausted,
        Step::UserNamespace
        | Step::MountNamespace
        | Step::PrivateRoot
        | Step::StepMountNamespace
        | Step::UtsNamespace
        | Step::IpcNamespace
        | Step::CgroupNamespace
        | Step::PidNamespace
        | Step::SessionKeyring
        | Step::Proc
        | Step::Devpts
        | Step::Mqueue
        | Step::Sysfs
        | Step::PivotRoot => Cause::PlatformSandbox,
    }
}

/// One check's answer: what was read, overruled by what was tried.
fn find(check: &'static Check, case: &Case, failed: Option<&StepResult>, decisive: Option<&[Cause]>) -> Finding {
    let finding = |outcome, cause, message| Finding { check: check.id, outcome, cause, message };
    let failed_here = failed.filter(|failed| check.steps.contains(&failed.step));
    match check.kind {
        Kind::Attempt => match (failed_here, fell_back(case, check)) {
            (Some(step), _) => finding(Outcome::Fail, decisive.and_then(|causes| causes.first().copied()), Some(step.to_string())),
            (None, Some((cause, step))) => finding(Outcome::Warn, Some(cause), Some(step)),
            (None, None) if case.worked(check.steps) => finding(Outcome::Pass, None, None),
            (None, None) => finding(Outcome::NotApplicable, None, None),
        },
        Kind::Fact { judge, .. } => {
            let worked = case.worked(check.steps);
            match judge(case) {
                Judgement::Pass => finding(Outcome::Pass, None, None),
                Judgement::NotApplicable => finding(Outcome::NotApplicable, None, None),
                Judgement::Warn(cause, message) => finding(Outcome::Warn, Some(cause), Some(message)),
                Judgement::Fail(cause, message) if worked => {
                    finding(Outcome::Warn, Some(cause), Some(format!("{message}, but it works here all the same")))
                }
                Judgement::Fail(cause, message) => finding(Outcome::Fail, Some(cause), Some(message)),
                Judgement::Unknown(_) if worked => finding(Outcome::Pass, None, None),
                Judgement::Unknown(message) => finding(Outcome::Unknown, None, Some(message)),
            }
        }
    }
}

/// A step that was refused, and that a builder does without. What follows for the snapshotter
/// and the ID maps is said by rows of their own.
fn fell_back(case: &Case, check: &Check) -> Option<(Cause, String)> {
    let probe = case.probe.filter(|_| case.probe_decides())?;
    let quiet = |step: Step| matches!(step, Step::Overlay | Step::Fuse | Step::Sysfs | Step::PivotRoot);
    let mut steps = check.steps.iter().filter(|step| !quiet(**step)).filter_map(|step| probe.step(*step));
    steps.find(|result| result.outcome == StepOutcome::FellBack).map(|result| {
        let by_helper = matches!(result.step, Step::UidMap | Step::GidMap) && !case.root_writes_maps();
        let shells_own = by_helper && case.facts.process.no_new_privs.known() == Some(&true);
        let cause = if shells_own { Cause::NoNewPrivs } else { blame(case, result) };
        (cause, format!("{result}: went on with the own ID alone"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{facts_of, with_probe};
    use crate::fact::{Fact, Namespace, Seccomp};

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
            assert_eq!((verdict.ready, verdict.evidence), (Ready::Unknown, Evidence::Predicted), "{step:?} {errno}");
            assert!(verdict.unknown.is_some_and(|why| why.contains(step.title())));
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
            verdict.findings.iter().filter(|finding| finding.check == TRIAL).map(|finding| finding.outcome).collect::<Vec<_>>()
        };
        let failed = || TrialEnd::Failed { stage: Stage::Run, step: None, error: "runc run failed".into() };

        let built = judged(Some((Step::Hostname, Errno::EPERM)), TrialEnd::Built);
        assert_eq!((built.ready, built.evidence, built.snapshotter), (Ready::Ready, Evidence::Proven, Some(Snapshotter::Native)));
        assert_eq!(found(&built), [Outcome::Pass]);
        let broken = judged(None, failed());
        assert_eq!(
            (broken.ready, broken.causes.as_slice(), found(&broken)),
            (Ready::NotReady, [Cause::PlatformSandbox].as_slice(), vec![Outcome::Fail])
        );
        // The probe knows more of the same failure.
        assert_eq!(judged(Some((Step::Hostname, Errno::EPERM)), failed()).causes, [Cause::Seccomp]);
        for (end, ready) in [(TrialEnd::TimedOut(Stage::Run), Ready::Unknown), (TrialEnd::NotRun("no buildctl".into()), Ready::Ready)] {
            let verdict = judged(None, end);
            assert_eq!((verdict.ready, found(&verdict)), (ready, vec![Outcome::Unknown]));
        }
    }

    #[test]
    fn a_probe_without_its_last_step_is_no_ready() {
        let mut facts = with_probe(facts_of(&|_| {}), None);
        facts.probes[0].steps.pop();
        assert_eq!(judged(&facts).ready, Ready::Unknown);
        facts.probes[0].end = End::TimedOut(Step::Hostname);
        assert_eq!(judged(&facts).ready, Ready::Unknown);
    }

    #[test]
    fn what_worked_before_the_time_was_up_still_outranks_a_fact() {
        let restricted = |facts: &mut Facts| facts.sysctls.apparmor_restrict_unprivileged_userns = Fact::Known(1);
        let mut facts = with_probe(facts_of(&restricted), None);
        facts.probes[0].steps.retain(|result| result.step <= Step::PrivateRoot);
        facts.probes[0].end = End::TimedOut(Step::StateDir);
        assert_eq!((judged(&facts).ready, judged(&facts).causes), (Ready::Unknown, vec![]));
    }

    #[test]
    fn a_filter_that_answers_comes_before_what_the_kernel_would_have_said() {
        let both = |facts: &mut Facts| {
            facts.process.seccomp = Fact::Known(Seccomp::Filter);
            facts.sysctls.unprivileged_userns_clone = Fact::Known(0);
        };
        let mut facts = with_probe(facts_of(&both), Some((Step::UserNamespace, Errno::EPERM)));
        facts.probes[0].steps[0].filtered = Some(true);
        assert_eq!(judged(&facts).causes, [Cause::Seccomp, Cause::UsernsClone0]);
        facts.probes[0].steps[0].filtered = Some(false);
        assert_eq!(judged(&facts).causes, [Cause::UsernsClone0]);
        // On a bare machine the filter is the shell's, and only the sysctl counts.
        facts.probes[0].steps[0].filtered = Some(true);
        facts.process.pid_namespace = Fact::Known(Namespace::Initial);
        assert_eq!((judged(&facts).ready, judged(&facts).causes.first()), (Ready::NotReady, Some(&Cause::UsernsClone0)));
        facts.sysctls.unprivileged_userns_clone = Fact::Absent;
        assert_eq!(judged(&facts).ready, Ready::Unknown);
    }

    #[test]
    fn a_process_that_a_filter_kills_is_refused_by_it() {
        let mut facts = with_probe(facts_of(&|_| {}), None);
        facts.probes[0].steps.clear();
        facts.probes[0].end = End::Killed { signal: 31, step: Step::UserNamespace };
        assert_eq!((judged(&facts).ready, judged(&facts).causes), (Ready::NotReady, vec![Cause::Seccomp]));
        facts.probes[0].end = End::Killed { signal: 9, step: Step::UserNamespace };
        assert_eq!(judged(&facts).ready, Ready::Unknown);
    }
}
