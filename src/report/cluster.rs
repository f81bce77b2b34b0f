use super::text::{Line, Page, Section, Style};
use crate::admission::{Admission, Finding, Obstacle, Outcome, title};
use crate::check::Ready;
use crate::fact::API_VERSION;
use crate::fleet::{BarrenPool, Fleet};
use crate::profile::Profile;
use crate::text::counted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to `check --cluster`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `ClusterReport`.
    pub kind: String,
    /// The API server's version.
    pub kubernetes: String,
    /// Where the pods were tried.
    pub namespace: String,
    /// How many nodes there are; null where they can't be listed.
    pub nodes: Option<usize>,
    /// Why nodes can't be listed.
    pub nodes_unknown: Option<String>,
    /// One answer for each profile asked about.
    pub profiles: Vec<ClusterProfile>,
}

/// The answer for one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterProfile {
    /// The profile.
    pub profile: Profile,
    /// Ready where the pod is accepted and some node is ready for it.
    pub verdict: Ready,
    /// What becomes of the pod that `render builder` makes, in a dry run.
    pub pod: Outcome,
    /// The reason in half a sentence; null for a verdict of ready.
    pub reason: Option<String>,
    /// What stands in the pod's way.
    pub findings: Vec<Finding>,
    /// What came back otherwise than it was sent, and is no obstacle to builds.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What the API server warns of.
    pub warnings: Vec<String>,
    /// Where it would be scheduled; null where nodes can't be listed.
    pub nodes: Option<ReadyNodes>,
}

/// The nodes to which a builder would be scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadyNodes {
    /// How many are ready.
    pub ready: usize,
    /// How many take the builder although no pod has proven the profile: it may fail there.
    #[serde(default)]
    pub unproven: usize,
    /// The names of those that are ready, at most a hundred.
    pub names: Vec<String>,
    /// All nodes in half a sentence.
    pub summary: String,
    /// What to do where none is ready.
    #[serde(default)]
    pub fix: Option<String>,
    /// The pools whose newest nodes are all proven not to run builders: an autoscaler may be making one after the other.
    #[serde(default)]
    pub barren_pools: Vec<BarrenPool>,
}

/// How many names a report has.
const NAMES: usize = 100;

/// How many of them a person gets to see.
const SHOWN: usize = 5;

impl ClusterReport {
    /// Puts answers together.
    pub fn new(kubernetes: String, namespace: String, nodes: Result<usize, String>, profiles: Vec<ClusterProfile>) -> Self {
        let (nodes, nodes_unknown) = match nodes {
            Ok(number) => (Some(number), None),
            Err(why) => (None, Some(why)),
        };
        ClusterReport {
            api_version: API_VERSION.into(),
            kind: "ClusterReport".into(),
            kubernetes,
            namespace,
            nodes,
            nodes_unknown,
            profiles,
        }
    }
}

impl ClusterProfile {
    /// One profile's answer; no fleet where nodes can't be listed.
    pub fn new(profile: Profile, admission: Admission, fleet: Option<&Fleet>) -> Self {
        let nodes = fleet.map(|fleet| ReadyNodes {
            ready: fleet.ready().count(),
            unproven: fleet.unproven(),
            names: fleet.ready().take(NAMES).map(str::to_owned).collect(),
            summary: fleet.to_string(),
            fix: fleet.advice(),
            barren_pools: fleet.barren.clone(),
        });
        let first = || title(&admission.findings);
        let none_ready = nodes.as_ref().is_some_and(|nodes| nodes.ready == 0 && nodes.unproven == 0);
        let unproven = nodes.as_ref().is_some_and(|nodes| nodes.ready == 0);
        let (verdict, reason) = match admission.outcome {
            Outcome::Refused | Outcome::Changed => (Ready::NotReady, first()),
            _ if none_ready => (Ready::NotReady, Some("no node is ready for this profile".into())),
            Outcome::Unknown => (Ready::Unknown, first()),
            Outcome::Accepted if unproven => (Ready::Unknown, Some("no pod has proven this profile".into())),
            Outcome::Accepted if nodes.is_none() => (Ready::Unknown, Some("the nodes can't be listed".into())),
            Outcome::Accepted => (Ready::Ready, None),
        };
        ClusterProfile {
            profile,
            verdict,
            pod: admission.outcome,
            reason,
            findings: admission.findings,
            notes: admission.notes,
            warnings: admission.warnings,
            nodes,
        }
    }
}

