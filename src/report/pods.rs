//! The answer to `check -f`.

use super::cluster::brief;
use super::text::{Line, Page, Style};
use crate::admission::{Admission, Finding as Refusal, Outcome, title};
use crate::check::Ready;
use crate::fact::API_VERSION;
use crate::fleet::{Fit, NodeFit};
use crate::pod::{Judged, Weight};
use crate::text::quoted;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer to `check -f`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `PodReport`.
    pub kind: String,
    /// The API server's version; null where no cluster was asked.
    pub kubernetes: Option<String>,
    /// One answer for each container that runs buildkitd.
    pub builders: Vec<BuilderReport>,
}

/// What is said of one builder.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BuilderReport {
    /// What its object says; with `--cluster` as the API server makes it, and with a verdict on all of it.
    #[serde(flatten)]
    pub judged: Judged,
    /// What the cluster makes of it; null where none was asked.
    pub cluster: Option<InCluster>,
}

/// What a cluster makes of a builder's pod.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InCluster {
    /// The namespace in which the pod was tried.
    pub namespace: String,
    /// What becomes of it in a dry run: changed where builds fail by a change, accepted also where others were made.
    pub pod: Outcome,
    /// Who refuses it, or changes it so that builds fail.
    pub obstacles: Vec<Refusal>,
    /// What came back otherwise than it was sent, and is no obstacle to builds.
    pub notes: Vec<String>,
    /// What the API server warns of.
    pub warnings: Vec<String>,
    /// Whether the API server takes the object with the patch, and leaves it so; null where there is no patch, or it was not tried.
    pub patch_taken: Option<bool>,
    /// What each node is to the builder; null where nodes can't be listed.
    pub nodes: Option<Vec<NodeFit>>,
    /// Why nodes can't be listed.
    pub nodes_unknown: Option<String>,
}

/// How many nodes a person gets to see.
const SHOWN: usize = 20;

impl PodReport {
    /// Puts answers together; `kubernetes` is the version of the API server that was asked.
    pub fn new(kubernetes: Option<String>, builders: Vec<BuilderReport>) -> Self {
        PodReport { api_version: API_VERSION.into(), kind: "PodReport".into(), kubernetes, builders }
    }
}

impl From<Judged> for BuilderReport {
    fn from(judged: Judged) -> Self {
        BuilderReport { judged, cluster: None }
    }
}

impl InCluster {
    /// What the API server answered, and the nodes, or why they can't be listed.
    pub fn new(namespace: String, admission: Admission, patch_taken: Option<bool>, nodes: Result<Vec<NodeFit>, String>) -> Self {
        let Admission { outcome, findings, notes, warnings } = admission;
        let (nodes, nodes_unknown) = match nodes {
            Ok(nodes) => (Some(nodes), None),
            Err(why) => (None, Some(why)),
        };
        InCluster { namespace, pod: outcome, obstacles: findings, notes, warnings, patch_taken, nodes, nodes_unknown }
    }

    fn has(&self, fit: Fit) -> bool {
        self.nodes.iter().flatten().any(|node| node.fit == fit)
    }

    /// What it makes of a verdict on the object.
    fn verdict(&self, of_object: Ready) -> Ready {
        let no_node = self.nodes.is_some() && !self.has(Fit::Fits) && !self.has(Fit::Unknown);
        match self.pod {
            _ if of_object == Ready::NotReady || self.pod == Outcome::Refused || no_node => Ready::NotReady,
            Outcome::Unknown => Ready::Unknown,
            _ if of_object == Ready::Unknown || !self.has(Fit::Fits) => Ready::Unknown,
            _ => Ready::Ready,
        }
    }

    /// Why it is not ready, or not known to be, where the object does not say it.
    fn reason(&self) -> String {
        match (self.pod, &self.nodes) {
            (Outcome::Refused | Outcome::Unknown, _) => title(&self.obstacles).unwrap_or_default(),
            (_, None) => "the nodes can't be listed".into(),
            (_, Some(nodes)) if nodes.is_empty() => "the cluster has no nodes".into(),
            _ if self.has(Fit::Unknown) => "no node is known to fit".into(),
            _ => "no node fits".into(),
        }
    }
}

impl BuilderReport {
    /// With what a cluster makes of it.
    pub fn in_cluster(mut judged: Judged, cluster: InCluster) -> Self {
        judged.verdict = cluster.verdict(judged.verdict);
        BuilderReport { judged, cluster: Some(cluster) }
    }
}

