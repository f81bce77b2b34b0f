use super::{Case, Note};
use crate::cause::Cause;
use crate::fact::{Errno, Step, StepResult};

/// One row of the table: one thing that decides whether a builder works.
#[derive(Debug)]
pub struct Check {
    /// A stable id.
    pub id: &'static str,
    /// What is checked, in a few words.
    pub title: &'static str,
    /// Why a builder needs it, with the source of the rule.
    pub why: &'static str,
    /// The causes it can name. A row of what was tried names, beside these, that of a row of facts that explains the failure.
    pub causes: &'static [Cause],
    /// The steps of the probe that show whether it holds.
    pub steps: &'static [Step],
    pub(super) kind: Kind,
}

/// How a check comes to its answer.
#[derive(Debug)]
pub(super) enum Kind {
    /// By what was read. If a step failed that `explains` accepts, a failing fact is its cause.
    Fact { judge: fn(&Case) -> Judgement, explains: fn(&StepResult) -> bool },
    /// By what was tried alone: what the failure of a step means where no fact explains it. The first that fits counts.
    Attempt { blames: &'static [Blame] },
    /// By the probe as a whole; told only where it decides nothing.
    Probe,
    /// By a real build; told only where there was one.
    Trial,
}

/// What the failure of a step means.
#[derive(Debug)]
pub(super) struct Blame {
    /// Of one of these steps; none are given for all of the row's.
    pub(super) steps: &'static [Step],
    /// With such an error.
    pub(super) errnos: Errnos,
    /// In such a place, or with such a message.
    pub(super) when: fn(&Case, &StepResult) -> bool,
    pub(super) cause: Blamed,
}

/// What the kernel answers where a limit on namespaces is reached, or they are nested too deep.
pub(super) const LIMIT_REACHED: &[Errno] = &[Errno::ENOSPC, Errno::EUSERS];

/// No bytes, no inodes, or no more of them for this user.
pub(super) const FULL: &[Errno] = &[Errno::ENOSPC, Errno::EDQUOT];

/// What a refusal to make a namespace, or to change mounts, means: the last word of all steps that only the kernel decides.
pub(super) const REFUSED: &[Blame] = &[
    Blame::SECURITY_MODULE,
    Blame::errors(LIMIT_REACHED, Cause::UsernsExhausted),
    Blame::SELINUX,
    Blame::other(Cause::PlatformSandbox),
    Blame::any(Cause::BuildFailed),
];

/// The causes of [`REFUSED`].
pub(super) const REFUSED_CAUSES: &[Cause] =
    &[Cause::UsernsExhausted, Cause::ApparmorProfile, Cause::Selinux, Cause::ApparmorOrSelinux, Cause::PlatformSandbox, Cause::BuildFailed];

/// The errors of a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errnos {
    /// Whatever it was, also where nobody told.
    Any,
    /// Whatever it was, where somebody told.
    Known,
    /// One of these.
    Of(&'static [Errno]),
}

/// The cause that is blamed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blamed {
    Cause(Cause),
    /// A security module: which one, this process's label tells.
    SecurityModule,
}

impl Blame {
    /// Any failure of the row's steps, also one whose error nobody knows.
    pub(super) const fn any(cause: Cause) -> Self {
        Blame { steps: &[], errnos: Errnos::Any, when: |_, _| true, cause: Blamed::Cause(cause) }
    }

    /// A failure of the row's steps with an error that is none of those named before.
    pub(super) const fn other(cause: Cause) -> Self {
        Blame { errnos: Errnos::Known, ..Blame::any(cause) }
    }

    /// A failure of the row's steps with one of these errors.
    pub(super) const fn errors(errnos: &'static [Errno], cause: Cause) -> Self {
        Blame { errnos: Errnos::Of(errnos), ..Blame::any(cause) }
    }

    /// A refusal by a security module: of all errors that the kernel gives to these steps only such a module's is EACCES.
    pub(super) const SECURITY_MODULE: Blame =
        Blame { steps: &[], errnos: Errnos::Of(&[Errno::EACCES]), when: |_, _| true, cause: Blamed::SecurityModule };

    /// A capability that SELinux refuses to a process of a type that it confines.
    pub(super) const SELINUX: Blame = Blame {
        steps: &[],
        errnos: Errnos::Of(&[Errno::EPERM]),
        when: |case, _| case.place.selinux_confines(),
        cause: Blamed::Cause(Cause::Selinux),
    };

    /// Narrowed to some of the row's steps.
    pub(super) const fn at(self, steps: &'static [Step]) -> Self {
        Blame { steps, ..self }
    }

    /// Narrowed to a place, or a message.
    pub(super) const fn when(self, when: fn(&Case, &StepResult) -> bool) -> Self {
        Blame { when, ..self }
    }

    pub(super) fn fits(&self, case: &Case, failed: &StepResult) -> bool {
        let errno = match self.errnos {
            Errnos::Any => true,
            Errnos::Known => failed.errno.is_some(),
            Errnos::Of(errnos) => failed.errno.is_some_and(|errno| errnos.contains(&errno)),
        };
        (self.steps.is_empty() || self.steps.contains(&failed.step)) && errno && (self.when)(case, failed)
    }
}

/// What a check finds in the facts alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// As it should be.
    Pass,
    /// It works, but worse than it could.
    Warn(Cause, Note),
    /// A builder can't work with this.
    Fail(Cause, Note),
    /// The facts can't tell, and this is why.
    Unknown(Note),
    /// Of no importance for this profile or in this place.
    NotApplicable,
}

impl Judgement {
    pub(super) fn warn(cause: Cause, note: impl Into<Note>) -> Self {
        Judgement::Warn(cause, note.into())
    }

    pub(super) fn fail(cause: Cause, note: impl Into<Note>) -> Self {
        Judgement::Fail(cause, note.into())
    }

    pub(super) fn unknown(note: impl Into<Note>) -> Self {
        Judgement::Unknown(note.into())
    }

    /// The one that matters most of several about one thing.
    pub(super) fn worst(judgements: impl IntoIterator<Item = Judgement>) -> Judgement {
        let weight = |judgement: &Judgement| match judgement {
            Judgement::NotApplicable => 0,
            Judgement::Pass => 1,
            Judgement::Warn(..) => 2,
            Judgement::Unknown(_) => 3,
            Judgement::Fail(..) => 4,
        };
        // The first of equals: it is met first.
        let heavier = |a: Judgement, b: Judgement| if weight(&b) > weight(&a) { b } else { a };
        judgements.into_iter().reduce(heavier).unwrap_or(Judgement::NotApplicable)
    }
}
