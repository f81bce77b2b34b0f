use super::Case;
use crate::cause::Cause;
use crate::fact::{Step, StepResult};

/// One row of the table: one thing that decides whether a builder works.
#[derive(Debug)]
pub struct Check {
    /// A stable id.
    pub id: &'static str,
    /// What is checked, in a few words.
    pub title: &'static str,
    /// Why a builder needs it, with the source of the rule.
    pub why: &'static str,
    /// The causes it can name.
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
    /// By what was tried alone.
    Attempt,
}

/// What a check finds in the facts alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// As it should be.
    Pass,
    /// It works, but worse than it could.
    Warn(Cause, String),
    /// A builder can't work with this.
    Fail(Cause, String),
    /// The facts can't tell, and this is why.
    Unknown(String),
    /// Of no importance for this profile or in this place.
    NotApplicable,
}

impl Judgement {
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
