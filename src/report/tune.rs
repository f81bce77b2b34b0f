use super::ProfileReport;
use super::text::{Page, Style};
use crate::cause::Remedy;
use crate::check::Ready;
use crate::fact::{API_VERSION, Facts, SysctlChange};
use crate::tune::plan::{Left, TunePlan};
use schemars::JsonSchema;
use serde::Serialize;

/// What `tune --apply` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TuneResult {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `TuneResult`.
    pub kind: String,
    /// The node's name, where it is known.
    pub node: Option<String>,
    /// What was set.
    pub changes: Vec<SysctlChange>,
    /// What stands in a builder's way and was left as it is.
    pub left: Vec<Left>,
    /// The file that sets it again at each boot.
    pub persisted: Option<String>,
    /// What sets it back at the next boot, all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at_boot: Vec<String>,
    /// The verdicts after it; none in a container, whose confinement is not a builder's.
    pub verdicts: Vec<ProfileReport>,
}

impl TuneResult {
    /// Of a plan that was carried out.
    pub fn new(plan: &TunePlan, changes: Vec<SysctlChange>, persisted: Option<String>, verdicts: Vec<ProfileReport>) -> Self {
        let (node, left) = (plan.node.clone(), plan.left.clone());
        let at_boot = plan.changes.iter().filter_map(|change| change.at_boot.clone()).collect();
        TuneResult { api_version: API_VERSION.into(), kind: "TuneResult".into(), node, changes, left, persisted, at_boot, verdicts }
    }
}

/// A plan for a person.
pub fn tune_plan_table(plan: &TunePlan, facts: &Facts, style: Style) -> String {
    let mut page = Page::new(style);
    if plan.changes.is_empty() && plan.left.is_empty() {
        page.words(0, NOTHING);
        return page.into_text();
    }
    if !plan.changes.is_empty() {
        let mut rows = vec![["SYSCTL", "NOW", "THEN", "WHY"].map(str::to_owned)];
        rows.extend(
            plan.changes
                .iter()
                .map(|change| [change.sysctl.to_string(), change.from.to_string(), change.to.to_string(), change.why.clone()]),
        );
        page.columns(&rows);
    }
    left(&mut page, &plan.left);
    page.blank();
    for effect in &plan.effects {
        let causes = || effect.removes.iter().map(|cause| cause.id()).collect::<Vec<_>>().join(", ");
        match (effect.now, effect.then) {
            (Some(now), Some(then)) if now != then => {
                page.words(2, &format!("{}: {now} now, {then} then (predicted)", effect.profile));
            }
            (Some(now), _) => page.words(2, &format!("{}: stays {now} (predicted)", effect.profile)),
            _ if effect.removes.is_empty() => {}
            _ => page.words(2, &format!("{}: {} would no longer apply", effect.profile, causes())),
        }
    }
    if !plan.changes.is_empty() {
        page.blank();
        page.words(0, "to set this by hand");
        for change in &plan.changes {
            by_hand(&mut page, &change.by_hand);
            change.at_boot.iter().for_each(|text| page.words(4, &format!("  but {text}")));
        }
        if let Some(why) = &plan.immutable {
            page.blank();
            page.words(0, why);
        }
        page.blank();
        let bare = facts.on_bare_machine() == Some(true);
        page.words(0, if bare { "Nothing was changed: `tune --apply` does it." } else { "Nothing was changed." });
    }
    page.into_text()
}

/// A result for a person.
pub fn tune_result_table(result: &TuneResult, style: Style) -> String {
    let mut page = Page::new(style);
    if result.changes.is_empty() && result.left.is_empty() {
        page.words(0, NOTHING);
    }
    for change in &result.changes {
        page.words(2, &format!("{} is {} (was {})", change.sysctl, change.to, change.from));
    }
    match &result.persisted {
        Some(file) => page.words(2, &format!("{file} sets this again at each boot")),
        None if result.changes.is_empty() => {}
        None => page.words(0, "set until the next boot; --persist keeps this"),
    }
    result.at_boot.iter().for_each(|text| page.words(2, &format!("but {text}")));
    left(&mut page, &result.left);
    for verdict in &result.verdicts {
        let reason = verdict.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        page.words(2, &format!("{} is {} ({}){reason}", verdict.profile, verdict.verdict, verdict.evidence));
    }
    if result.verdicts.iter().any(|verdict| verdict.verdict != Ready::Ready) {
        page.words(0, "run `buildkit-preflight check` for details");
    }
    page.into_text()
}

const NOTHING: &str = "nothing to set: no sysctl keeps a builder from running here";

fn left(page: &mut Page, left: &[Left]) {
    if !left.is_empty() {
        if !page.is_empty() {
            page.blank();
        }
        page.words(0, "left unchanged");
    }
    for one in left {
        page.words(4, &format!("  {}: {}", one.sysctl, one.message));
        one.by_hand.iter().for_each(|remedy| by_hand(page, remedy));
    }
}

fn by_hand(page: &mut Page, remedy: &Remedy) {
    page.command(&format!("  {}", remedy.fix));
    remedy.keep.iter().for_each(|keep| page.command(&format!("  to keep it: {keep}")));
    remedy.note.iter().for_each(|note| page.words(4, &format!("  {note}")));
}