/// The causes of one weight, once each.
fn causes(judged: &Judged, weight: Weight) -> Vec<&'static str> {
    let mut causes: Vec<&str> = Vec::new();
    for finding in judged.findings.iter().filter(|finding| finding.weight == weight) {
        if !causes.contains(&finding.cause) {
            causes.push(finding.cause);
        }
    }
    causes
}

/// What decided a verdict.
fn reason(builder: &BuilderReport) -> String {
    let judged = &builder.judged;
    let deciding = match judged.verdict {
        Ready::NotReady => Weight::Stops,
        Ready::Unknown => Weight::Unknown,
        Ready::Ready => Weight::Needs,
    };
    let causes = causes(judged, deciding);
    match (judged.verdict, &builder.cluster) {
        (Ready::Ready, Some(cluster)) => {
            let nodes = cluster.nodes.as_deref().unwrap_or_default();
            format!("{} of {} nodes: it fits", nodes.iter().filter(|node| node.fit == Fit::Fits).count(), nodes.len())
        }
        (Ready::Ready, None) if causes.is_empty() => "nothing in the object stops builds".into(),
        (Ready::Ready, None) => format!("nothing in the object stops builds; the node decides: {}", causes.join(", ")),
        (_, Some(cluster)) if causes.is_empty() => cluster.reason(),
        _ => causes.join(", "),
    }
}

/// The report for a person: the verdicts first, then each builder with what is to be said of it. `how` are the words behind `check`
/// by which it was asked for, to be pasted.
pub fn pod_table(report: &PodReport, how: &str, style: Style) -> String {
    let mut page = Page::new(style);
    if let Some(kubernetes) = &report.kubernetes {
        page.words(0, &format!("Kubernetes {kubernetes}"));
        page.blank();
    }
    let row = |builder: &BuilderReport| {
        let judged = &builder.judged;
        (judged.verdict, [judged.object.clone(), judged.verdict.to_string(), judged.container.clone(), reason(builder)])
    };
    page.verdicts(["OBJECT", "VERDICT", "CONTAINER", "WHY"], report.builders.iter().map(row).collect());
    for builder in &report.builders {
        let judged = &builder.judged;
        let user = judged.user.map(|user| format!(", user {user}")).unwrap_or_default();
        page.blank();
        page.words(
            2,
            &format!(
                "{}, container {}: image {} ({}){user}; closest profile: {}",
                judged.object, judged.container, judged.image, judged.variant, judged.profile
            ),
        );
        for finding in &judged.findings {
            page.words(4, &format!("  {} ({}): {}", finding.weight, finding.cause, finding.field));
            let lines: [Option<Line>; 2] = [Some(("why", finding.message.clone())), finding.fix.clone().map(|fix| ("fix", fix))];
            for (word, text) in lines.into_iter().flatten() {
                page.words(9, &format!("    {word:<4} {text}"));
            }
        }
        builder.cluster.iter().for_each(|cluster| cluster.told(&mut page));
        if judged.patch.is_some() {
            let what = match builder.cluster.as_ref().and_then(|cluster| cluster.patch_taken) {
                Some(true) => "all changes as a patch, with which the API server takes the pod and leaves it so",
                Some(false) => "changes as a patch, with which the API server still does not let a builder work",
                None if judged.mended => "all changes as a patch",
                None => "what a patch can change",
            };
            page.words(4, &format!("  {what}:"));
            page.command(&format!("    buildkit-preflight check {how} --container {} --format patch", quoted(&judged.container)));
        }
    }
    page.into_text()
}

