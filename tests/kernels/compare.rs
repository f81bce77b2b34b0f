//! Verdict against outcome.

use crate::cell::Cell;
use crate::expected::{self, HARMLESS};
use crate::outcome::{Check, Measured};
use crate::spec;
use buildkit_preflight::cause::Cause;
use buildkit_preflight::fact::Step;
use serde::Serialize;

/// What the comparison of a cell says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result", content = "why")]
pub(crate) enum Agreement {
    Agree,
    /// No verdict, where none can be asked: no container of the cell's own could be made, or the build never ends.
    AgreeUnknown,
    Unknown(String),
    Disagree(String),
    Harness(String),
}

/// Holds what `check` says against what the build did.
pub(crate) fn compare(cell: &Cell, measured: &Measured) -> Agreement {
    if !measured.harness.is_empty() {
        return Agreement::Harness(measured.harness.join("; "));
    }
    // Whatever hangs, `check` ends by itself: it looks at the state dir and probes, each within its deadline.
    if measured.check_hangs || measured.check_seconds > f64::from(spec::deadline(cell) * 3) {
        return Agreement::Disagree(format!("check did not end in its time: {:.0} s", measured.check_seconds));
    }
    if !measured.left.is_empty() {
        return Agreement::Disagree(format!("left behind: {}", measured.left));
    }
    // A trial build is a build: it must end as the other did.
    match measured.trial.as_deref() {
        None => {}
        Some("built") if measured.build.works => {}
        Some("failed") if !measured.build.works => {}
        // It does less than all, which the verdict must know.
        Some("built") if measured.proven.as_ref().is_some_and(|proven| proven.verdict == "not-ready") => {}
        Some(end) if measured.build.hangs() && end != "built" => {}
        Some(end) => {
            return Agreement::Disagree(format!(
                "the build {}, and the trial build: {end}",
                if measured.build.works { "works" } else { "fails" }
            ));
        }
    }
    if let Some(check) = &measured.check {
        return judge(cell, measured, check);
    }
    match &measured.predicted {
        Some(predicted) if predicted.verdict == "unknown" => Agreement::AgreeUnknown,
        Some(predicted) => judge(cell, measured, predicted),
        None => Agreement::Harness("no verdict at all".to_owned()),
    }
}

/// What the comparison would say had the probe left a step out, for each that can be.
pub(crate) fn mutated(cell: &Cell, measured: &Measured) -> Vec<(Step, Agreement)> {
    let can = measured.mutated.iter().filter(|mutated| mutated.left_out);
    can.map(|mutated| (mutated.step, judge(cell, measured, &mutated.check))).collect()
}

/// What was foretold of a cell without a probe: right, wrong, unknown. A right verdict for a wrong cause is wrong.
pub(crate) fn prediction(cell: &Cell, measured: &Measured) -> Option<Agreement> {
    measured.predicted.as_ref().map(|predicted| judge(cell, measured, predicted))
}

fn judge(cell: &Cell, measured: &Measured, check: &Check) -> Agreement {
    let build = &measured.build;
    match (check.verdict.as_str(), build.works) {
        ("unknown", _) if build.hangs() => Agreement::AgreeUnknown,
        ("unknown", _) => Agreement::Unknown(check.reason.clone().unwrap_or_else(|| "no reason given".to_owned())),
        ("ready", true) if check.snapshotter == build.snapshotter => Agreement::Agree,
        ("ready", true) => {
            let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
            Agreement::Disagree(format!("snapshotter {}, not {}", name(&build.snapshotter), name(&check.snapshotter)))
        }
        ("not-ready", false) => causes(cell, measured, check),
        (_, true) => Agreement::Disagree(format!("the build works, and check says {}", said(check))),
        (_, false) => Agreement::Disagree(format!("the build fails at {}, and check says {}", build.stage.unwrap_or("?"), said(check))),
    }
}

fn said(check: &Check) -> String {
    let reason = check.failed.as_deref().or(check.reason.as_deref()).unwrap_or_default();
    format!("{} {} ({reason})", check.verdict, check.causes.join(",")).replace(" ()", "")
}

/// The first cause must be one that the settings put there and the error speaks of, and of these the one that the kernel
/// meets first; no other may be one that is not there.
fn causes(cell: &Cell, measured: &Measured, check: &Check) -> Agreement {
    let there = expected::by_settings(cell);
    let speaks = expected::by_error(&measured.build);
    let fits: Vec<Cause> = there.iter().copied().filter(|cause| speaks.is_empty() || speaks.contains(cause)).collect();
    let known = |name: &String| name.parse::<Cause>().ok();
    let named: Vec<Cause> = check.causes.iter().filter_map(known).collect();
    let list = |causes: &[Cause]| causes.iter().map(|cause| cause.id()).collect::<Vec<_>>().join(", ");
    let Some(first) = named.first() else {
        return Agreement::Disagree("not ready without a cause".to_owned());
    };
    let rank = |cause: &Cause| fits.iter().filter(|fit| !HARMLESS.contains(fit)).position(|fit| fit == cause);
    match rank(first) {
        None => {
            return Agreement::Disagree(format!(
                "cause {first}, where the error fits {}",
                if fits.is_empty() { "none".into() } else { list(&fits) }
            ));
        }
        // With an error that says nothing known, or a container that was not made, the order can't be told.
        Some(0) => {}
        Some(_) if speaks.is_empty() || measured.build.stage == Some("container") => {}
        Some(_) => return Agreement::Disagree(format!("cause {first} first, where the kernel meets {} first", fits[0])),
    }
    match named.iter().find(|cause| !there.contains(cause)) {
        Some(cause) => Agreement::Disagree(format!("also cause {cause}, which is not there")),
        None => Agreement::Agree,
    }
}

/// Causes that the settings put there and that `check` does not name beside those it names. For people: not each of them
/// stops a builder.
pub(crate) fn silent(cell: &Cell, measured: &Measured) -> Vec<Cause> {
    let Some(check) = measured.check.as_ref().filter(|check| check.verdict == "not-ready") else {
        return Vec::new();
    };
    let may = [Cause::UsernsPodRuntime, Cause::DiskSpace, Cause::SubidConfig];
    let there = expected::by_settings(cell).into_iter().filter(|cause| !HARMLESS.contains(cause) && !may.contains(cause));
    there.filter(|cause| !check.causes.iter().any(|named| named == cause.id())).collect()
}
