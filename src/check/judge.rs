//! From facts to a verdict, in stages: the case, what each row finds, the causes, and the first rule of [`PRECEDENCE`] that fits.

use super::answer::{Answer, Causes, Evidence, Finding, Outcome, Ready, Verdict};
use super::note::Unfinished;
use super::row::{Blame, Blamed, Judgement, Kind};
use super::{Basis, CHECKS, Case, Check, Note, layers};
use crate::cause::{Cause, Level, Mark};
use crate::fact::{Fact, Facts, Step, StepOutcome, StepResult, TrialEnd};
use crate::profile::Profile;

/// Judges one profile. `process_sandbox` replaces the profile's own choice.
pub fn judge(facts: &Facts, profile: Profile, process_sandbox: Option<bool>) -> Verdict {
    let case = Case::new(facts, profile, process_sandbox);
    let decisive = decisive_causes(&case);
    let findings: Vec<_> = CHECKS.iter().filter_map(|check| find(check, &case, &decisive)).collect();
    let weighed = Weighed::new(&case, decisive, &findings);
    let answer = PRECEDENCE.iter().find_map(|rule| (rule.answer)(&weighed)).unwrap_or_else(|| weighed.ready());
    Verdict { profile, evidence: evidence(&case, &answer), failed: case.failed().cloned(), answer, findings }
}

/// What the rules look at.
struct Weighed<'a> {
    case: &'a Case<'a>,
    findings: &'a [Finding],
    /// The causes that count here, the decisive one first.
    node: Vec<Cause>,
    /// Those that lie in this shell or pod alone: its confinement is not that of a builder's pod.
    shell: Vec<Cause>,
}

/// One rule of precedence.
pub struct Rule {
    /// When it applies, for people.
    pub when: &'static str,
    answer: fn(&Weighed) -> Option<Answer>,
}

/// Which answer comes before which: the first rule that applies. Where none does, a builder works.
pub const PRECEDENCE: [Rule; 6] = [
    Rule {
        when: "a probe says the opposite of the facts, and it can't be read whether it speaks for the profile: unknown",
        answer: |weighed| {
            let is_opposite = weighed.case.unheard().is_some_and(|passed| passed != weighed.node.is_empty());
            (is_opposite || weighed.hangs_on_the_map()).then(|| weighed.unknown(Note::Unfinished(Unfinished::Unplaced)))
        },
    },
    Rule {
        when: "a cause stops a builder: not ready",
        answer: |weighed| {
            Causes::of(&[weighed.node.as_slice(), &weighed.shell].concat()).filter(|_| !weighed.node.is_empty()).map(Answer::NotReady)
        },
    },
    Rule {
        when: "a probe started but decided nothing: unknown",
        answer: |weighed| match &weighed.case.basis {
            Basis::Unfinished(why) => Some(weighed.unknown(why.clone())),
            _ => None,
        },
    },
    Rule {
        when: "a real build timed out: unknown",
        answer: |weighed| match &weighed.case.trial?.end {
            end @ TrialEnd::TimedOut(_) => Some(weighed.unknown(Note::Trial(end.clone()))),
            _ => None,
        },
    },
    Rule {
        when: "a cause lies in the confinement of a shell on a bare machine, or of a pod that did not ask for Unconfined: unknown",
        answer: |weighed| {
            let of = if weighed.case.place.on_bare_machine() { Note::OfThisShell } else { Note::OfThisPod };
            weighed.shell.first().map(|cause| weighed.unknown(of(*cause)))
        },
    },
    Rule {
        when: "nothing was tried to the end, and a fact is missing: unknown",
        answer: |weighed| {
            let mut untold = weighed.findings.iter().filter(|finding| finding.outcome == Outcome::Unknown && !weighed.case.decides());
            untold.find_map(|finding| finding.note.clone()).map(|why| weighed.unknown(why))
        },
    },
];

impl<'a> Weighed<'a> {
    fn new(case: &'a Case<'a>, decisive: Vec<Cause>, findings: &'a [Finding]) -> Self {
        let mut causes = decisive;
        for cause in findings.iter().filter(|finding| finding.outcome == Outcome::Fail).filter_map(|finding| finding.cause) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        let (shell, node) = causes.into_iter().partition(|cause| is_only_this_shells(case, *cause));
        Weighed { case, findings, node, shell }
    }

