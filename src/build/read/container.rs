//! Containers, volumes and environment variables of Kubernetes. The API server judges what is not looked at here.

use crate::build::fields::{Cursor, Fields};
use crate::build::model::{Container, Volume};
use crate::yaml::Invalid;
use serde_json::Value;
use std::collections::BTreeMap;

/// A step or a custom source.
pub(super) fn container(cursor: &Cursor<'_>) -> Result<Container, Invalid> {
    let fields = cursor.object()?;
    let mut spots = BTreeMap::new();
    for name in ["name", "image", "workingDir"] {
        if let Some(text) = fields.text(name)? {
            spots.insert(name.to_owned(), text.spot);
        }
    }
    for name in ["command", "args"] {
        for (index, word) in fields.list(name)?.iter().enumerate() {
            spots.insert(format!("{name}[{index}]"), word.text()?.spot);
        }
    }
    env(&fields, "env")?;
    for (index, mount) in fields.list("volumeMounts")?.iter().enumerate() {
        let mount = mount.object()?;
        mount.need("name")?.word()?;
        mount.text("subPath")?;
        spots.insert(format!("volumeMounts[{index}].mountPath"), mount.need("mountPath")?.word()?.spot);
    }
    Ok(Container { value: without_nulls(cursor.json()), spot: cursor.spot.clone(), fields: spots })
}

/// Environment variables by their names.
pub(super) fn env(fields: &Fields<'_>, name: &str) -> Result<Vec<(String, Value)>, Invalid> {
    let one = |cursor: &Cursor<'_>| {
        let variable = cursor.object()?;
        variable.text("value")?;
        Ok((variable.need("name")?.word()?.value, cursor.json()))
    };
    fields.list(name)?.iter().map(one).collect()
}

/// The volumes of a Build or a template.
pub(super) fn volumes(spec: &Fields<'_>) -> Result<Vec<Volume>, Invalid> {
    let one = |cursor: &Cursor<'_>| {
        let fields = cursor.object()?;
        for (kind, name) in [("persistentVolumeClaim", "claimName"), ("configMap", "name"), ("secret", "secretName")] {
            if let Some(source) = fields.get(kind) {
                source.object()?.text(name)?;
            }
        }
        Ok(Volume { name: fields.need("name")?.word()?, value: cursor.json() })
    };
    spec.list("volumes")?.iter().map(one).collect()
}

/// All containers of a list.
pub(super) fn containers(list: &[Cursor<'_>]) -> Result<Vec<Container>, Invalid> {
    list.iter().map(container).collect()
}

/// In Kubernetes, a field that is null is a field that is not given.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, without_nulls(value))).collect()
        }
        other => other,
    }
}
