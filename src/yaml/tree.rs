//! Values that know where they are.

use super::Place;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::Spanned;
use std::fmt;

/// A value and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Option<Place>,
    pub(crate) tree: Tree,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// Keys with their places.
    Map(Vec<(String, Option<Place>, Node)>),
}

fn place(location: serde_saphyr::Location) -> Option<Place> {
    (location.line() > 0).then(|| Place { line: location.line(), column: location.column() })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tree>::deserialize(deserializer)?;
        Ok(Node { place: place(spanned.referenced), tree: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        // A whole number is an integer in JSON, as Kubernetes wants it, however it was written.
        let whole = value.to_string().parse::<i64>().ok().map(Number::from);
        whole.or_else(|| Number::from_f64(value)).map(Tree::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            map.push((key.value, place(key.referenced), entries.next_value()?));
        }
        Ok(Tree::Map(map))
    }
}
impl From<&Value> for Node {
    /// A value of the cluster, which has no place.
    fn from(value: &Value) -> Self {
        let tree = match value {
            Value::Null => Tree::Null,
            Value::Bool(value) => Tree::Bool(*value),
            Value::Number(number) => Tree::Number(number.clone()),
            Value::String(text) => Tree::Text(text.clone()),
            Value::Array(values) => Tree::List(values.iter().map(Node::from).collect()),
            Value::Object(fields) => Tree::Map(fields.iter().map(|(key, value)| (key.clone(), None, Node::from(value))).collect()),
        };
        Node { place: None, tree }
    }
}

impl Node {
    /// The value alone.
    pub(crate) fn json(&self) -> Value {
        match &self.tree {
            Tree::Null => Value::Null,
            Tree::Bool(value) => Value::Bool(*value),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => Value::String(text.clone()),
            Tree::List(values) => values.iter().map(Node::json).collect(),
            Tree::Map(fields) => fields.iter().map(|(key, _, value)| (key.clone(), value.json())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_know_where_they_are_and_stay_what_they_are() {
        let node: Node = serde_saphyr::from_str("a: &x\n  - b: 1\nc: *x\nd: 'yes'\ne: yes\nf:\n").expect("YAML");
        let Tree::Map(fields) = &node.tree else { panic!("a map") };
        let places: Vec<_> =
            fields.iter().map(|(_, key, value)| (key.expect("of the key").line, value.place.expect("of the value"))).collect();
        assert_eq!(places[1], (3, Place { line: 3, column: 4 }));
        assert_eq!(places[2], (4, Place { line: 4, column: 4 }));
        let plain = json!({"a": [{"b": 1}], "c": [{"b": 1}], "d": "yes", "e": true, "f": null});
        assert_eq!(node.json(), plain);
        assert_eq!(Node::from(&plain).json(), plain);
    }
}
