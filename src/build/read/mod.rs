//! YAML and objects of the cluster into a Build or a template.

mod build;
mod container;
mod head;
mod source;
mod template;

use crate::build::fields::Cursor;
use crate::build::model::{Build, Template};
use crate::build::validate;
use crate::yaml;
use crate::yaml::{Invalid, Node};
use serde_json::Value;

/// Reads a Build and checks it. `file` is what the text is called in messages.
///
/// # Errors
/// It is not YAML, not one document, not a Build, or a value or a field makes no sense.
pub fn read_build(file: &str, text: &str) -> Result<Build, Invalid> {
    let node = document(file, text)?;
    let build = build::build(&Cursor::new(file, &node))?;
    validate::build(&build)?;
    Ok(build)
}

/// The same for a BuildTemplate or ClusterBuildTemplate.
///
/// # Errors
/// As of a Build.
pub fn read_template(file: &str, text: &str) -> Result<Template, Invalid> {
    template(file, &document(file, text)?)
}

/// The one object of a file. What has a hint is a second one.
fn document(file: &str, text: &str) -> Result<Node, Invalid> {
    let of_template = |hint: String| format!("{hint}; `--template FILE` takes the template");
    yaml::document(file, text).map_err(|invalid| Invalid { hint: invalid.hint.map(of_template), ..invalid })
}

/// A template of the cluster; `name` is what it is called in messages.
///
/// # Errors
/// As of a Build.
pub fn template_of(name: &str, object: &Value) -> Result<Template, Invalid> {
    template(name, &Node::from(object))
}

fn template(file: &str, node: &Node) -> Result<Template, Invalid> {
    let template = template::template(&Cursor::new(file, node))?;
    validate::template(&template)?;
    Ok(template)
}
