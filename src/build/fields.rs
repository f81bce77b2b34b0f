//! Values taken out of YAML with their types. Each error names its place and its field.

use super::near::did_you_mean;
use crate::yaml::{Given, Invalid, Node, Place, Spot, Tree};
use serde_json::Value;
use std::collections::BTreeMap;

/// A value on its way into a type.
pub(super) struct Cursor<'a> {
    node: &'a Node,
    pub(super) spot: Spot,
}

/// The fields of an object.
pub(super) struct Fields<'a> {
    entries: &'a [(String, Option<Place>, Node)],
    pub(super) spot: Spot,
}

impl<'a> Cursor<'a> {
    /// The whole of a file, or an object of the cluster.
    pub(super) fn new(file: &str, node: &'a Node) -> Self {
        Cursor { node, spot: Spot { file: file.into(), place: node.place, path: String::new() } }
    }

    fn is_not(&self, wanted: &str) -> Invalid {
        let (kind, quotes) = match &self.node.tree {
            Tree::Null => ("empty", false),
            Tree::Bool(_) => ("a boolean", true),
            Tree::Number(_) => ("a number", true),
            Tree::Text(_) => ("a text", false),
            Tree::List(_) => ("a list", false),
            Tree::Map(_) => ("an object", false),
        };
        let hint = if quotes && wanted == "a text" { ": put it in quotes" } else { "" };
        self.spot.invalid(format!("expected {wanted}, but it is {kind}{hint}"))
    }

    /// A text that is not empty.
    pub(super) fn word(&self) -> Result<Given<String>, Invalid> {
        let given = self.text()?;
        if given.value.is_empty() { Err(self.spot.invalid("it is empty")) } else { Ok(given) }
    }

    pub(super) fn text(&self) -> Result<Given<String>, Invalid> {
        match &self.node.tree {
            Tree::Text(text) => Ok(Given { value: text.clone(), spot: self.spot.clone() }),
            _ => Err(self.is_not("a text")),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Cursor<'a>>, Invalid> {
        let Tree::List(values) = &self.node.tree else { return Err(self.is_not("a list")) };
        let one = |(index, node): (usize, &'a Node)| {
            let path = format!("{}[{index}]", self.spot.path);
            Cursor { node, spot: Spot { place: node.place, path, file: self.spot.file.clone() } }
        };
        Ok(values.iter().enumerate().map(one).collect())
    }

    /// The fields of an object, whatever they are.
    pub(super) fn object(&self) -> Result<Fields<'a>, Invalid> {
        match &self.node.tree {
            Tree::Map(entries) => Ok(Fields { entries, spot: self.spot.clone() }),
            _ => Err(self.is_not("an object")),
        }
    }

    /// The fields of an object that has no others than these.
    pub(super) fn fields(&self, known: &[&str]) -> Result<Fields<'a>, Invalid> {
        let fields = self.object()?;
        match fields.entries.iter().find(|(key, ..)| !known.contains(&key.as_str())) {
            None => Ok(fields),
            Some((key, place, _)) => {
                let spot = Spot { place: *place, ..self.spot.clone() };
                Err(spot.invalid(format!("unknown field `{key}`{}", did_you_mean(key, known.iter().copied()))))
            }
        }
    }

    /// An object of texts.
    pub(super) fn texts(&self) -> Result<BTreeMap<String, String>, Invalid> {
        let fields = self.object()?;
        let one = |(key, _, node): &'a (String, Option<Place>, Node)| Ok((key.clone(), fields.cursor(key, node).text()?.value));
        fields.entries.iter().map(one).collect()
    }

    pub(super) fn json(&self) -> Value {
        self.node.json()
    }
}

impl<'a> Fields<'a> {
    fn cursor(&self, name: &str, node: &'a Node) -> Cursor<'a> {
        let path = if self.spot.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.spot.path) };
        Cursor { node, spot: Spot { place: node.place, path, file: self.spot.file.clone() } }
    }

    /// A field that has a value.
    pub(super) fn get(&self, name: &str) -> Option<Cursor<'a>> {
        let (_, _, node) = self.entries.iter().find(|(key, ..)| key == name)?;
        (node.tree != Tree::Null).then(|| self.cursor(name, node))
    }

    /// A field that must have a value.
    pub(super) fn need(&self, name: &str) -> Result<Cursor<'a>, Invalid> {
        self.get(name).ok_or_else(|| self.spot.invalid(format!("the field `{name}` is missing")))
    }

    /// A field as a text.
    pub(super) fn text(&self, name: &str) -> Result<Option<Given<String>>, Invalid> {
        self.get(name).map(|cursor| cursor.text()).transpose()
    }

    /// A field as a text that is not empty; one that is empty is not given, as in Go.
    pub(super) fn word(&self, name: &str) -> Result<Option<Given<String>>, Invalid> {
        Ok(self.text(name)?.filter(|text| !text.value.is_empty()))
    }

    /// The values of a list, none where there is no list.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Cursor<'a>>, Invalid> {
        self.get(name).map_or_else(|| Ok(Vec::new()), |cursor| cursor.list())
    }

    /// An object of texts, empty where there is none.
    pub(super) fn texts(&self, name: &str) -> Result<BTreeMap<String, String>, Invalid> {
        self.get(name).map_or_else(|| Ok(BTreeMap::new()), |cursor| cursor.texts())
    }
}
