use super::Note;
use super::basis::{self, Basis};
use super::note::Unfinished;
use super::place::Place;
use crate::fact::{End, Facts, MapSource, Namespace, Plan, Probe, Step, StepOutcome, StepResult, Trial};
use crate::profile::Profile;

/// One profile in the light of the facts: what the checks look at.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The facts.
    pub facts: &'a Facts,
    /// The profile asked about.
    pub profile: Profile,
    /// What its builder does.
    pub plan: Plan,
    /// Where it is looked at.
    pub place: Place<'a>,
    /// What was tried, and so what the verdict rests on.
    pub basis: Basis<'a>,
    /// The probe that imitated it here, if one ran that says something of this profile.
    pub(super) probe: Option<&'a Probe>,
    /// The real build that was tried, unless it came to its end in a place that says nothing of this profile.
    pub(super) trial: Option<&'a Trial>,
}

impl<'a> Case<'a> {
    /// Picks what speaks for the profile. `process_sandbox` replaces the profile's own choice.
    pub fn new(facts: &'a Facts, profile: Profile, process_sandbox: Option<bool>) -> Self {
        let mut plan = profile.plan();
        plan.process_sandbox = process_sandbox.unwrap_or(plan.process_sandbox);
        let place = Place { facts, profile, plan };
        let probes: Vec<_> = facts.probes.iter().filter(|probe| place.can_tell() && probe.plan == plan).collect();
        let trials: Vec<_> = facts.trials.iter().filter(|trial| trial.plan == plan && (place.can_tell() || !trial.decides())).collect();
        let basis = Basis::of(plan, &probes, &trials, place.got_no_user_namespace());
        // Where two contradict each other, neither says anything.
        let is_one = !matches!(&basis, Basis::Unfinished(Note::Unfinished(Unfinished::Contradiction)));
        let probe = basis::doubtful(&probes, |probe| !basis::decides(plan, probe)).filter(|_| is_one);
        let trial = basis::doubtful(&trials, |trial| !trial.decides()).filter(|_| is_one);
        Case { facts, profile, plan, place, basis, probe, trial }
    }

    /// Whether it was tried to the end.
    pub fn decides(&self) -> bool {
        self.basis.decides()
    }

    /// Whether a probe of this plan passed that is not counted, since it can't be read in what kind of place this is.
    pub(super) fn unheard(&self) -> Option<bool> {
        let process = &self.facts.process;
        // One that has a PID namespace of its own is no bare machine, whatever else it has.
        let is_machine_unread = process.pid_namespace.known() != Some(&Namespace::Own)
            && (process.pid_namespace.unreadable().is_some() || process.ipc_namespace.unreadable().is_some());
        let is_privilege_unread = process.bounding_set.unreadable().is_some() || process.seccomp.unreadable().is_some();
        let unread = is_machine_unread || process.uid_map.unreadable().is_some() || self.profile.is_privileged() && is_privilege_unread;
        let is_unheard = unread && matches!(self.basis, Basis::FactsOnly) && !self.place.can_tell();
        let probe = self.facts.probes.iter().find(|probe| is_unheard && probe.plan == self.plan && basis::decides(self.plan, probe))?;
        Some(probe.failed().is_none() && probe.end == End::Completed)
    }

    /// The step at which a build would end.
    pub fn failed(&self) -> Option<&StepResult> {
        self.basis.failed()
    }

    /// The probe, where it came to its end.
    pub(super) fn deciding_probe(&self) -> Option<&'a Probe> {
        self.probe.filter(|probe| basis::decides(self.plan, probe))
    }

    /// Whether the probe ran as a builder of the profile would: in the shape of its pod, with a map written as a builder's is.
    pub(super) fn is_builders_own(&self) -> bool {
        let mapped = self.probe.is_some_and(|probe| !matches!(probe.map_source, Some(MapSource::OwnIdOnly | MapSource::Root)));
        mapped && self.place.is_builders_shape()
    }

    /// Whether all of some steps worked, as far as the plan has them; at least one must have been done.
    pub(super) fn worked(&self, steps: &[Step]) -> bool {
        if matches!(self.basis, Basis::Built(_)) && self.plan.steps().any(|step| steps.contains(&step) && !step.is_of_own_pod()) {
            return true;
        }
        let Some(probe) = self.probe else { return false };
        let outcome = |step: Step| probe.step(step).map(|result| result.outcome);
        let fine = |step: Step| match outcome(step) {
            Some(StepOutcome::Worked) => true,
            // BuildKit leaves /sys out where it is rootless; a machine's first root can't be pivoted away from, a container's can.
            Some(StepOutcome::FellBack) => matches!(step, Step::Sysfs | Step::PivotRoot),
            Some(StepOutcome::Failed) => false,
            // Steps that come only after a fallback, and a namespace that cgroup v1 does not have.
            None => {
                matches!(step, Step::OverlayChange | Step::Fuse | Step::FileChange | Step::Execute | Step::CgroupNamespace)
            }
        };
        let planned: Vec<_> = self.plan.steps().filter(|step| steps.contains(step)).collect();
        planned.iter().any(|step| outcome(*step).is_some()) && planned.iter().all(|step| fine(*step))
    }
}