    /// Whether the probe counts since the ID map looks like a kubelet's, and for nothing else: nobody told what the pod asked for. If it
    /// asked for no user namespace, this one is the node's, and the facts stop a builder.
    fn hangs_on_the_map(&self) -> bool {
        let Case { facts, profile, plan, .. } = *self.case;
        let is_told = facts.process.asked_user_namespace.known().is_some();
        let works = self.node.is_empty() && self.case.decides();
        if is_told || !works || !profile.has_pod_user_namespace() {
            return false;
        }
        let mut others = facts.clone();
        others.process.asked_user_namespace = Fact::Known(false);
        judge(&others, profile, Some(plan.process_sandbox)).ready() == Ready::NotReady
    }

    fn ready(&self) -> Answer {
        Answer::Ready { snapshotter: layers::snapshotter(self.case) }
    }

    fn unknown(&self, why: Note) -> Answer {
        Answer::Unknown { why, suspected: self.shell.clone(), snapshotter: layers::snapshotter(self.case) }
    }
}

/// How the answer was come to.
fn evidence(case: &Case, answer: &Answer) -> Evidence {
    // A confinement that the manifest did not ask to be without may be this pod's alone.
    let own_confinement = match answer {
        Answer::NotReady(causes) => causes.decisive.level() == Level::Pod,
        Answer::Unknown { suspected, .. } => suspected.first().is_some_and(|cause| cause.level() == Level::Pod),
        Answer::Ready { .. } => false,
    };
    let asked = case.place.is_asked_as_the_profile_asks();
    // A profile that confines this pod may allow what the kernel refuses to unconfined processes.
    let free = !case.place.did_not_ask_for_unconfined() || case.place.is_free();
    let shaped = case.is_builders_own() && (asked || !own_confinement && free);
    match case.basis {
        Basis::Withheld => Evidence::Proven,
        _ if !case.decides() => Evidence::Predicted,
        _ if shaped => Evidence::Proven,
        _ => Evidence::Probed,
    }
}

/// Whether a cause lies in the shell on a bare machine and not in the machine: its confinement (a chroot
/// too, which shows in nothing but the refusal), or a directory that merely stood in for a volume. Or in this pod alone, which did not
/// ask to be without what `Unconfined` takes away.
fn is_only_this_shells(case: &Case, cause: Cause) -> bool {
    let row = cause.row();
    let stand_in = case.facts.state_dir.is_stand_in && row.is(Mark::OfVolume);
    let shells = case.place.on_bare_machine() && (row.level == Level::Pod || row.is(Mark::MaybeTheShells) || stand_in);
    shells || case.place.did_not_ask_for_unconfined() && row.is(Mark::OfConfinement)
}