/// The report for a person: the verdicts first, then for each what became of its pod, why, what to do, and its nodes.
pub fn cluster_table(report: &ClusterReport, style: Style) -> String {
    let nodes = report.nodes.map(|number| format!(" · {}", counted(number, "node"))).unwrap_or_default();
    let row = |profile: &ClusterProfile| {
        let ready = profile.nodes.as_ref().zip(report.nodes).map(|(nodes, total)| format!("{} of {total}", nodes.ready));
        let cells = [
            profile.profile.to_string(),
            profile.verdict.to_string(),
            profile.pod.to_string(),
            ready.unwrap_or_else(|| "-".into()),
            profile.reason.clone().unwrap_or_default(),
        ];
        (profile.verdict, cells)
    };
    let section = |profile: &ClusterProfile| Section {
        profile: profile.profile.id(),
        verdict: profile.verdict,
        by: profile.findings.first().map(|finding| finding.obstacle.id().to_owned()),
        lines: explain(profile, report),
    };
    let mut page = Page::new(style);
    page.words(0, &format!("Kubernetes {} · namespace {}{nodes}", report.kubernetes, report.namespace));
    page.blank();
    page.verdicts(["PROFILE", "VERDICT", "POD", "NODES", "WHY"], report.profiles.iter().map(row).collect());
    page.explained(&report.profiles.iter().map(section).collect::<Vec<_>>());
    page.into_text()
}

/// Pod Security says of each rule which container breaks it, and what would not. A builder has one container, and must.
pub(super) fn brief(finding: &Finding) -> String {
    if finding.obstacle != Obstacle::PodSecurity {
        return finding.message.clone();
    }
    let mut depth = 0;
    let kept = finding.message.chars().filter(|c| {
        depth += i32::from(*c == '(');
        let kept = depth == 0;
        depth -= i32::from(*c == ')');
        kept
    });
    kept.collect::<String>().replace(" ,", ",").trim_end().to_owned()
}

fn explain(profile: &ClusterProfile, report: &ClusterReport) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    if !profile.findings.is_empty() {
        let became = match profile.pod {
            Outcome::Unknown => "unknown".to_owned(),
            outcome => outcome.to_string(),
        };
        lines.push(("tried", format!("a dry run of the builder's pod in namespace {}: {became}", report.namespace)));
    }
    for finding in &profile.findings {
        lines.push(("why", brief(finding)));
        lines.extend(finding.fix.iter().map(|fix| ("fix", fix.clone())));
    }
    lines.extend(profile.notes.iter().map(|note| ("note", format!("no obstacle to builds: {note}"))));
    lines.extend(profile.warnings.iter().map(|warning| ("note", format!("the API server warns: {warning}"))));
    // Where its pod can't be made, the nodes do not matter yet.
    match &profile.nodes {
        _ if matches!(profile.pod, Outcome::Refused | Outcome::Changed) => {}
        Some(nodes) if nodes.ready == 0 => {
            lines.push(("nodes", nodes.summary.clone()));
            lines.extend(barren(nodes));
            lines.extend(nodes.fix.iter().map(|fix| ("fix", fix.clone())));
        }
        Some(nodes) => {
            lines.extend(barren(nodes));
            let more = nodes.ready.saturating_sub(SHOWN);
            let names = nodes.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            lines.push(("nodes", if more > 0 { format!("{names} and {more} more") } else { names }));
        }
        None => {
            lines.extend(report.nodes_unknown.iter().map(|why| ("nodes", format!("can't be listed: {why}"))));
            lines.push(("fix", "ask for the right to list nodes: kubectl auth can-i list nodes".into()));
        }
    }
    lines
}

/// What there is to say of pools that make no node which can build.
fn barren(nodes: &ReadyNodes) -> impl Iterator<Item = Line> {
    nodes.barren_pools.iter().flat_map(|pool| {
        let (number, names) = (pool.nodes.len(), pool.nodes.join(", "));
        [
            ("pool", format!("the newest {number} nodes of the pool {} are all proven not ready ({names})", pool.label)),
            (
                "fix",
                "stop the pool until the cause is gone: an autoscaler would make more such nodes. `kubectl describe node` says why"
                    .to_owned(),
            ),
        ]
    })
}

#[cfg(test)]
mod tests;
