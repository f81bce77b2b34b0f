//! A report from the field, as one line of the file.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What the adapter may see of a report, and what is asked.
#[derive(Deserialize)]
pub(crate) struct Report {
    pub(crate) id: String,
    pub(crate) distro: Option<String>,
    pub(crate) kernel: Option<String>,
    pub(crate) k8s_version: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) facts: Told,
    pub(crate) error: Option<String>,
    #[serde(rename = "use")]
    pub(crate) asked: Vec<Asked>,
    pub(crate) expect: Expected,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Asked {
    Diagnose,
    Verdict,
}

/// What came of it, for the comparison alone.
#[derive(Deserialize)]
pub(crate) struct Expected {
    outcome: String,
    pub(crate) causes: Vec<String>,
}

impl Expected {
    /// Whether it works as the facts describe it.
    pub(crate) fn works(&self) -> bool {
        self.outcome == "works" || self.causes.first().is_some_and(|tag| tag == "works")
    }
}

/// The facts of a report, by their keys. A key that is not there was not told.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Told(Map<String, Value>);

impl Told {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    pub(crate) fn is(&self, key: &str, text: &str) -> bool {
        self.text(key) == Some(text)
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.0.get(key)?.as_bool()
    }

    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key)?.as_u64()
    }

    /// A list of words; one word is a list of one.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<&str>> {
        match self.0.get(key)? {
            Value::Array(words) => Some(words.iter().filter_map(Value::as_str).collect()),
            value => value.as_str().map(|word| vec![word]),
        }
    }
}
