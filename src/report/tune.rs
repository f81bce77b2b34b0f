use super::ProfileReport;
use super::text::columns;
use crate::cause::Remedy;
use crate::check::Ready;
use crate::fact::{API_VERSION, Facts, SysctlChange};
use crate::tune::plan::{Left, TunePlan};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write;

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
pub fn tune_plan_table(plan: &TunePlan, facts: &Facts) -> String {
    if plan.changes.is_empty() && plan.left.is_empty() {
        return "nothing to set: no sysctl keeps a builder from running here\n".into();
    }
    let mut out = String::new();
    if !plan.changes.is_empty() {
        let mut rows = vec![["SYSCTL", "NOW", "THEN", "WHY"].map(str::to_owned)];
        rows.extend(
            plan.changes
                .iter()
                .map(|change| [change.sysctl.to_string(), change.from.to_string(), change.to.to_string(), change.why.clone()]),
        );
        out += &columns(&rows);
    }
    left(&mut out, &plan.left);
    out += "\n";
    for effect in &plan.effects {
        let causes = || effect.removes.iter().map(|cause| cause.id()).collect::<Vec<_>>().join(", ");
        let _ = match (effect.now, effect.then) {
            (Some(now), Some(then)) if now != then => writeln!(out, "{}: {now} now, {then} then (predicted)", effect.profile),
            (Some(now), _) => writeln!(out, "{}: stays {now} (predicted)", effect.profile),
            _ if effect.removes.is_empty() => Ok(()),
            _ => writeln!(out, "{}: {} would no longer apply", effect.profile, causes()),
        };
    }
    if !plan.changes.is_empty() {
        out += "\nto set this by hand\n";
        for change in &plan.changes {
            by_hand(&mut out, &change.by_hand);
            let _ = change.at_boot.iter().try_for_each(|text| writeln!(out, "  but {text}"));
        }
        let (bare, reason) = (facts.on_bare_machine() == Some(true), plan.immutable.as_ref());
        let _ = reason.map_or(Ok(()), |why| writeln!(out, "\n{why}"));
        out += if bare { "\nNothing was changed: `tune --apply` does it.\n" } else { "\nNothing was changed.\n" };
    }
    out
}

/// A result for a person.
pub fn tune_result_table(result: &TuneResult) -> String {
    let mut out = String::new();
    if result.changes.is_empty() && result.left.is_empty() {
        out += "nothing to set: no sysctl keeps a builder from running here\n";
    }
    for change in &result.changes {
        let _ = writeln!(out, "{} is {} (was {})", change.sysctl, change.to, change.from);
    }
    match &result.persisted {
        Some(file) => drop(writeln!(out, "{file} sets this again at each boot")),
        None if result.changes.is_empty() => {}
        None => out += "set until the next boot; --persist keeps this\n",
    }
    for text in &result.at_boot {
        let _ = writeln!(out, "but {text}");
    }
    left(&mut out, &result.left);
    for verdict in &result.verdicts {
        let reason = verdict.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let _ = writeln!(out, "{} is {} ({}){reason}", verdict.profile, verdict.verdict, verdict.evidence);
    }
    if result.verdicts.iter().any(|verdict| verdict.verdict != Ready::Ready) {
        out += "run `buildkit-preflight check` for details\n";
    }
    out
}

fn left(out: &mut String, left: &[Left]) {
    if !left.is_empty() {
        *out += if out.is_empty() { "left unchanged\n" } else { "\nleft unchanged\n" };
    }
    for one in left {
        let _ = writeln!(out, "  {}: {}", one.sysctl, one.message);
        let _ = one.by_hand.as_ref().map(|remedy| by_hand(out, remedy));
    }
}

fn by_hand(out: &mut String, remedy: &Remedy) {
    let _ = writeln!(out, "  {}", remedy.fix);
    let _ = remedy.keep.iter().try_for_each(|keep| writeln!(out, "  to keep it: {keep}"));
    let _ = remedy.note.iter().try_for_each(|note| writeln!(out, "  {note}"));
}
