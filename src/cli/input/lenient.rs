//! Facts of another version of this program, and facts that somebody cut: unknown fields are passed over, and what is missing is not known.

use super::json::{Json, Wrong};
use crate::fact::{Builder, End, Fact, Facts, Plan, Probe, SYSCTLS, Sysctls};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// Facts are some 60; who leaves out more than that tells nothing.
const MOST_MISSING: usize = 100;

/// Facts, and the names of the fields that this version does not know.
///
/// # Errors
/// What makes no sense, and the path of the field.
pub(super) fn facts(mut given: Value) -> Result<(Facts, Vec<String>), (String, String)> {
    for _ in 0..MOST_MISSING {
        let error = match serde_path_to_error::deserialize::<_, Facts>(Json(&given)) {
            Err(error) => error,
            Ok(mut facts) => {
                let unknown = unknown_fields(&given, &facts);
                for row in &SYSCTLS {
                    let value = facts.sysctls.get(row.sysctl).clone().and_then(|value| Sysctls::in_range(row.sysctl, value));
                    facts.sysctls.set(row.sysctl, value);
                }
                return Ok((facts, unknown));
            }
        };
        let path = error.path().clone();
        match error.into_inner() {
            Wrong::Missing(field) if take_as_untold(&mut given, &path, field).is_some() => {}
            wrong => return Err((path.to_string(), wrong.to_string())),
        }
    }
    Err((".".into(), "too much is missing".into()))
}

/// Something is missing at `path`: what it belongs to is not known. `None` where it belongs to nothing that could be unknown.
fn take_as_untold(given: &mut Value, path: &Path, field: Option<&str>) -> Option<()> {
    let path_and_field = field.map_or_else(|| path.to_string(), |field| format!("{path}.{field}"));
    let untold = format!("not reported: {path_and_field}");
    let path: Vec<_> = path.iter().collect();
    let known = path.iter().rposition(|segment| matches!(segment, Segment::Enum { variant } if variant == "known"));
    match (known, path.as_slice()) {
        (None, [Segment::Map { key }, Segment::Seq { index }, ..]) => not_run(given, key, *index, &untold),
        // A fact that is an empty object ends the path itself.
        (at, path) => {
            let fact = find(given, &path[..at.unwrap_or(path.len())]).filter(|fact| at.is_some() || field.is_none() && fact.is_object())?;
            *fact = serde_json::to_value(Fact::<()>::Denied(untold.into())).ok()?;
            Some(())
        }
    }
}

/// Something is missing of what was tried. Nobody knows what came of that, as of a probe that did not run; it stands before another
/// one of the same plan.
fn not_run(given: &mut Value, list: &str, index: usize, untold: &str) -> Option<()> {
    let tried = given.get_mut(list)?.as_array_mut()?.remove(index);
    let probes = given.as_object_mut()?.entry("probes").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?;
    for plan in plans(tried.get("plan")) {
        let end = End::NotRun(untold.into());
        let probe = Probe { plan, executable: String::new(), uid: 0, map_source: None, end, steps: Vec::new() };
        probes.insert(0, serde_json::to_value(probe).ok()?);
    }
    Some(())
}

/// The plans that one may have been of which this is told.
fn plans(told: Option<&Value>) -> Vec<Plan> {
    let all = [Builder::Rootless, Builder::Rootful]
        .into_iter()
        .flat_map(|builder| [false, true].map(|process_sandbox| Plan { builder, process_sandbox }));
    let may_be = |plan: &Plan| {
        let Ok(Value::Object(fields)) = serde_json::to_value(plan) else { return true };
        fields.iter().all(|(name, value)| told.and_then(|told| told.get(name)).is_none_or(|told| told == value))
    };
    let fitting: Vec<_> = all.clone().filter(may_be).collect();
    if fitting.is_empty() { all.collect() } else { fitting }
}

fn find<'a>(value: &'a mut Value, path: &[&Segment]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Enum { variant } => value.get_mut(variant),
        Segment::Seq { index } => value.get_mut(index),
        Segment::Unknown => None,
    })
}

/// The fields that were given and are not written again.
fn unknown_fields(given: &Value, facts: &Facts) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(written) = serde_json::to_value(facts) {
        compare(given, &written, "", &mut names);
    }
    names
}

fn compare(given: &Value, written: &Value, path: &str, names: &mut Vec<String>) {
    match (given, written) {
        (Value::Object(given), Value::Object(written)) => {
            for (name, value) in given {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match written.get(name) {
                    Some(written) => compare(value, written, &path, names),
                    // Says nothing, and is not written where a field may be left out.
                    None if value.is_null() || value.as_array().is_some_and(Vec::is_empty) => {}
                    None => names.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(written)) => {
            for (index, (given, written)) in given.iter().zip(written).enumerate() {
                compare(given, written, &format!("{path}[{index}]"), names);
            }
        }
        _ => {}
    }
}
