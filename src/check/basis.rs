//! What was tried, and so what a verdict rests on.

use super::Note;
use super::note::Unfinished;
use crate::fact::{End, Errno, MapSource, Plan, Probe, Step, StepOutcome, StepResult, Trial, TrialEnd};

/// SIGSYS: how a filter ends a process that it does not answer with an error.
const SIGSYS: i32 = 31;

/// What a verdict rests on, the strongest first. Made once for each case.
#[derive(Clone, Debug)]
pub enum Basis<'a> {
    /// A real build was built and exported.
    Built(&'a Trial),
    /// A real build failed: at this step, as far as its words or the probe tell.
    BuildFailed(&'a Trial, Option<StepResult>),
    /// The probe did all steps that a build can't do without.
    ProbePassed,
    /// The probe ended at this step.
    ProbeFailed(StepResult),
    /// The pod asked for a user namespace and got none: nothing has to be tried.
    Withheld,
    /// A probe was begun and decided nothing.
    Unfinished(Note),
    /// Nothing was tried here that speaks for the profile.
    FactsOnly,
}

impl<'a> Basis<'a> {
    /// Of what was tried. `is_withheld`: the pod did not get what it asked for.
    pub(super) fn of(plan: Plan, probes: &[&Probe], trials: &[&'a Trial], is_withheld: bool) -> Self {
        let (probe, trial) = (doubtful(probes, |probe| !decides(plan, probe)), doubtful(trials, |trial| !trial.decides()));
        let built = trials.iter().filter(|trial| trial.decides()).map(|trial| trial.end == TrialEnd::Built);
        let ends = probes.iter().filter_map(|probe| match tried(plan, probe) {
            Tried::Passed => Some(None),
            Tried::Failed(step) => Some(Some((step.step, step.errno))),
            Tried::Nothing(_) => None,
        });
        if disagree(built) || disagree(ends) {
            return Basis::Unfinished(Note::Unfinished(Unfinished::Contradiction));
        }
        match (trial.map(|trial| (trial, &trial.end)), probe.map(|probe| tried(plan, probe))) {
            (Some((_, TrialEnd::Built)), Some(Tried::Failed(step))) if is_beyond_trial(&step) => Basis::ProbeFailed(step),
            (Some((trial, TrialEnd::Built)), _) => Basis::Built(trial),
            // The probe knows more of the same failure than the build's message tells.
            (Some((trial, TrialEnd::Failed { .. })), Some(Tried::Failed(step))) => Basis::BuildFailed(trial, Some(step)),
            (Some((trial, TrialEnd::Failed { step, .. })), _) => Basis::BuildFailed(trial, step.clone()),
            (_, Some(Tried::Passed)) => Basis::ProbePassed,
            (_, Some(Tried::Failed(step))) => Basis::ProbeFailed(step),
            (_, Some(Tried::Nothing(why))) => Basis::Unfinished(Note::Unfinished(why)),
            (_, None) if is_withheld => Basis::Withheld,
            (_, None) => Basis::FactsOnly,
        }
    }

    /// Whether it was tried to the end.
    pub fn decides(&self) -> bool {
        matches!(self, Basis::Built(_) | Basis::BuildFailed(..) | Basis::ProbePassed | Basis::ProbeFailed(_))
    }

    /// The step at which a build would end.
    pub fn failed(&self) -> Option<&StepResult> {
        match self {
            Basis::BuildFailed(_, failed) => failed.as_ref(),
            Basis::ProbeFailed(failed) => Some(failed),
            _ => None,
        }
    }

    /// The real build that came to its end.
    pub(super) fn trial(&self) -> Option<&'a Trial> {
        match self {
            Basis::Built(trial) | Basis::BuildFailed(trial, _) => Some(trial),
            _ => None,
        }
    }
}

/// Of several attempts at the same the one that counts: one that decides nothing, if there is one.
pub(super) fn doubtful<'a, T>(attempts: &[&'a T], is_doubtful: impl Fn(&T) -> bool) -> Option<&'a T> {
    attempts.iter().find(|attempt| is_doubtful(attempt)).or_else(|| attempts.first()).copied()
}

