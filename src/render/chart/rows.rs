//! The values of a chart: one row is all that is known of one. `values.yaml`, its schema and the README's table are made of them.

use serde_json::{Map, Value, json};

/// A value that a user of a chart may set.
pub(super) struct Row {
    /// Its name, as `--set` takes it.
    pub(super) path: &'static str,
    /// What it is unless it is set, as JSON.
    pub(super) default: &'static str,
    /// What it may be.
    pub(super) kind: Kind,
    /// What it changes.
    pub(super) about: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bool,
    /// Any text.
    Text,
    /// A text that matches.
    Like(&'static str),
    /// Nothing, or a text that matches.
    Maybe(&'static str),
    /// One of some texts.
    OneOf(&'static [&'static str]),
    /// Nothing, or one of some.
    MaybeOneOf(fn() -> Vec<&'static str>),
    /// Some of them.
    SomeOf(fn() -> Vec<&'static str>),
    Integer(u64, u64),
    /// An integer, or nothing.
    MaybeInteger(u64, u64),
    /// A number of pods, or a share of them.
    MaybePods,
    /// Texts by texts: labels, annotations.
    Map,
    /// An object of Kubernetes, whose fields the API server knows.
    Object,
    /// A list of such objects.
    Objects,
    /// A list of texts.
    Texts,
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Text => json!({"type": "string"}),
            Kind::Like(pattern) => json!({"type": "string", "pattern": pattern}),
            Kind::Maybe(pattern) => json!({"type": "string", "pattern": format!("^$|{pattern}")}),
            Kind::OneOf(texts) => json!({"enum": texts}),
            Kind::MaybeOneOf(texts) => {
                let texts: Vec<_> = std::iter::once("").chain(texts()).collect();
                json!({"enum": texts})
            }
            Kind::SomeOf(texts) => json!({"type": "array", "uniqueItems": true, "items": {"enum": texts()}}),
            Kind::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::MaybeInteger(least, most) => json!({"type": ["integer", "null"], "minimum": least, "maximum": most}),
            Kind::MaybePods => json!({"type": ["integer", "string", "null"], "minimum": 0, "pattern": "^[0-9]+%$"}),
            Kind::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
            Kind::Object => json!({"type": "object"}),
            Kind::Objects => json!({"type": "array", "items": {"type": "object"}}),
            Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
        }
    }
}

/// A row, and its default with all words filled in.
type Filled<'a> = (&'a Row, String);

/// `values.yaml`.
pub(super) fn values(rows: &[Filled<'_>]) -> String {
    let mut text = String::new();
    let mut above: Vec<&str> = Vec::new();
    for (row, default) in rows {
        let parts: Vec<_> = row.path.split('.').collect();
        let (own, groups) = parts.split_last().expect("a name");
        let common = above.iter().zip(groups).take_while(|(before, now)| before == now).count();
        for (depth, group) in groups.iter().enumerate().skip(common) {
            text += &format!("{}{group}:\n", "  ".repeat(depth));
        }
        let indent = "  ".repeat(groups.len());
        text += &format!("{indent}# {}\n{indent}{own}: {default}\n", row.about);
        above = groups.to_vec();
    }
    text
}

/// `values.schema.json`: a name that nobody knows is refused, since it would be a typing error without effect.
pub(super) fn schema(rows: &[Filled<'_>], title: &str) -> String {
    let group = |fields: Map<String, Value>| json!({"type": "object", "additionalProperties": false, "properties": fields});
    let mut root = group(Map::new());
    for (row, default) in rows {
        let parts: Vec<_> = row.path.split('.').collect();
        let (own, groups) = parts.split_last().expect("a name");
        let mut at = &mut root;
        for name in groups {
            let fields = at["properties"].as_object_mut().expect("fields");
            at = fields.entry(*name).or_insert_with(|| group(Map::new()));
        }
        let mut schema = row.kind.schema();
        schema["description"] = row.about.into();
        schema["default"] = serde_json::from_str(default).expect("a default is JSON");
        at["properties"][own] = schema;
    }
    // Helm gives it to each chart that is a part of another.
    root["properties"]["global"] = json!({"type": "object"});
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = title.into();
    serde_json::to_string_pretty(&root).expect("JSON") + "\n"
}

/// The table of the README.
pub(super) fn table(rows: &[Filled<'_>]) -> String {
    let row = |(row, default): &Filled<'_>| format!("| `{}` | `{default}` | {} |\n", row.path, row.about.replace('|', "\\|"));
    "| value | default | what it changes |\n|---|---|---|\n".to_owned() + &rows.iter().map(row).collect::<String>()
}
