//! The answer to `check -f`.

use super::text::{Line, Page, Style};
use crate::check::Ready;
use crate::fact::API_VERSION;
use crate::pod::{Finding, Judged, Weight};
use crate::profile::Profile;
use crate::text::quoted;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The answer to `check -f`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `PodReport`.
    pub kind: String,
    /// One answer for each container that runs buildkitd.
    pub builders: Vec<BuilderVerdict>,
}

/// The answer for one container.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuilderVerdict {
    /// The object: `Deployment/buildkitd`.
    pub object: String,
    /// The namespace, where the object says one.
    pub namespace: Option<String>,
    /// The container's name.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Which of BuildKit's images that is, by its name: `rootless`, `rootful` or `not known`.
    pub variant: String,
    /// The user, where the object or the image says it.
    pub user: Option<u64>,
    /// The profile whose shape is the closest: on nodes with its label `ready` a builder of that very shape works.
    pub profile: Profile,
    /// Not ready where something in the object stops builds on every node, unknown where the object does not say enough. Ready says
    /// nothing of nodes.
    pub verdict: Ready,
    /// What there is to say, in the order in which a builder would come to it.
    pub findings: Vec<PodFinding>,
    /// A strategic merge patch of the object that removes all that stops builds and can be removed so; null where nothing stops them.
    pub patch: Option<Value>,
    /// Whether nothing stops builds in the patched object.
    pub mended: bool,
}

/// One thing that is to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodFinding {
    /// `stops` (on every node), `unknown`, `needs` (works on nodes that are so) or `advice`.
    pub weight: String,
    /// The cause's id, or another word for what only an object can have.
    pub cause: String,
    /// What is to blame, as a path in the object.
    pub field: String,
    /// What is so, and what follows.
    pub message: String,
    /// What to do.
    pub fix: Option<String>,
}

impl PodReport {
    /// Puts answers together.
    pub fn new(judged: &[Judged]) -> Self {
        PodReport { api_version: API_VERSION.into(), kind: "PodReport".into(), builders: judged.iter().map(BuilderVerdict::new).collect() }
    }
}

impl BuilderVerdict {
    fn new(judged: &Judged) -> Self {
        BuilderVerdict {
            object: judged.object.clone(),
            namespace: judged.namespace.clone(),
            container: judged.container.clone(),
            image: judged.image.clone(),
            variant: judged.variant.to_string(),
            user: judged.user,
            profile: judged.profile,
            verdict: judged.verdict,
            findings: judged.findings.iter().map(PodFinding::new).collect(),
            patch: judged.patch.clone(),
            mended: judged.is_mended,
        }
    }

    /// The ids of what decided the verdict, once each.
    fn reason(&self) -> String {
        let deciding = match self.verdict {
            Ready::NotReady => Weight::Stops,
            Ready::Unknown => Weight::Unknown,
            Ready::Ready => Weight::Needs,
        };
        let mut ids: Vec<&str> = Vec::new();
        for finding in self.findings.iter().filter(|finding| finding.weight == deciding.word()) {
            if !ids.contains(&finding.cause.as_str()) {
                ids.push(&finding.cause);
            }
        }
        match (self.verdict, ids.is_empty()) {
            (Ready::Ready, true) => "nothing in the object stops builds".into(),
            (Ready::Ready, false) => format!("nothing in the object stops builds; the node decides: {}", ids.join(", ")),
            _ => ids.join(", "),
        }
    }
}

impl PodFinding {
    fn new(finding: &Finding) -> Self {
        PodFinding {
            weight: finding.weight.word().into(),
            cause: finding.id.into(),
            field: finding.field.clone(),
            message: finding.why.clone(),
            fix: finding.fix.clone(),
        }
    }
}

/// The report for a person: the verdicts first, then each builder with what is to be said of it.
pub fn pod_table(report: &PodReport, file: &str, style: Style) -> String {
    let mut page = Page::new(style);
    let rows = report.builders.iter().map(|builder| {
        (builder.verdict, [builder.object.clone(), builder.verdict.to_string(), builder.container.clone(), builder.reason()])
    });
    page.verdicts(["OBJECT", "VERDICT", "CONTAINER", "WHY"], rows.collect());
    for builder in report.builders.iter() {
        let user = builder.user.map(|user| format!(", user {user}")).unwrap_or_default();
        page.blank();
        page.words(
            2,
            &format!(
                "{}, container {}: image {} ({}){user}; closest profile: {}",
                builder.object, builder.container, builder.image, builder.variant, builder.profile
            ),
        );
        for finding in &builder.findings {
            page.words(4, &format!("  {} ({}): {}", finding.weight, finding.cause, finding.field));
            let lines: [Option<Line>; 2] = [Some(("why", finding.message.clone())), finding.fix.clone().map(|fix| ("fix", fix))];
            for (word, text) in lines.into_iter().flatten() {
                page.words(9, &format!("    {word:<4} {text}"));
            }
        }
        if builder.patch.is_some() {
            let what = if builder.mended { "all changes as a patch" } else { "what a patch can change" };
            page.words(4, &format!("  {what}:"));
            page.command(&format!(
                "    buildkit-preflight check -f {} --container {} --format patch",
                quoted(file),
                quoted(&builder.container)
            ));
        }
    }
    page.into_text()
}