/// Whether some of these are not the same.
fn disagree<T: PartialEq>(mut all: impl Iterator<Item = T>) -> bool {
    all.next().is_some_and(|first| all.any(|other| other != first))
}

/// Whether a probe came to its end, so that its steps decide.
pub(super) fn decides(plan: Plan, probe: &Probe) -> bool {
    !matches!(tried(plan, probe), Tried::Nothing(_))
}

/// Whether a trial build does less than this step of the probe, so that its end says nothing of it: it runs one step at a time, and
/// makes no file in a directory of another user that others may not write to.
fn is_beyond_trial(failed: &StepResult) -> bool {
    match failed.step {
        Step::Chown => true,
        Step::StepMountNamespace | Step::UtsNamespace | Step::IpcNamespace | Step::CgroupNamespace | Step::PidNamespace => {
            failed.errno == Some(Errno::ENOSPC)
        }
        _ => false,
    }
}

/// Steps that a probe need not come to: who writes a map that needs no range or no helper, what follows a fallback, what cgroup v1
/// does not have, and what decides nothing.
pub(super) const MAY_LACK: [Step; 12] = [
    Step::SubIdRange,
    Step::UidMap,
    Step::GidMap,
    Step::TempDir,
    Step::RuntimeDir,
    Step::Chown,
    Step::OverlayChange,
    Step::Fuse,
    Step::FileChange,
    Step::Execute,
    Step::CgroupNamespace,
    Step::Sysfs,
];

/// What a probe decides.
enum Tried {
    Passed,
    Failed(StepResult),
    Nothing(Unfinished),
}

fn tried(plan: Plan, probe: &Probe) -> Tried {
    match probe.end {
        End::Completed => match probe.failed() {
            Some(failed) if is_passing(failed) => Tried::Nothing(Unfinished::Passing(failed.clone())),
            Some(failed) => Tried::Failed(failed.clone()),
            None if is_whole(plan, probe) => Tried::Passed,
            None => Tried::Nothing(Unfinished::Short),
        },
        End::Killed { signal: SIGSYS, step } => {
            let detail = Some("the process was killed by SIGSYS".to_owned());
            Tried::Failed(StepResult { step, outcome: StepOutcome::Failed, errno: None, detail, filtered: Some(true), micros: 0 })
        }
        End::Killed { .. } | End::TimedOut(_) | End::NotRun(_) => Tried::Nothing(Unfinished::Ended(probe.end.clone())),
    }
}

/// Whether nothing is missing that a build needs: with overlayfs also what is done through it, else what is done without, and
/// owners wherever there are IDs to give files to.
fn is_whole(plan: Plan, probe: &Probe) -> bool {
    let is_there = |step: Step| probe.step(step).is_some();
    let has_overlay = probe.step(Step::Overlay).is_some_and(|overlay| overlay.outcome == StepOutcome::Worked);
    let changes = if has_overlay { Step::OverlayChange } else { Step::FileChange };
    let has_owners = is_there(Step::Chown) || probe.map_source == Some(MapSource::OwnIdOnly);
    plan.steps().filter(|step| !MAY_LACK.contains(step)).all(is_there) && is_there(changes) && has_owners
}

/// Whether a step failed for want of something that comes and goes: memory, processes, file descriptors,
/// or the scratch directory that somebody cleaned away. That says nothing of a builder.
fn is_passing(failed: &StepResult) -> bool {
    let scarce = matches!(failed.errno, Some(Errno::EAGAIN | Errno::ENOMEM | Errno::ENFILE | Errno::EMFILE));
    scarce || failed.errno == Some(Errno::ENOENT) && failed.step > Step::TempDir && !matches!(failed.step, Step::RuntimeDir | Step::Fuse)
}
