//! A Build.

use super::container::{containers, env, volumes};
use super::head::head;
use super::source::sources;
use crate::build::fields::{Cursor, Fields};
use crate::build::model::{Argument, Build, TemplateKind, TemplateRef, Work};
use crate::build::near::did_you_mean;
use crate::build::time;
use crate::yaml::{Invalid, Spot};
use serde_json::Value;

const SPEC: [&str; 12] = [
    "source",
    "sources",
    "steps",
    "template",
    "serviceAccountName",
    "timeout",
    "nodeSelector",
    "affinity",
    "volumes",
    // Its field of that name has no JSON name in Go's source, so this is what it is called.
    "Status",
    "status",
    "generation",
];

/// How long a Build may take that does not say it.
const TIMEOUT: u64 = 600;

pub(super) fn build(object: &Cursor<'_>) -> Result<Build, Invalid> {
    let head = head(object, &["Build"])?;
    let spec = head.spec.fields(&SPEC)?;
    status(&spec)?;
    Ok(Build {
        name: head.name,
        namespace: head.namespace,
        labels: head.labels,
        annotations: head.annotations,
        sources: sources(&spec)?,
        work: work(&spec)?,
        service_account: spec.word("serviceAccountName")?,
        timeout: timeout(&spec)?,
        node_selector: spec.texts("nodeSelector")?,
        affinity: affinity(&spec)?,
        volumes: volumes(&spec)?,
    })
}

/// Its terms get one more requirement, so they must be terms.
fn affinity(spec: &Fields<'_>) -> Result<Option<Value>, Invalid> {
    let Some(affinity) = spec.get("affinity") else { return Ok(None) };
    if let Some(nodes) = affinity.object()?.get("nodeAffinity")
        && let Some(required) = nodes.object()?.get("requiredDuringSchedulingIgnoredDuringExecution")
    {
        for term in required.object()?.need("nodeSelectorTerms")?.list()? {
            term.object()?.list("matchExpressions")?;
        }
    }
    Ok(Some(affinity.json()))
}

/// The only status that a user sets.
fn status(spec: &Fields<'_>) -> Result<(), Invalid> {
    for name in ["Status", "status"] {
        if let Some(status) = spec.word(name)? {
            return Err(match status.value.as_str() {
                "BuildCancelled" => status.spot.invalid("the Build is cancelled: remove this field to run it"),
                other => {
                    status.spot.invalid(format!("expected BuildCancelled, but it is `{other}`{}", did_you_mean(other, ["BuildCancelled"])))
                }
            });
        }
    }
    Ok(())
}

fn timeout(spec: &Fields<'_>) -> Result<u64, Invalid> {
    let Some(cursor) = spec.get("timeout") else { return Ok(TIMEOUT) };
    let text = cursor.text()?;
    let seconds = time::seconds(&text.value).ok_or_else(|| text.spot.invalid("expected a time such as 90s, 10m or 1h30m"))?;
    match seconds {
        0 => Err(text.spot.invalid("a timeout of 0 ends the build before it starts")),
        1..=time::DAY => Ok(seconds),
        _ => Err(text.spot.invalid("a timeout is at most 24h")),
    }
}

fn work(spec: &Fields<'_>) -> Result<Work, Invalid> {
    let steps = spec.list("steps")?;
    match (steps.first(), spec.get("template")) {
        (Some(_), Some(template)) => {
            let spot = Spot { path: spec.spot.path.clone(), ..template.spot };
            Err(spot.invalid("`steps` and `template` exclude each other"))
        }
        (Some(_), None) => Ok(Work::Steps(containers(&steps)?)),
        (None, Some(template)) => Ok(Work::Template(template_ref(&template)?)),
        (None, None) => Err(spec.spot.invalid("a Build needs `steps` or `template`")),
    }
}

fn template_ref(cursor: &Cursor<'_>) -> Result<TemplateRef, Invalid> {
    let fields = cursor.fields(&["name", "kind", "arguments", "env"])?;
    let kind = match fields.word("kind")? {
        None => TemplateKind::BuildTemplate,
        Some(kind) => TemplateKind::ALL.into_iter().find(|known| known.id() == kind.value).ok_or_else(|| {
            let ids = TemplateKind::ALL.map(TemplateKind::id);
            kind.spot.invalid(format!("expected {}, but it is `{}`{}", ids.join(" or "), kind.value, did_you_mean(&kind.value, ids)))
        })?,
    };
    let argument = |cursor: &Cursor<'_>| {
        let fields = cursor.fields(&["name", "value"])?;
        let name = fields.need("name")?.word()?;
        Ok(Argument { name, value: fields.need("value")?.text()? })
    };
    let arguments = fields.list("arguments")?.iter().map(argument).collect::<Result<_, Invalid>>()?;
    Ok(TemplateRef { name: fields.need("name")?.word()?, kind, arguments, env: env(&fields, "env")? })
}