/// The causes of a failed attempt: all failing facts that explain its step, in the order of the table; if there is none, what
/// such a failure most likely means.
fn decisive_causes(case: &Case) -> Vec<Cause> {
    let Some(failed) = case.failed() else {
        return if matches!(case.basis, Basis::BuildFailed(..)) { unexplained(case) } else { Vec::new() };
    };
    let explaining = CHECKS.iter().filter_map(|check| match check.kind {
        Kind::Fact { judge, explains } if check.steps.contains(&failed.step) && explains(failed) => match judge(case) {
            Judgement::Fail(cause, _) => Some(cause),
            _ => None,
        },
        _ => None,
    });
    let mut causes = Vec::new();
    for cause in explaining {
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    if causes.is_empty() {
        causes.push(blame(case, failed));
    }
    causes
}

/// A build that failed, at a step that nobody knows: what the facts have against it, else no more than that.
fn unexplained(case: &Case) -> Vec<Cause> {
    let failing = CHECKS.iter().filter_map(|check| match check.kind {
        Kind::Fact { judge, .. } if !case.worked(check.steps) => match judge(case) {
            Judgement::Fail(cause, _) => Some(cause),
            _ => None,
        },
        _ => None,
    });
    let failing: Vec<_> = failing.collect();
    if failing.is_empty() { vec![Cause::BuildFailed] } else { failing }
}

/// What the failure of a step means where no fact explains it, by the row that owns the step.
fn blame(case: &Case, failed: &StepResult) -> Cause {
    let blames = CHECKS.iter().find_map(|check| match check.kind {
        Kind::Attempt { blames } if check.steps.contains(&failed.step) => Some(blames),
        _ => None,
    });
    let blamed = blames.into_iter().flatten().find(|blame: &&Blame| blame.fits(case, failed));
    match blamed.map(|blame| blame.cause) {
        Some(Blamed::Cause(cause)) => cause,
        Some(Blamed::SecurityModule) => case.place.security_module(),
        None => Cause::BuildFailed,
    }
}

/// One check's answer: what was read, overruled by what was tried. None where a row has nothing to look at.
fn find(check: &'static Check, case: &Case, decisive: &[Cause]) -> Option<Finding> {
    let finding = |outcome, cause, note| Some(Finding { check: check.id, outcome, cause, note });
    match check.kind {
        Kind::Attempt { .. } => match (case.failed().filter(|failed| check.steps.contains(&failed.step)), fell_back(case, check)) {
            (Some(step), _) => finding(Outcome::Fail, decisive.first().copied(), Some(Note::Step(step.clone()))),
            (None, Some((cause, step))) => finding(Outcome::Warn, Some(cause), Some(Note::FellBack(step.clone()))),
            (None, None) if case.worked(check.steps) => finding(Outcome::Pass, None, None),
            (None, None) => finding(Outcome::NotApplicable, None, None),
        },
        Kind::Fact { judge, .. } => {
            let worked = case.worked(check.steps);
            match judge(case) {
                Judgement::Pass => finding(Outcome::Pass, None, None),
                Judgement::NotApplicable => finding(Outcome::NotApplicable, None, None),
                Judgement::Warn(cause, note) => finding(Outcome::Warn, Some(cause), Some(note)),
                Judgement::Fail(cause, note) if worked => finding(Outcome::Warn, Some(cause), Some(Note::Overruled(Box::new(note)))),
                Judgement::Fail(cause, note) => finding(Outcome::Fail, Some(cause), Some(note)),
                Judgement::Unknown(_) if worked => finding(Outcome::Pass, None, None),
                Judgement::Unknown(note) => finding(Outcome::Unknown, None, Some(note)),
            }
        }
        Kind::Probe => match &case.basis {
            Basis::Unfinished(why) => finding(Outcome::Unknown, None, Some(why.clone())),
            _ => None,
        },
        Kind::Trial if case.trial.is_none() => {
            let is_elsewhere = !case.place.can_tell() && case.facts.trials.iter().any(|trial| trial.plan == case.plan);
            is_elsewhere.then_some(Finding { check: check.id, outcome: Outcome::Unknown, cause: None, note: Some(Note::TrialElsewhere) })
        }
        Kind::Trial => match &case.trial?.end {
            TrialEnd::Built => finding(Outcome::Pass, None, None),
            end @ TrialEnd::Failed { .. } => finding(Outcome::Fail, decisive.first().copied(), Some(Note::Trial(end.clone()))),
            end @ (TrialEnd::TimedOut(_) | TrialEnd::NotRun(_)) => finding(Outcome::Unknown, None, Some(Note::Trial(end.clone()))),
        },
    }
}

/// A step that was refused, and that a builder does without. What follows for the snapshotter
/// and the ID maps is said by rows of their own.
fn fell_back<'a>(case: &Case<'a>, check: &Check) -> Option<(Cause, &'a StepResult)> {
    let probe = case.deciding_probe()?;
    let quiet = |step: Step| matches!(step, Step::Overlay | Step::Fuse | Step::Sysfs | Step::PivotRoot);
    let mut steps = check.steps.iter().filter(|step| !quiet(**step)).filter_map(|step| probe.step(*step));
    steps.find(|result| result.outcome == StepOutcome::FellBack).map(|result| (blame(case, result), result))
}

#[cfg(test)]
mod tests;