impl InCluster {
    fn told(&self, page: &mut Page) {
        page.words(4, &format!("  dry run in namespace {}: {}", self.namespace, self.pod));
        let line = |page: &mut Page, (word, text): Line| {
            let text = format!("    {word:<4} {text}");
            // It may be a command to paste.
            if word == "fix" { page.command(&text) } else { page.words(9, &text) }
        };
        for obstacle in &self.obstacles {
            let by = obstacle.by.as_ref().map(|by| format!(", {by}")).unwrap_or_default();
            line(page, ("why", format!("({}{by}) {}", obstacle.obstacle.id(), brief(obstacle))));
            obstacle.fix.iter().for_each(|fix| line(page, ("fix", fix.clone())));
        }
        self.notes.iter().for_each(|note| line(page, ("note", format!("no obstacle to builds: {note}"))));
        self.warnings.iter().for_each(|warning| line(page, ("note", format!("the API server warns: {warning}"))));
        if let Some(why) = &self.nodes_unknown {
            page.words(4, &format!("  nodes can't be listed: {why}"));
            line(page, ("fix", "ask for the right to list nodes: kubectl auth can-i list nodes".into()));
        }
        let nodes = self.nodes.as_deref().unwrap_or_default();
        for NodeFit { node, fit, why } in nodes.iter().take(SHOWN) {
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            page.words(4, &format!("  node {node} {}{why}", if *fit == Fit::Unknown { "is unknown".into() } else { fit.to_string() }));
        }
        if nodes.len() > SHOWN {
            page.words(4, &format!("  and {} more: `--format json` has all of them", nodes.len() - SHOWN));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Obstacle;
    use crate::pod::{builders, workloads};

    fn judged(seccomp: &str) -> Judged {
        let text = format!(
            "kind: Pod
metadata: {{name: p}}
spec:
  containers:
  - name: b
    image: moby/buildkit:v0.33.1-rootless
    args: [--oci-worker-no-process-sandbox]
    securityContext: {{seccompProfile: {{type: {seccomp}}}, appArmorProfile: {{type: Unconfined}}}}
"
        );
        builders(&workloads("f", &text).expect("a pod"), None).expect("a builder")[0].judge()
    }

    fn node(fit: Fit) -> NodeFit {
        NodeFit { node: "n\u{1b}[31m".into(), fit, why: Some("why\nFORGED".into()) }
    }

    fn admission(outcome: Outcome) -> Admission {
        let refused = Refusal {
            obstacle: Obstacle::Quota,
            by: Some("q\u{202e}".into()),
            change: None,
            gate: None,
            message: "exceeded\r\nFORGED".into(),
            fix: Some("raise it\nFORGED".into()),
        };
        let findings = if outcome == Outcome::Accepted { Vec::new() } else { vec![refused] };
        Admission { outcome, findings, notes: vec!["a\nFORGED".into()], warnings: vec!["b\nFORGED".into()] }
    }

    /// The object's seccomp, what becomes of its pod, the nodes, the verdict, and why.
    type Row = (&'static str, Outcome, Option<Vec<Fit>>, Ready, &'static str);

    #[test]
    fn a_verdict_is_on_the_object_its_admission_and_the_nodes() {
        use Fit::{DoesNotFit, Fits, Unknown};
        let refused = "a quota leaves no room for the builder's pod (q\u{202e})";
        let rows: Vec<Row> = vec![
            ("Unconfined", Outcome::Accepted, Some(vec![Unknown, DoesNotFit, Fits]), Ready::Ready, "1 of 3 nodes: it fits"),
            ("Unconfined", Outcome::Accepted, Some(vec![Unknown, DoesNotFit]), Ready::Unknown, "no node is known to fit"),
            ("Unconfined", Outcome::Accepted, Some(vec![DoesNotFit]), Ready::NotReady, "no node fits"),
            ("Unconfined", Outcome::Accepted, Some(vec![]), Ready::NotReady, "the cluster has no nodes"),
            ("Unconfined", Outcome::Accepted, None, Ready::Unknown, "the nodes can't be listed"),
            ("Unconfined", Outcome::Refused, Some(vec![Fits]), Ready::NotReady, refused),
            ("Unconfined", Outcome::Unknown, Some(vec![Fits]), Ready::Unknown, refused),
            ("RuntimeDefault", Outcome::Accepted, Some(vec![Fits]), Ready::NotReady, "seccomp"),
            ("Localhost", Outcome::Changed, Some(vec![Fits]), Ready::Unknown, "seccomp"),
        ];
        for (seccomp, outcome, fits, verdict, why) in rows {
            let nodes = fits.map(|fits| fits.into_iter().map(node).collect()).ok_or_else(|| "forbidden\nFORGED".to_owned());
            let cluster = InCluster::new("n".into(), admission(outcome), None, nodes);
            let builder = BuilderReport::in_cluster(judged(seccomp), cluster);
            assert_eq!((builder.judged.verdict, reason(&builder).as_str()), (verdict, why), "{seccomp} {outcome}");
            let text = pod_table(&PodReport::new(Some("v1".into()), vec![builder]), "-f f --cluster", Style::default());
            let acts = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
            assert!(!text.contains(acts) && !text.lines().any(|line| line.starts_with("FORGED")), "{text:?}");
        }
    }
}
