use crate::fact::API_VERSION;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What came of `build`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildResult {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `BuildResult`.
    pub kind: String,
    /// What came of it.
    pub outcome: BuildOutcome,
    /// The Job and its namespace; null where no Job was made.
    pub job: Option<BuildJob>,
    /// The name of the image that was pushed; null where none was, or where it is not known.
    pub image: Option<String>,
    /// The digest of the image; null where it is not known.
    pub digest: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// Why it failed; null where it did not.
    pub message: Option<String>,
}

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildJob {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub namespace: String,
}

/// What came of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuildOutcome {
    /// It is done, and the image was pushed.
    Pushed,
    /// It is done; no image was pushed, or none is known.
    Done,
    /// It failed.
    Failed,
    /// It was created, and nobody waited for it.
    Created,
}

impl BuildResult {
    /// One of which nothing more is known.
    pub fn new(outcome: BuildOutcome, job: Option<BuildJob>, took: Duration) -> Self {
        let seconds = (took.as_secs_f64() * 10.0).round() / 10.0;
        BuildResult {
            api_version: API_VERSION.into(),
            kind: "BuildResult".into(),
            outcome,
            job,
            image: None,
            digest: None,
            seconds,
            message: None,
        }
    }
}

/// For people: one line, and where nobody waits for it how to follow it.
pub fn build_line(result: &BuildResult) -> String {
    let seconds = result.seconds;
    let digest = result.digest.as_deref().unwrap_or_default();
    match (result.outcome, &result.job, &result.image) {
        (BuildOutcome::Pushed, _, Some(image)) => {
            // A name that is fixed to a digest already has it once.
            let name = image.split('@').next().unwrap_or(image);
            format!("pushed {name}@{digest} in {seconds:.1} s\n")
        }
        (BuildOutcome::Pushed | BuildOutcome::Done, ..) if !digest.is_empty() => format!("built {digest} in {seconds:.1} s, not pushed\n"),
        (BuildOutcome::Created, Some(BuildJob { name, namespace }), _) => {
            format!(
                "created job/{name} in namespace {namespace}; to follow it: kubectl logs -f -n {namespace} job/{name} --all-containers\n"
            )
        }
        (BuildOutcome::Failed, ..) => format!("failed after {seconds:.1} s\n"),
        _ => format!("done in {seconds:.1} s\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_came_of_it() {
        let job = BuildJob { name: "app-x7".into(), namespace: "builds".into() };
        let of = |outcome, image: Option<&str>, digest: Option<&str>| {
            let mut result = BuildResult::new(outcome, Some(job.clone()), Duration::from_millis(12_345));
            (result.image, result.digest) = (image.map(str::to_owned), digest.map(str::to_owned));
            build_line(&result)
        };
        assert_eq!(of(BuildOutcome::Pushed, Some("r/a:1"), Some("sha256:1f")), "pushed r/a:1@sha256:1f in 12.3 s\n");
        assert_eq!(of(BuildOutcome::Pushed, Some("r/a:1@sha256:1f"), Some("sha256:1f")), "pushed r/a:1@sha256:1f in 12.3 s\n");
        assert_eq!(of(BuildOutcome::Done, None, Some("sha256:1f")), "built sha256:1f in 12.3 s, not pushed\n");
        assert_eq!(of(BuildOutcome::Done, None, None), "done in 12.3 s\n");
        let created = of(BuildOutcome::Created, None, None);
        assert!(created.contains("kubectl logs -f -n builds job/app-x7"), "{created}");
    }
}
