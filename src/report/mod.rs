//! What a reader gets: the verdicts with their remedies and the facts, as one value; and that
//! value as a table for people.

#[cfg(feature = "cli")]
mod build;
#[cfg(feature = "cli")]
mod cluster;
#[cfg(feature = "cli")]
mod explanation;
#[cfg(feature = "cli")]
mod fleet;
mod guard;
mod line;
#[cfg(feature = "cli")]
mod page;
#[cfg(feature = "cli")]
mod pods;
#[cfg(feature = "cli")]
pub mod reference;
mod table;
mod text;
mod tune;

#[cfg(feature = "cli")]
pub use build::{BuildJob, BuildOutcome, BuildResult, build_line};
#[cfg(feature = "cli")]
pub use cluster::{ClusterProfile, ClusterReport, ReadyNodes, cluster_table};
#[cfg(feature = "cli")]
pub use explanation::{ExplainedCause, Explanation, Sureness, explanation_table};
#[cfg(feature = "cli")]
pub use fleet::{NodeCondition, NodeEvent, NodeLabel, NodeRemedy, NodeReport, fleet_csv, fleet_line, fleet_table, node_table};
pub use guard::guard_message;
pub use line::{LINE_BYTES, line};
#[cfg(feature = "cli")]
pub use page::{PageError, PageOptions, fleet_page};
#[cfg(feature = "cli")]
pub use pods::{BuilderReport, InCluster, PodReport, pod_table};
pub use table::table;
pub use text::Style;
pub(crate) use text::columns;
pub use tune::{TuneResult, tune_plan_table, tune_result_table};

use crate::cause::Cause;
use crate::cause::{Remedy, remedy};
use crate::check::{Evidence, Finding, Note, Outcome, Ready, Verdict};
use crate::fact::{API_VERSION, Fact, Facts, Snapshotter, Step, StepResult};
use crate::profile::Profile;
use crate::text::counted;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::fmt;

/// The answer to `check`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always `buildkit-preflight.dev/v1`.
    pub api_version: String,
    /// Always `Report`.
    pub kind: String,
    /// The node's name, where it is known.
    pub node: Option<String>,
    /// One answer for each profile asked about.
    pub profiles: Vec<ProfileReport>,
    /// The facts that were judged: `check --facts` takes this report too.
    pub facts: Facts,
}

/// The answer for one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileReport {
    /// The profile.
    pub profile: Profile,
    /// Whether a builder of this profile works here.
    pub verdict: Ready,
    /// How that was come to.
    pub evidence: Evidence,
    /// The snapshotter that BuildKit would choose.
    pub snapshotter: Option<Snapshotter>,
    /// The reason in half a sentence; null for a verdict of ready.
    #[schemars(with = "Option<String>")]
    pub reason: Option<Reason>,
    /// The step at which a build ends, with its error.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "Option<String>")]
    pub failed: Option<StepResult>,
    /// What stops a builder, the decisive cause first, then what would stop it next.
    pub causes: Vec<Cause>,
    /// All checks, in the order in which the kernel meets them.
    pub findings: Vec<FindingReport>,
}

/// One check's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingReport {
    /// The check's id.
    pub check: String,
    /// Its answer.
    pub outcome: Outcome,
    /// The cause it names.
    pub cause: Option<Cause>,
    /// What was seen.
    #[schemars(with = "Option<String>")]
    pub message: Option<Note>,
    /// What would help; only with a cause.
    pub remedy: Option<Remedy>,
}

impl Report {
    /// Puts verdicts, remedies and facts together.
    pub fn new(verdicts: Vec<Verdict>, facts: Facts) -> Self {
        Report {
            api_version: API_VERSION.into(),
            kind: "Report".into(),
            node: facts.node.known().cloned(),
            profiles: verdicts.into_iter().map(|verdict| ProfileReport::new(verdict, &facts)).collect(),
            facts,
        }
    }
}

impl ProfileReport {
    /// One profile's answer, with its remedies.
    pub fn new(verdict: Verdict, facts: &Facts) -> Self {
        let failed = verdict.failed.as_ref().map(|failed| failed.step);
        ProfileReport {
            profile: verdict.profile,
            verdict: verdict.ready(),
            evidence: verdict.evidence,
            snapshotter: verdict.snapshotter(),
            reason: match verdict.ready() {
                Ready::Ready => None,
                Ready::NotReady => verdict.decisive().map(Reason::Cause),
                Ready::Unknown => verdict.unknown().cloned().map(Reason::Untold),
            },
            causes: verdict.causes(),
            findings: verdict.findings.into_iter().map(|finding| FindingReport::new(finding, facts, failed)).collect(),
            failed: verdict.failed,
        }
    }
}

/// Why a verdict is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// What stops a builder.
    Cause(Cause),
    /// What nobody can tell.
    Untold(Note),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Cause(cause) => f.write_str(cause.title()),
            Reason::Untold(why) => why.fmt(f),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn as_text<S: Serializer>(value: &Option<StepResult>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(step) => serializer.collect_str(step),
        None => serializer.serialize_none(),
    }
}

impl FindingReport {
    fn new(finding: Finding, facts: &Facts, failed: Option<Step>) -> Self {
        FindingReport {
            check: finding.check.to_owned(),
            outcome: finding.outcome,
            cause: finding.cause,
            message: finding.note,
            remedy: finding.cause.map(|cause| remedy(cause, facts, failed)),
        }
    }
}

/// The node in one line: `debian 12 · Linux 6.1.0 · 4 CPUs · 15.6 GiB · 38 GiB free for builds`.
fn headline(facts: &Facts) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    let gib = |bytes: u64| {
        let gib = bytes as f64 / GIB;
        if gib < 20.0 { format!("{gib:.1} GiB") } else { format!("{gib:.0} GiB") }
    };
    let known = |fact: &Fact<u64>, text: &dyn Fn(u64) -> String| fact.known().map(|value| text(*value));
    let parts = [
        facts.os.known().map(ToString::to_string),
        facts.kernel.known().map(|kernel| format!("Linux {kernel}")),
        known(&facts.capacity.cpus, &|cpus| counted(cpus, "CPU")),
        known(&facts.capacity.memory_bytes, &gib),
        known(&facts.state_dir.free_bytes, &|bytes| format!("{} free for builds", gib(bytes))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
