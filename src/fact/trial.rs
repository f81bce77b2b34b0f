use super::{Plan, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A real build that was tried: buildkitd with a state of its own, steps that do what builds do, an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// How buildkitd was run.
    pub plan: Plan,
    /// What came of it.
    pub end: TrialEnd,
    /// The snapshotter that BuildKit chose, if it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshotter: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub millis: u64,
}

/// How a trial build ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrialEnd {
    /// The image was built and exported.
    Built,
    /// It failed.
    Failed {
        /// How far it came.
        stage: Stage,
        /// What the error speaks of, as one of the probe's steps, where its text tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepResult>,
        /// The error, in the words of rootlesskit, buildkitd or runc.
        error: String,
        /// The behaviours of docs/behaviours.md that did not work.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        behaviours: Vec<String>,
    },
    /// Its time was up at this stage.
    TimedOut(Stage),
    /// It could not be tried.
    NotRun(String),
}

/// How far a build comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// rootlesskit and buildkitd start.
    #[strum(to_string = "the start of buildkitd")]
    Daemon,
    /// The build's steps run.
    #[strum(to_string = "a build step")]
    Run,
    /// The image is written.
    #[strum(to_string = "the export of the image")]
    Export,
}

impl Trial {
    /// Whether it shows whether a builder works.
    pub fn decides(&self) -> bool {
        matches!(self.end, TrialEnd::Built | TrialEnd::Failed { .. })
    }
}
