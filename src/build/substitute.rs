//! Placeholders of templates, `${NAME}`: textual, and only in the places that Knative has them in.

use super::model::{Container, Template, Volume};
use serde_json::Value;
use std::collections::BTreeMap;

/// Values by the names of parameters.
pub(super) type Values = BTreeMap<String, String>;

/// Whether a text uses a parameter.
pub(super) fn uses(text: &str, name: &str) -> bool {
    text.contains(&format!("${{{name}}}"))
}

/// Shows a text in pieces, with its placeholders filled in. A value is never looked at for more placeholders; a name that has no
/// value stays.
fn pieces<'a>(text: &'a str, values: &'a Values, see: &mut dyn FnMut(&'a str)) {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, placeholder) = rest.split_at(start);
        see(before);
        let name = placeholder[2..].split_once('}').map(|(name, _)| name);
        match name.and_then(|name| values.get(name).map(|value| (name, value))) {
            Some((name, value)) => {
                see(value);
                rest = &placeholder[name.len() + 3..];
            }
            None => {
                see("${");
                rest = &placeholder[2..];
            }
        }
    }
    see(rest);
}

/// A text with its placeholders filled in.
pub(super) fn fill(text: &str, values: &Values) -> String {
    let mut filled = String::with_capacity(text.len());
    pieces(text, values, &mut |piece| filled += piece);
    filled
}

/// How many bytes the texts of a template have when they are filled in, and each step has this environment too.
pub(super) fn size(template: &Template, env: &[(String, Value)], values: &Values) -> usize {
    let of = |text: &str| {
        let mut size = 0_usize;
        pieces(text, values, &mut |piece| size = size.saturating_add(piece.len()));
        size
    };
    let variables = env.iter().filter_map(|(_, variable)| variable.get("value").and_then(Value::as_str)).map(of);
    let mut size = variables.fold(0, usize::saturating_add).saturating_mul(template.steps.len());
    in_template(template, &mut |text| size = size.saturating_add(of(text)));
    size
}

/// Shows all texts of a template in which placeholders count.
pub(super) fn in_template(template: &Template, see: &mut dyn FnMut(&mut String)) {
    template.steps.iter().for_each(|step| in_step(&mut step.value.clone(), see));
    template.volumes.iter().for_each(|volume| in_volume(&mut volume.value.clone(), see));
}

/// Shows all texts of a step in which placeholders count.
fn in_step(step: &mut Value, see: &mut dyn FnMut(&mut String)) {
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
fn in_volume(volume: &mut Value, see: &mut dyn FnMut(&mut String)) {
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
        [("A", "1"), ("B", "${A}"), ("C", ""), ("E", " x ")].map(|(name, value)| (name.into(), value.into())).into()
    }

    #[test]
    fn a_value_stands_as_it_is() {
        for (text, filled) in [
            ("${A}", "1"),
            ("x${A}y${A}", "x1y1"),
            ("${B}", "${A}"),
            ("${C}", ""),
            ("[${E}]", "[ x ]"),
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
