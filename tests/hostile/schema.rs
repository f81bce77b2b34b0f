//! Whether a JSON value fits a schema, of which those words are known that `schema/` uses.

use serde_json::Value;
use std::path::Path;

pub(crate) struct Schema(Value);

impl Schema {
    /// One of `schema/`.
    pub(crate) fn read(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file);
        Schema(serde_json::from_slice(&std::fs::read(path).expect("a schema")).expect("JSON"))
    }

    /// Why a value does not fit.
    pub(crate) fn misfit(&self, value: &Value) -> Option<String> {
        self.at(&self.0, value, "")
    }

    fn at(&self, schema: &Value, value: &Value, path: &str) -> Option<String> {
        let no = |why: &str| Some(format!("{}: {why}", if path.is_empty() { "." } else { path }));
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.0.pointer(reference.trim_start_matches('#')).expect("a definition");
            if let Some(why) = self.at(target, value, path) {
                return Some(why);
            }
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[word].as_array()
                && !choices.iter().any(|choice| self.at(choice, value, path).is_none())
            {
                return no("fits no choice");
            }
        }
        if !schema["const"].is_null() && schema["const"] != *value {
            return no("another constant");
        }
        if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
            return no("another word");
        }
        let of_type = |name: &Value| match name.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_u64() || value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => value.is_null(),
        };
        match &schema["type"] {
            Value::Null => {}
            Value::Array(types) if types.iter().any(of_type) => {}
            one if of_type(one) => {}
            other => return no(&format!("no {other}")),
        }
        if let Some(missing) =
            schema["required"].as_array().into_iter().flatten().find(|name| value.get(name.as_str().unwrap_or_default()).is_none())
        {
            return no(&format!("lacks {missing}"));
        }
        let properties = schema["properties"].as_object().into_iter().flatten();
        let inner = properties.filter_map(|(name, schema)| Some((name.clone(), schema, value.get(name)?)));
        let items = value.as_array().filter(|_| !schema["items"].is_null()).into_iter().flatten().enumerate();
        let inner = inner.chain(items.map(|(index, item)| (index.to_string(), &schema["items"], item)));
        inner.into_iter().find_map(|(name, schema, value)| self.at(schema, value, &format!("{path}/{name}")))
    }
}
