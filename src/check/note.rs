//! What was found, as a value; the text for people is in its `Display` alone, and nothing compares it.

use super::seen::{confinement, idmap, own_pod, pod, storage, userns};
use crate::cause::Cause;
use crate::fact::{End, Stage, StepResult, TrialEnd, Why};
use serde::{Serialize, Serializer};
use std::fmt;

/// What a check found, or why nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Note {
    /// A step that was refused.
    Step(StepResult),
    /// A step that was refused, after which the builder goes on with its own ID alone.
    FellBack(StepResult),
    /// A fact that could not be read.
    Unread(Why),
    /// What was seen of namespaces.
    Userns(userns::Seen),
    /// What was seen of the ID maps.
    IdMap(idmap::Seen),
    /// What was seen of the confinement.
    Confinement(confinement::Seen),
    /// What was seen of the state dir.
    Storage(storage::Seen),
    /// What was seen of the builder's own pod.
    OwnPod(own_pod::Seen),
    /// What was seen of what Kubernetes gives a pod.
    Pod(pod::Seen),
    /// What a check found that looks bad, where it was tried and works.
    Overruled(Box<Note>),
    /// A lack of this image, which is not the builder's.
    Brought(Box<Note>),
    /// The same, where nothing tells whose image this is.
    PerhapsBrought(Box<Note>),
    /// What a real build came to.
    Trial(TrialEnd),
    /// A real build came to its end in a place that says nothing of this profile.
    TrialElsewhere,
    /// Why a probe that was begun decides nothing.
    Unfinished(Unfinished),
    /// A cause that lies in this shell's confinement, and not in a pod's.
    OfThisShell(Cause),
    /// A cause that lies in the confinement of this pod, which did not ask for Unconfined.
    OfThisPod(Cause),
}

/// How a probe ended that decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It was interrupted, or did not run.
    Ended(End),
    /// A step failed for want of something that comes and goes.
    Passing(StepResult),
    /// It ended before its last step.
    Short,
    /// Another one, of the same plan, came to something else.
    Contradiction,
    /// Nobody knows in what kind of place.
    Unplaced,
}

impl Note {
    /// Whether this says why no real build decides, though one was asked for.
    pub fn is_of_no_build(&self) -> bool {
        matches!(self, Note::Trial(TrialEnd::NotRun(_)) | Note::TrialElsewhere)
    }

    /// Whether this is the step itself and not a fact about it.
    pub fn is_step(&self) -> bool {
        matches!(self, Note::Step(_))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Step(step) => step.fmt(f),
            Note::FellBack(step) => write!(f, "{step}: continued with a single-ID map (no range of subordinate IDs)"),
            Note::Unread(why) => why.fmt(f),
            Note::Userns(seen) => seen.fmt(f),
            Note::IdMap(seen) => seen.fmt(f),
            Note::Confinement(seen) => seen.fmt(f),
            Note::Storage(seen) => seen.fmt(f),
            Note::OwnPod(seen) => seen.fmt(f),
            Note::Pod(seen) => seen.fmt(f),
            Note::Overruled(note) => write!(f, "{note}, but the attempt worked here"),
            Note::Brought(note) => write!(f, "{note} (a builder's image brings its own)"),
            Note::PerhapsBrought(note) => write!(f, "{note}; it is not known whether this is a builder's image"),
            Note::Trial(end) => trial(end, f),
            Note::TrialElsewhere => f.write_str("a real build was tried here; this says nothing about a pod of this profile"),
            Note::Unfinished(unfinished) => unfinished.fmt(f),
            Note::OfThisShell(cause) => write!(f, "{}; this says nothing about a pod", cause.title()),
            Note::OfThisPod(cause) => write!(f, "{}; this says nothing about a pod that asks for Unconfined", cause.title()),
        }
    }
}

