//! What a reader gets: the verdicts with their remedies and the facts, as one value; and that
//! value as a table for people.

mod cluster;
mod table;
mod text;
mod tune;

pub use cluster::{ClusterProfile, ClusterReport, ReadyNodes, cluster_table};
pub use table::table;
pub(crate) use text::columns;
pub use tune::{TuneResult, tune_plan_table, tune_result_table};

use crate::cause::Cause;
use crate::cause::{Remedy, remedy};
use crate::check::{Evidence, Finding, Outcome, Ready, Snapshotter, Verdict};
use crate::fact::{API_VERSION, Fact, Facts, Step};
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to `check`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    pub reason: Option<String>,
    /// The step at which a build ends, with its error.
    pub failed: Option<String>,
    /// What stops a builder, the decisive cause first, then what would stop it next.
    pub causes: Vec<Cause>,
    /// All checks, in the order in which the kernel meets them.
    pub findings: Vec<FindingReport>,
}

/// One check's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindingReport {
    /// The check's id.
    pub check: String,
    /// Its answer.
    pub outcome: Outcome,
    /// The cause it names.
    pub cause: Option<Cause>,
    /// What was seen.
    pub message: Option<String>,
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
            verdict: verdict.ready,
            evidence: verdict.evidence,
            snapshotter: verdict.snapshotter,
            reason: match verdict.ready {
                Ready::Ready => None,
                Ready::NotReady => verdict.causes.first().map(|cause| cause.title().to_owned()),
                Ready::Unknown => verdict.unknown,
            },
            causes: verdict.causes,
            findings: verdict.findings.into_iter().map(|finding| FindingReport::new(finding, facts, failed)).collect(),
            failed: verdict.failed.map(|failed| failed.to_string()),
        }
    }
}

impl FindingReport {
    fn new(finding: Finding, facts: &Facts, failed: Option<Step>) -> Self {
        FindingReport {
            check: finding.check.to_owned(),
            outcome: finding.outcome,
            cause: finding.cause,
            message: finding.message,
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
        known(&facts.capacity.cpus, &|cpus| if cpus == 1 { "1 CPU".into() } else { format!("{cpus} CPUs") }),
        known(&facts.capacity.memory_bytes, &gib),
        known(&facts.state_dir.free_bytes, &|bytes| format!("{} free for builds", gib(bytes))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}
