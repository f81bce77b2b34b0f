use crate::cause::Cause;
use crate::fact::{Builder, CapSet, End, Errno, Facts, MapSource, Plan, Probe, Seccomp, Step, StepOutcome, StepResult, Trial, TrialEnd};
use crate::profile::Profile;

/// SIGSYS: how a filter ends a process that it does not answer with an error.
const SIGSYS: i32 = 31;

/// One profile in the light of the facts: what the checks look at.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The facts.
    pub facts: &'a Facts,
    /// The profile asked about.
    pub profile: Profile,
    /// What its builder does.
    pub plan: Plan,
    /// The probe that imitated it here, if one ran that says something of this profile.
    pub probe: Option<&'a Probe>,
    /// The real build that was tried here, if one came to an end: it outranks the probe.
    pub trial: Option<&'a Trial>,
}

impl<'a> Case<'a> {
    /// Picks the probe that speaks for the profile. `process_sandbox` replaces the profile's own choice.
    pub fn new(facts: &'a Facts, profile: Profile, process_sandbox: Option<bool>) -> Self {
        let mut plan = profile.plan();
        plan.process_sandbox = process_sandbox.unwrap_or(plan.process_sandbox);
        let mut case = Case { facts, profile, plan, probe: None, trial: None };
        if case.place_can_tell() {
            case.probe = facts.probes.iter().find(|probe| probe.plan == plan);
            case.trial = facts.trials.iter().find(|trial| trial.plan == plan && trial.decides());
        }
        case
    }

    /// Whether a probe here says something of the profile: a pod's user namespace can't be had
    /// outside of such a pod, and what an ordinary container is refused says nothing of a privileged one.
    fn place_can_tell(&self) -> bool {
        let namespace = !self.profile.has_pod_user_namespace() || self.facts.in_user_namespace() == Some(true);
        let privilege = !self.profile.is_privileged() || self.is_privileged_place();
        namespace && privilege
    }

    fn is_privileged_place(&self) -> bool {
        let process = &self.facts.process;
        let capable = process.bounding_set.known().is_some_and(|set| set.has(CapSet::SYS_ADMIN));
        // A privileged container has no filter, unless the node adds one to those that asked for none.
        self.on_bare_machine() || capable && (process.seccomp.known() == Some(&Seccomp::Disabled) || self.is_asked_unconfined())
    }

    /// Whether this is the machine itself and not a container.
    pub fn on_bare_machine(&self) -> bool {
        self.facts.on_bare_machine() == Some(true)
    }

    /// Whether the confinement of this very process is the builder's: in a container of its kind.
    /// On a bare machine it is the shell's, and says nothing of a pod.
    pub fn is_builders_confinement(&self) -> bool {
        !self.on_bare_machine() && self.place_can_tell()
    }

    /// Whether the builder makes a user namespace of its own.
    pub fn is_rootless(&self) -> bool {
        self.plan.builder == Builder::Rootless
    }

    /// Whether root writes the ID maps, so that no helper is needed: the builder's user does not run this.
    pub fn root_writes_maps(&self) -> bool {
        self.is_rootless() && self.facts.process.uid.known() == Some(&0)
    }

    /// Whether the probe ran in the very shape that the profile gives a pod.
    pub fn is_builders_shape(&self) -> bool {
        let own_user = self.facts.process.uid.known() == Some(&self.profile.uid());
        let namespace = self.facts.in_user_namespace() == Some(self.profile.has_pod_user_namespace());
        let privilege = self.is_privileged_place() == self.profile.is_privileged();
        let mapped = self.probe.is_some_and(|probe| !matches!(probe.map_source, Some(MapSource::OwnIdOnly | MapSource::Root)));
        self.facts.on_bare_machine() == Some(false) && own_user && namespace && privilege && mapped
    }

    /// Whether this container's manifest asks for a builder's confinement, so that what confines it is the node's doing.
    pub fn is_asked_unconfined(&self) -> bool {
        self.facts.process.asked_unconfined.known() == Some(&true)
    }

    /// Whether this pod asked for `hostUsers: false` and has the machine's user namespace all the same. Then no probe is needed
    /// to tell how a builder's pod would fare.
    pub fn got_no_user_namespace(&self) -> bool {
        self.profile.has_pod_user_namespace()
            && self.facts.process.asked_user_namespace.known() == Some(&true)
            && self.facts.on_bare_machine() == Some(false)
            && self.facts.in_user_namespace() == Some(false)
    }

    /// Whether it was tried to the end.
    pub fn decides(&self) -> bool {
        self.trial.is_some() || self.probe_decides()
    }

    /// Whether the probe came to its end, so that its steps decide.
    pub fn probe_decides(&self) -> bool {
        self.probe.is_some_and(|probe| match probe.end {
            End::Completed => match probe.failed() {
                Some(failed) => !is_passing(failed),
                None => self.plan.steps().last().is_some_and(|last| probe.step(last).is_some()),
            },
            End::Killed { signal, .. } => signal == SIGSYS,
            End::TimedOut(_) | End::NotRun(_) => false,
        })
    }

    /// The step at which a build would end.
    pub fn failed(&self) -> Option<StepResult> {
        let probe = self.probe.filter(|_| self.probe_decides());
        match self.trial.map(|trial| &trial.end) {
            Some(TrialEnd::Built) => return None,
            // The probe knows more of the same failure than its message tells.
            Some(TrialEnd::Failed { step, .. }) if probe.is_none_or(|probe| probe.failed().is_none()) => return step.clone(),
            _ => {}
        }
        let probe = probe?;
        match probe.end {
            End::Killed { step, .. } => {
                let detail = Some("the process was killed by SIGSYS".to_owned());
                Some(StepResult { step, outcome: StepOutcome::Failed, errno: None, detail, filtered: Some(true), micros: 0 })
            }
            _ => probe.failed().cloned(),
        }
    }

    /// Whether all of some steps worked, as far as the plan has them; at least one must have been done.
    pub fn worked(&self, steps: &[Step]) -> bool {
        if self.trial.is_some_and(|trial| trial.end == TrialEnd::Built) && self.plan.steps().any(|step| steps.contains(&step)) {
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
            None => matches!(step, Step::Fuse | Step::Execute | Step::CgroupNamespace),
        };
        let planned: Vec<_> = self.plan.steps().filter(|step| steps.contains(step)).collect();
        planned.iter().any(|step| outcome(*step).is_some()) && planned.iter().all(|step| fine(*step))
    }

    /// A refusal by a security module: which one, as far as this process's own label tells.
    pub fn security_module(&self) -> Cause {
        let process = &self.facts.process;
        match process.lsm_label.known() {
            Some(_) if process.selinux_type().is_some() => Cause::Selinux,
            // An unconfined label too: profiles attach by the path of the executable.
            Some(_) => Cause::ApparmorProfile,
            None => Cause::ApparmorOrSelinux,
        }
    }
}

/// Whether a step failed for want of something that comes and goes: memory, processes, file descriptors,
/// or the scratch directory that somebody cleaned away. That says nothing of a builder.
fn is_passing(failed: &StepResult) -> bool {
    let scarce = matches!(failed.errno, Some(Errno::EAGAIN | Errno::ENOMEM | Errno::ENFILE | Errno::EMFILE));
    scarce || failed.errno == Some(Errno::ENOENT) && failed.step > Step::PrivateRoot
}
