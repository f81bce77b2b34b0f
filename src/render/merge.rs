//! A strategic merge patch, as far as our own patches need one.

use serde_json::Value;

/// What names the elements of a list, by the list's name; other lists are replaced as a whole.
fn key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "env" | "volumes" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        _ => None,
    }
}

/// Changes an object as the patch says.
pub(super) fn merge(object: &mut Value, patch: &Value) {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else { return };
    for (field, new) in patch {
        match (object.get_mut(field), key(field)) {
            (Some(Value::Array(old)), Some(key)) => {
                for element in new.as_array().into_iter().flatten() {
                    match old.iter_mut().find(|old| old[key] == element[key]) {
                        Some(old) => merge(old, element),
                        None => old.push(element.clone()),
                    }
                }
            }
            (Some(old @ Value::Object(_)), _) if new.is_object() => merge(old, new),
            _ => {
                object.insert(field.clone(), new.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_named_things_are_merged_and_others_replaced() {
        let mut object = json!({"containers": [{"name": "a", "args": ["x", "y"], "image": "i"}], "keep": 1, "deep": {"a": 1}});
        merge(&mut object, &json!({"containers": [{"name": "b"}, {"name": "a", "args": ["z"]}], "deep": {"b": 2}}));
        assert_eq!(
            object,
            json!({"containers": [{"name": "a", "args": ["z"], "image": "i"}, {"name": "b"}], "keep": 1, "deep": {"a": 1, "b": 2}})
        );
    }
}
