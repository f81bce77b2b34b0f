//! What judging comes to, as values. States that make no sense, such as a verdict of not ready without a cause, can't be written.

use super::Note;
use crate::cause::Cause;
use crate::fact::{Snapshotter, StepResult};
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use strum::{IntoStaticStr, VariantArray};

/// Whether a builder of the profile works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    pub const ALL: &[Ready] = Ready::VARIANTS;

    /// The id, as reports and labels have it: `not-ready`.
    pub fn id(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Ready::NotReady { "not ready" } else { self.id() })
    }
}

/// How a verdict was come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Evidence {
    /// The probe ran in the shape of the profile's pod.
    Proven,
    /// The probe ran, but outside that shape, as on a bare machine.
    Probed,
    /// From facts alone.
    Predicted,
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
    pub note: Option<Note>,
}

/// At least one cause, the decisive one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes {
    /// What stops a builder.
    pub decisive: Cause,
    /// What would stop it next.
    pub then: Vec<Cause>,
}

impl Causes {
    /// Takes the first of a list for the decisive one.
    pub(super) fn of(causes: &[Cause]) -> Option<Self> {
        causes.split_first().map(|(decisive, then)| Causes { decisive: *decisive, then: then.to_vec() })
    }
}

/// Whether a builder works, with all that belongs to such an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It works.
    Ready {
        /// How BuildKit would keep its layers, where that can be told.
        snapshotter: Option<Snapshotter>,
    },
    /// It does not.
    NotReady(Causes),
    /// Nobody can tell.
    Unknown {
        /// Why.
        why: Note,
        /// What would stop a builder if it held for one: the confinement of a shell on a bare machine.
        suspected: Vec<Cause>,
        /// How BuildKit would keep its layers, where that can be told.
        snapshotter: Option<Snapshotter>,
    },
}

/// The answer for one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The profile asked about.
    pub profile: Profile,
    /// Whether a builder works.
    pub answer: Answer,
    /// How that was come to.
    pub evidence: Evidence,
    /// The step at which a build would end.
    pub failed: Option<StepResult>,
    /// All checks.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether a builder works.
    pub fn ready(&self) -> Ready {
        match self.answer {
            Answer::Ready { .. } => Ready::Ready,
            Answer::NotReady(_) => Ready::NotReady,
            Answer::Unknown { .. } => Ready::Unknown,
        }
    }

    /// What stops a builder, the decisive cause first, then what would stop it next. Of an unknown verdict: what is suspected.
    pub fn causes(&self) -> Vec<Cause> {
        match &self.answer {
            Answer::Ready { .. } => Vec::new(),
            Answer::NotReady(causes) => std::iter::once(&causes.decisive).chain(&causes.then).copied().collect(),
            Answer::Unknown { suspected, .. } => suspected.clone(),
        }
    }

    /// The first of these.
    pub fn decisive(&self) -> Option<Cause> {
        match &self.answer {
            Answer::Ready { .. } => None,
            Answer::NotReady(causes) => Some(causes.decisive),
            Answer::Unknown { suspected, .. } => suspected.first().copied(),
        }
    }

    /// The snapshotter that BuildKit would choose, where it would come to that and that can be told.
    pub fn snapshotter(&self) -> Option<Snapshotter> {
        match self.answer {
            Answer::Ready { snapshotter } | Answer::Unknown { snapshotter, .. } => snapshotter,
            Answer::NotReady(_) => None,
        }
    }

    /// Why nobody can tell, for an unknown verdict.
    pub fn unknown(&self) -> Option<&Note> {
        match &self.answer {
            Answer::Unknown { why, .. } => Some(why),
            Answer::Ready { .. } | Answer::NotReady(_) => None,
        }
    }
}