fn trial(end: &TrialEnd, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let late = |f: &mut fmt::Formatter<'_>, stage: &Stage| write!(f, "a real build timed out at {stage}");
    match end {
        TrialEnd::Built => f.write_str("a real build worked"),
        TrialEnd::Failed { stage, error, .. } => write!(f, "a real build failed at {stage}: {error}"),
        TrialEnd::TimedOut(stage) => late(f, stage),
        TrialEnd::NotRun(why) => write!(f, "a real build was not tried: {why}"),
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfinished::Ended(End::TimedOut(step)) => {
                write!(f, "the probe timed out at this step: {}", step.title())
            }
            Unfinished::Ended(End::Killed { signal, step }) => {
                write!(f, "the probe was killed by signal {signal} during this step: {}", step.title())
            }
            Unfinished::Ended(End::NotRun(why)) => write!(f, "the probe did not run: {why}"),
            Unfinished::Passing(failed) => write!(f, "the probe did not complete: {failed}"),
            Unfinished::Unplaced => {
                f.write_str("the probe and the facts contradict each other, and it can't be read in what kind of place the probe ran")
            }
            Unfinished::Contradiction => f.write_str("two probes or builds of one plan contradict each other"),
            Unfinished::Ended(End::Completed) | Unfinished::Short => f.write_str("the probe ended before its last step"),
        }
    }
}

impl From<userns::Seen> for Note {
    fn from(seen: userns::Seen) -> Self {
        Note::Userns(seen)
    }
}

impl From<idmap::Seen> for Note {
    fn from(seen: idmap::Seen) -> Self {
        Note::IdMap(seen)
    }
}

impl From<confinement::Seen> for Note {
    fn from(seen: confinement::Seen) -> Self {
        Note::Confinement(seen)
    }
}

impl From<storage::Seen> for Note {
    fn from(seen: storage::Seen) -> Self {
        Note::Storage(seen)
    }
}

impl From<own_pod::Seen> for Note {
    fn from(seen: own_pod::Seen) -> Self {
        Note::OwnPod(seen)
    }
}

impl From<pod::Seen> for Note {
    fn from(seen: pod::Seen) -> Self {
        Note::Pod(seen)
    }
}

impl From<&Why> for Note {
    fn from(why: &Why) -> Self {
        Note::Unread(why.clone())
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;
    use crate::fact::{Errno, Step, StepOutcome};

    #[test]
    fn each_has_its_text() {
        let step = || {
            let (step, outcome, errno) = (Step::UidMap, StepOutcome::Failed, Some(Errno::EPERM));
            StepResult { step, outcome, errno, detail: None, filtered: None, micros: 0 }
        };
        let helper = || Box::new(Note::IdMap(idmap::Seen::NoHelper(idmap::Ids::Users)));
        let says = |after: &str| format!("{}{after}", step());
        texts(&[
            (Note::Step(step()), &says("")),
            (Note::FellBack(step()), &says(": continued with a single-ID map (no range of subordinate IDs)")),
            (Note::Unread(Why::error("/etc/subuid", Errno::EACCES)), "/etc/subuid: permission denied"),
            (Note::Userns(userns::Seen::Restricted(1)), "kernel.apparmor_restrict_unprivileged_userns is 1"),
            (*helper(), "newuidmap is not on the PATH"),
            (Note::Confinement(confinement::Seen::Strict), "seccomp is in strict mode, which allows little more than read and write"),
            (Note::Storage(storage::Seen::ReadOnly { path: None }), "the state dir is mounted read-only"),
            (
                Note::OwnPod(own_pod::Seen::NotRoot(7)),
                "the builder of this profile is root of its container, and the process runs as user 7",
            ),
            (Note::Pod(pod::Seen::LooksAble), "the facts look good; only a pod with hostUsers: false can prove it"),
            (Note::Overruled(helper()), "newuidmap is not on the PATH, but the attempt worked here"),
            (Note::Brought(helper()), "newuidmap is not on the PATH (a builder's image brings its own)"),
            (Note::PerhapsBrought(helper()), "newuidmap is not on the PATH; it is not known whether this is a builder's image"),
            (Note::Trial(TrialEnd::NotRun("no buildctl".into())), "a real build was not tried: no buildctl"),
            (Note::TrialElsewhere, "a real build was tried here; this says nothing about a pod of this profile"),
            (Note::Unfinished(Unfinished::Short), "the probe ended before its last step"),
            (
                Note::Unfinished(Unfinished::Unplaced),
                "the probe and the facts contradict each other, and it can't be read in what kind of place the probe ran",
            ),
            (Note::Unfinished(Unfinished::Contradiction), "two probes or builds of one plan contradict each other"),
            (Note::Unfinished(Unfinished::Passing(step())), &format!("the probe did not complete: {}", says(""))),
            (
                Note::OfThisPod(Cause::Seccomp),
                &format!("{}; this says nothing about a pod that asks for Unconfined", Cause::Seccomp.title()),
            ),
            (Note::OfThisShell(Cause::Seccomp), &format!("{}; this says nothing about a pod", Cause::Seccomp.title())),
        ]);
    }
}
