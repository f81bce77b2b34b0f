//! Texts that many nodes share: each is kept once. Of 10,000 nodes most say the same.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text that costs nothing to copy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Default for Text {
    fn default() -> Self {
        Text(Arc::from(""))
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(Arc::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(Arc::from(text))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Cow::<str>::deserialize(deserializer)?.as_ref().into())
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// The texts of one list.
#[derive(Debug, Default)]
pub struct Words(HashSet<Text>);

impl Words {
    /// The text, which is kept once.
    pub fn of(&mut self, text: &str) -> Text {
        if let Some(kept) = self.0.get(text) {
            return kept.clone();
        }
        let kept = Text::from(text);
        self.0.insert(kept.clone());
        kept
    }

    /// The same of a text that may be none.
    pub fn of_some(&mut self, text: Option<&str>) -> Option<Text> {
        text.filter(|text| !text.is_empty()).map(|text| self.of(text))
    }
}

/// The id of which a reason was made: `userns-max0` of `UsernsMax0`.
pub(super) fn kebab(reason: &str) -> String {
    let mut id = String::with_capacity(reason.len() + 4);
    for c in reason.chars() {
        if c.is_ascii_uppercase() && !id.is_empty() {
            id.push('-');
        }
        id.push(c.to_ascii_lowercase());
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::publish::reason_of;

    #[test]
    fn a_reason_is_read_back() {
        for cause in Cause::ALL {
            assert_eq!(kebab(&reason_of(*cause)), cause.id());
        }
    }

    #[test]
    fn a_text_is_kept_once() {
        let mut words = Words::default();
        let (first, second) = (words.of("a"), words.of("a"));
        assert!(Arc::ptr_eq(&first.0, &second.0) && words.0.len() == 1);
        assert_eq!((words.of_some(None), words.of_some(Some(""))), (None, None));
        assert_eq!(serde_json::to_value(&first).expect("a text"), "a");
    }
}
