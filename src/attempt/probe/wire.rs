use crate::fact::{MapSource, StepResult};
use serde::{Deserialize, Serialize};

/// What the child tells its parent: one JSON object a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    /// A directory that is about to be made, which the parent removes if the child does not come to it. The name may turn out to be
    /// another's.
    Scratch(String),
    /// Whether the child made that directory, and the steps begin.
    Made(bool),
    /// That directory is gone again.
    Clean,
    /// Who wrote the ID maps.
    MapSource(MapSource),
    /// A step is over.
    Step(StepResult),
    /// A process of the child's was ended by this signal.
    Killed(i32),
    /// The probe can't be done, and why.
    NotRun(String),
}

impl Line {
    /// The line without its end; `None` for text that is none of ours.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The line with its end. Below PIPE_BUF, so that lines of several processes never mix.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
