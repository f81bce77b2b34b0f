//! The answer to `check -f`.

use super::text::{Line, Page, Style};
use crate::check::Ready;
use crate::fact::API_VERSION;
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
    /// One answer for each container that runs buildkitd.
    pub builders: Vec<Judged>,
}

impl PodReport {
    /// Puts answers together.
    pub fn new(builders: Vec<Judged>) -> Self {
        PodReport { api_version: API_VERSION.into(), kind: "PodReport".into(), builders }
    }
}

/// The causes that decided a verdict, once each.
fn reason(builder: &Judged) -> String {
    let deciding = match builder.verdict {
        Ready::NotReady => Weight::Stops,
        Ready::Unknown => Weight::Unknown,
        Ready::Ready => Weight::Needs,
    };
    let mut causes: Vec<&str> = Vec::new();
    for finding in builder.findings.iter().filter(|finding| finding.weight == deciding) {
        if !causes.contains(&finding.cause) {
            causes.push(finding.cause);
        }
    }
    match (builder.verdict, causes.is_empty()) {
        (Ready::Ready, true) => "nothing in the object stops builds".into(),
        (Ready::Ready, false) => format!("nothing in the object stops builds; the node decides: {}", causes.join(", ")),
        _ => causes.join(", "),
    }
}

/// The report for a person: the verdicts first, then each builder with what is to be said of it.
pub fn pod_table(report: &PodReport, file: &str, style: Style) -> String {
    let mut page = Page::new(style);
    let rows = report.builders.iter().map(|builder| {
        (builder.verdict, [builder.object.clone(), builder.verdict.to_string(), builder.container.clone(), reason(builder)])
    });
    page.verdicts(["OBJECT", "VERDICT", "CONTAINER", "WHY"], rows.collect());
    for builder in &report.builders {
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
