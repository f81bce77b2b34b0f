//! What is said about a builder.

use crate::cause::Cause;
use crate::pod::edit::Edit;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// What a finding is to builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// They fail on every node.
    Stops,
    /// Whether they fail can't be told from the object.
    Unknown,
    /// They work on nodes that are so.
    Needs,
    /// They work, but not as one would like.
    Advice,
}

/// As JSON has it.
impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Weight::Stops => "stops",
            Weight::Unknown => "unknown",
            Weight::Needs => "needs",
            Weight::Advice => "advice",
        })
    }
}

/// One thing that is said about a builder.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is to builds.
    pub weight: Weight,
    /// The cause's id, or another word where the object alone can have it.
    pub cause: &'static str,
    /// What is to blame, as a path in the object.
    pub field: String,
    /// What is so, and what follows.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
    /// The same as changes of the object.
    #[serde(skip)]
    pub edits: Vec<Edit>,
}

impl Finding {
    pub(super) fn new(weight: Weight, cause: &'static str, field: String, message: impl Into<String>) -> Self {
        Finding { weight, cause, field, message: message.into(), fix: None, edits: Vec::new() }
    }

    pub(super) fn stops(cause: Cause, field: String, why: impl Into<String>) -> Self {
        Finding::new(Weight::Stops, cause.id(), field, why)
    }

    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Finding { fix: Some(fix.into()), ..self }
    }

    pub(super) fn edits(self, edits: impl IntoIterator<Item = Edit>) -> Self {
        Finding { edits: edits.into_iter().collect(), ..self }
    }
}

/// The one finding of a rule, or none.
pub(super) fn one(finding: Option<Finding>) -> Vec<Finding> {
    finding.into_iter().collect()
}
