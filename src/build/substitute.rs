//! Placeholders of templates, `${NAME}`: textual, and only in the places that Knative has them in.

use super::model::{Container, Volume};
use serde_json::Value;
use std::collections::BTreeMap;

/// Values by the names of parameters.
pub(super) type Values = BTreeMap<String, String>;

/// Whether a text uses a parameter.
pub(super) fn uses(text: &str, name: &str) -> bool {
    text.contains(&format!("${{{name}}}"))
}

/// A text with its placeholders filled in. A value is never looked at for more placeholders; a name that has no value stays.
pub(super) fn fill(text: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, placeholder) = rest.split_at(start);
        filled += before;
        let name = placeholder[2..].split_once('}').map(|(name, _)| name);
        match name.and_then(|name| values.get(name).map(|value| (name, value))) {
            Some((name, value)) => {
                filled += value;
                rest = &placeholder[name.len() + 3..];
            }
            None => {
                filled += "${";
                rest = &placeholder[2..];
            }
        }
    }
    filled + rest
}

/// Shows all texts of a step in which placeholders count.
pub(super) fn in_step(step: &mut Value, see: &mut dyn FnMut(&mut String)) {
    for name in ["name", "image", "workingDir"] {
        field(step, name, see);
    }
    for name in ["command", "args"] {
        each(step, name, &mut |word| text(word, see));
    }
    each(step, "env", &mut |variable| field(variable, "value", see));
    each(step, "volumeMounts", &mut |mount| ["name", "mountPath", "subPath"].iter().for_each(|name| field(mount, name, see)));
}

/// The same for a volume.
pub(super) fn in_volume(volume: &mut Value, see: &mut dyn FnMut(&mut String)) {
    field(volume, "name", see);
    for (kind, name) in [("persistentVolumeClaim", "claimName"), ("configMap", "name"), ("secret", "secretName")] {
        if let Some(source) = volume.get_mut(kind) {
            field(source, name, see);
        }
    }
}

fn text(value: &mut Value, see: &mut dyn FnMut(&mut String)) {
    if let Value::String(text) = value {
        see(text);
    }
}

fn field(value: &mut Value, name: &str, see: &mut dyn FnMut(&mut String)) {
    if let Some(value) = value.get_mut(name) {
        text(value, see);
    }
}

fn each(value: &mut Value, name: &str, see: &mut dyn FnMut(&mut Value)) {
    value.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().for_each(see);
}

/// A step filled in.
pub(super) fn step(step: &Container, values: &Values) -> Container {
    let mut step = step.clone();
    in_step(&mut step.value, &mut |text| *text = fill(text, values));
    step
}

/// A volume filled in.
pub(super) fn volume(volume: &Volume, values: &Values) -> Volume {
    let mut volume = volume.clone();
    in_volume(&mut volume.value, &mut |text| *text = fill(text, values));
    volume.name.value = fill(&volume.name.value, values);
    volume
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn values() -> Values {
        [("A", "1"), ("B", "${A}"), ("C", "")].map(|(name, value)| (name.into(), value.into())).into()
    }

    #[test]
    fn a_value_stands_as_it_is() {
        for (text, filled) in [
            ("${A}", "1"),
            ("x${A}y${A}", "x1y1"),
            ("${B}", "${A}"),
            ("${C}", ""),
            ("${D}", "${D}"),
            ("$A $${A} ${A", "$A $1 ${A"),
            ("${ A} ${a}", "${ A} ${a}"),
            ("${${A}}", "${1}"),
            ("", ""),
        ] {
            assert_eq!(fill(text, &values()), filled, "{text}");
        }
    }

    #[test]
    fn only_the_listed_places_are_filled_in() {
        let all = |text: &str| {
            json!({
                "name": text, "image": text, "workingDir": text, "command": [text, text], "args": [text],
                "env": [{"name": "${A}", "value": text, "valueFrom": {"secretKeyRef": {"name": "${A}"}}}],
                "volumeMounts": [{"name": text, "mountPath": text, "subPath": text, "mountPropagation": "${A}"}],
                "resources": {"limits": {"cpu": "${A}"}}, "imagePullPolicy": "${A}", "${A}": "${A}",
            })
        };
        let mut step = all("${A}");
        in_step(&mut step, &mut |text| *text = fill(text, &values()));
        assert_eq!(step, all("1"));
        let all = |text: &str| {
            json!([
                {"name": text, "persistentVolumeClaim": {"claimName": text, "readOnly": true}},
                {"name": text, "configMap": {"name": text, "items": [{"key": "${A}", "path": "${A}"}]}},
                {"name": text, "secret": {"secretName": text, "optional": true}},
                {"name": text, "hostPath": {"path": "${A}"}},
            ])
        };
        let mut volumes = all("${A}");
        volumes.as_array_mut().expect("a list").iter_mut().for_each(|volume| in_volume(volume, &mut |text| *text = fill(text, &values())));
        assert_eq!(volumes, all("1"));
    }

    proptest! {
        #[test]
        fn what_has_no_placeholder_stays(text in "\\PC*|[${}A-C]{0,40}") {
            prop_assert_eq!(fill(&text, &Values::new()), text.clone());
            let _ = fill(&text, &values());
        }
    }
}
