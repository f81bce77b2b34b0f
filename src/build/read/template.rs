//! A BuildTemplate or ClusterBuildTemplate.

use super::container::{containers, volumes};
use super::head::head;
use crate::build::fields::Cursor;
use crate::build::model::{Parameter, Template, TemplateKind};
use crate::yaml::Invalid;

pub(super) fn template(object: &Cursor<'_>) -> Result<Template, Invalid> {
    let head = head(object, &TemplateKind::ALL.map(TemplateKind::id))?;
    let spec = head.spec.fields(&["parameters", "steps", "volumes", "generation"])?;
    let parameter = |cursor: &Cursor<'_>| {
        let fields = cursor.fields(&["name", "description", "default"])?;
        fields.text("description")?;
        let default = fields.text("default")?.map(|text| text.value);
        Ok(Parameter { name: fields.need("name")?.word()?, default })
    };
    let kind = TemplateKind::ALL.into_iter().find(|kind| kind.id() == head.kind.value);
    let steps = spec.list("steps")?;
    if steps.is_empty() {
        return Err(spec.spot.invalid("a template needs `steps`"));
    }
    Ok(Template {
        kind: kind.unwrap_or(TemplateKind::BuildTemplate),
        name: head.name,
        namespace: head.namespace,
        parameters: spec.list("parameters")?.iter().map(parameter).collect::<Result<_, Invalid>>()?,
        steps: containers(&steps)?,
        volumes: volumes(&spec)?,
    })
}
