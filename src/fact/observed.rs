use super::Why;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One observation: known, or why it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Fact<T> {
    /// It was read, and this is its value.
    // A field of a value has a default only where leaving it out makes no verdict better: a value that lacks another is not known.
    Known(T),
    /// It was looked for where it would be, and it is not there.
    Absent,
    /// It could not be looked at from here: no permission, or the place that would tell is missing.
    Denied(Why),
    /// Reading it went wrong, or what was read makes no sense.
    Failed(Why),
}

impl<T> Fact<T> {
    /// The value, where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Why there is no knowing: `None` for `Known` and for `Absent`, which are both answers.
    pub fn unreadable(&self) -> Option<&Why> {
        match self {
            Fact::Denied(why) | Fact::Failed(why) => Some(why),
            Fact::Known(_) | Fact::Absent => None,
        }
    }

    /// Another fact about the value.
    pub fn then<U>(&self, f: impl FnOnce(&T) -> Fact<U>) -> Fact<U> {
        match self {
            Fact::Known(value) => f(value),
            Fact::Absent => Fact::Absent,
            Fact::Denied(why) => Fact::Denied(why.clone()),
            Fact::Failed(why) => Fact::Failed(why.clone()),
        }
    }

    /// Turns the value into another, which may fail with a reason.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Result<U, String>) -> Fact<U> {
        match self {
            Fact::Known(value) => match f(value) {
                Ok(value) => Fact::Known(value),
                Err(why) => Fact::Failed(why.into()),
            },
            Fact::Absent => Fact::Absent,
            Fact::Denied(why) => Fact::Denied(why),
            Fact::Failed(why) => Fact::Failed(why),
        }
    }
}

/// A fact that a facts file leaves out is one that nobody could read.
impl<T> Default for Fact<T> {
    fn default() -> Self {
        Fact::Denied("not reported".into())
    }
}
