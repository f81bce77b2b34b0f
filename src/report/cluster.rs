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
    /// How many take the builder although no agent proves the profile: it may fail there.
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
    pub barren_pools: Vec<Pool>,
}

/// A pool whose newest nodes are all proven not to run builders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// The label that names it, as KEY=VALUE.
    pub label: String,
    /// Its newest nodes, the newest first.
    pub nodes: Vec<String>,
}

impl From<&BarrenPool> for Pool {
    fn from(barren: &BarrenPool) -> Self {
        Pool { label: barren.pool.to_string(), nodes: barren.nodes.clone() }
    }
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
            barren_pools: fleet.barren.iter().map(Pool::from).collect(),
        });
        let first = || title(&admission.findings);
        let none_ready = nodes.as_ref().is_some_and(|nodes| nodes.ready == 0 && nodes.unproven == 0);
        let unproven = nodes.as_ref().is_some_and(|nodes| nodes.ready == 0);
        let (verdict, reason) = match admission.outcome {
            Outcome::Refused | Outcome::Changed => (Ready::NotReady, first()),
            _ if none_ready => (Ready::NotReady, Some("no node is ready for this profile".into())),
            Outcome::Unknown => (Ready::Unknown, first()),
            Outcome::Accepted if unproven => (Ready::Unknown, Some("no agent proves this profile".into())),
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
mod tests {
    use super::*;
    use crate::admission::{Answer, judge};
    use crate::node::{DEFAULT_PREFIX, View};
    use crate::render::{BuilderOptions, builder_pod};
    use serde_json::json;

    fn nodes(labels: &[serde_json::Value]) -> Vec<View> {
        let node = |(number, labels)| json!({"metadata": {"name": format!("node{number}"), "uid": "u", "labels": labels}});
        labels.iter().enumerate().map(node).map(|node| View::new(serde_json::from_value(node).expect("a node"), DEFAULT_PREFIX)).collect()
    }

    fn report(answer: impl Fn(serde_json::Value) -> Answer, nodes: Option<&[View]>) -> ClusterReport {
        let profile = |profile| {
            let sent = builder_pod(&BuilderOptions { profile, ..BuilderOptions::default() }).expect("a pod");
            let admission = judge(&answer(sent.clone()), &sent, "builds", "v1.33.13").expect("an answer");
            let fleet = nodes.map(|nodes| Fleet::new(nodes, profile, None));
            ClusterProfile::new(profile, admission, fleet.as_ref())
        };
        let total = nodes.map(<[View]>::len).ok_or_else(|| "nodes is forbidden".to_owned());
        ClusterReport::new("v1.33.13".into(), "builds".into(), total, Profile::ALL.map(profile).to_vec())
    }

    fn made(pod: serde_json::Value) -> Answer {
        Answer::Made { pod, warnings: Vec::new() }
    }

    /// Two nodes: the second can't run anything without root.
    fn two() -> Vec<View> {
        let label = |key: &str| format!("{DEFAULT_PREFIX}/{key}");
        nodes(&[
            json!({label("no-process-sandbox"): "ready", label("privileged"): "unknown", label("rootful"): "unknown", label("procmount-candidate"): "true"}),
            json!({label("no-process-sandbox"): "not-ready", label("privileged"): "not-ready", label("rootful"): "unknown"}),
        ])
    }

    #[test]
    fn a_pool_whose_newest_nodes_are_all_bad_is_named() {
        let node = |name: &str, verdict: &str| {
            let labels = json!({"buildkit-preflight.dev/no-process-sandbox": verdict, "karpenter.sh/nodepool": "build"});
            let key = json!({"f:metadata": {"f:labels": {"f:buildkit-preflight.dev/no-process-sandbox": {}}}});
            let managed = json!([{"manager": "buildkit-preflight/no-process-sandbox", "fieldsV1": key}]);
            let node = json!({"metadata": {"name": name, "uid": "u", "labels": labels, "managedFields": managed}});
            View::new(serde_json::from_value(node).expect("a node"), DEFAULT_PREFIX)
        };
        let nodes: Vec<_> = ["a", "b", "c"].into_iter().map(|name| node(name, "not-ready")).collect();
        let of = |report: &ClusterReport| report.profiles[0].nodes.clone().expect("nodes").barren_pools;
        let bad = report(made, Some(&nodes));
        let label = "karpenter.sh/nodepool=build".to_owned();
        assert_eq!(of(&bad), [Pool { label, nodes: ["a", "b", "c"].map(str::to_owned).to_vec() }]);
        let text = cluster_table(&bad, Style { width: None, colour: false });
        assert!(text.contains("the newest 3 nodes of the pool karpenter.sh/nodepool=build are all proven not ready (a, b, c)"), "{text}");
        // The rest of the cluster may do, and the pool is named all the same.
        let more = [nodes, vec![node("z", "ready")]].concat();
        assert_eq!(of(&report(made, Some(&more[..2]))), []);
        assert_eq!(of(&report(made, Some(&more[1..]))), []);
    }

    #[test]
    fn a_profile_is_ready_where_its_pod_can_be_made_and_a_node_waits_for_it() {
        insta::assert_snapshot!(cluster_table(&report(made, Some(&two())), Style::default()), @r"
        Kubernetes v1.33.13 · namespace builds · 2 nodes

        PROFILE             VERDICT    POD       NODES   WHY
        no-process-sandbox  ready      accepted  1 of 2
        procmount           not ready  accepted  0 of 2  no node is ready for this profile
        userns              not ready  accepted  0 of 2  no node is ready for this profile
        baseline            not ready  accepted  0 of 2  no node is ready for this profile
        privileged          unknown    accepted  0 of 2  no agent proves this profile
        rootful             unknown    accepted  0 of 2  no agent proves this profile

        no-process-sandbox is ready
          nodes  node0

        procmount is not ready
          nodes  0 of 2 nodes are ready: 1 not proven yet (a pod of the profile would start), 1 where a pod of the profile would not start
          fix    deploy the canary that proves this profile: add `--canary procmount` to `buildkit-preflight render agent`, beside the canaries that you have

        userns, baseline are not ready
          nodes  0 of 2 nodes are ready: 2 where a pod of the profile would not start
          fix    `kubectl describe node` shows why a node is not ready; where no agent has answered, deploy the agent (`buildkit-preflight render agent`)

        privileged is unknown
          nodes  0 of 2 nodes are ready: 1 not known to fail (no agent proves this profile), 1 not ready

        rootful is unknown
          nodes  0 of 2 nodes are ready: 2 not known to fail (no agent proves this profile)
        ");
    }

    #[test]
    fn what_is_the_same_for_several_profiles_is_said_once() {
        let refused = |_| {
            Answer::Refused {
            code: 403,
            message: "pods \"buildkitd-x\" is forbidden: violates PodSecurity \"restricted:latest\": procMount (container \"b\" must not set (it)), seccompProfile (...)".into(),
        }
        };
        insta::assert_snapshot!(cluster_table(&report(refused, Some(&two())), Style::default()), @r#"
        Kubernetes v1.33.13 · namespace builds · 2 nodes

        PROFILE             VERDICT    POD      NODES   WHY
        no-process-sandbox  not ready  refused  1 of 2  Pod Security refuses the builder's pod (restricted)
        procmount           not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
        userns              not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
        baseline            not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
        privileged          not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
        rootful             not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)

        no-process-sandbox, procmount, userns, baseline, privileged, rootful are not ready (pod-security)
          tried  a dry run of the builder's pod in namespace builds: refused
          why    violates PodSecurity "restricted:latest": procMount, seccompProfile
          fix    kubectl label namespace builds pod-security.kubernetes.io/enforce=privileged --overwrite
        "#);
    }

    #[test]
    fn without_the_right_to_list_nodes_it_is_unknown() {
        let report = report(made, None);
        assert!(report.profiles.iter().all(|profile| profile.verdict == Ready::Unknown));
        let text = cluster_table(&report, Style { colour: true, width: None });
        assert!(text.contains("can't be listed: nodes is forbidden") && text.contains("\x1b[33munknown"), "{text}");
        assert!(report.profiles[0].reason.as_deref() == Some("the nodes can't be listed"));
    }

    #[test]
    fn many_nodes_are_counted_and_some_named() {
        let labels = vec![json!({format!("{DEFAULT_PREFIX}/no-process-sandbox"): "ready"}); 205];
        let report = report(made, Some(&nodes(&labels)));
        let ready = report.profiles[0].nodes.as_ref().expect("nodes");
        assert_eq!((ready.ready, ready.names.len()), (205, 100));
        assert!(cluster_table(&report, Style::default()).contains("node0, node1, node2, node3, node4 and 200 more"));
    }
    #[test]
    fn no_text_of_a_cluster_acts_on_the_terminal() {
        const FORGED: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\r\nFORGED";
        let refused = |_| Answer::Refused { code: 403, message: format!("pods is forbidden: {FORGED}") };
        for answer in [&made as &dyn Fn(serde_json::Value) -> Answer, &refused] {
            for nodes in [Some(two()), None] {
                let mut report = report(answer, nodes.as_deref());
                report.kubernetes += FORGED;
                report.namespace += FORGED;
                report.nodes_unknown.iter_mut().for_each(|why| *why += FORGED);
                for profile in &mut report.profiles {
                    profile.warnings.push(FORGED.into());
                    profile.reason = Some(FORGED.into());
                    for finding in &mut profile.findings {
                        finding.message += FORGED;
                        finding.fix = Some(FORGED.into());
                    }
                    if let Some(nodes) = &mut profile.nodes {
                        nodes.names.iter_mut().for_each(|name| *name += FORGED);
                        nodes.summary += FORGED;
                    }
                }
                for width in [None, Some(80), Some(40)] {
                    let text = cluster_table(&report, Style { colour: false, width });
                    assert!(
                        text.contains("FORGED") && !text.contains(|c: char| c != '\n' && c.is_control() || c == '\u{202e}'),
                        "{text:?}"
                    );
                    assert!(!text.lines().any(|line| line.starts_with("FORGED")), "{text}");
                }
            }
        }
    }
}
