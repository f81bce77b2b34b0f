//! YAML and objects of the cluster into a Build or a template.

use super::model::{Build, Template};
use super::place::Invalid;
use serde_json::Value;

/// A file may have so many bytes.
pub const LARGEST: usize = 1 << 20;

/// Reads a Build. `file` is what the text is called in messages.
///
/// # Errors
/// It is not YAML, not one document, not a Build, or a value or a field makes no sense.
pub fn read_build(file: &str, text: &str) -> Result<Build, Invalid> {
    todo!()
}

/// The same for a BuildTemplate or ClusterBuildTemplate.
///
/// # Errors
/// As of a Build.
pub fn read_template(file: &str, text: &str) -> Result<Template, Invalid> {
    todo!()
}

/// A template of the cluster; `name` is what it is called in messages.
///
/// # Errors
/// As of a Build.
pub fn template_of(name: &str, object: &Value) -> Result<Template, Invalid> {
    todo!()
}
