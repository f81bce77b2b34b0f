//! Names as Kubernetes takes them.

use crate::build::model::Container;
use crate::yaml::{Given, Invalid};

/// The longest label, in bytes (RFC 1123).
pub(in crate::build) const LONGEST: usize = 63;

/// What stands before the name of a step or a source in the name of its container.
pub(in crate::build) const PREFIX: &str = "build-step-";

/// Whether a text is a label of DNS.
fn is_label(text: &str) -> bool {
    let known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(known) && !text.starts_with('-') && !text.ends_with('-')
}

/// The name of a Build, a template or a namespace.
pub(super) fn object(name: &Given<String>) -> Result<(), Invalid> {
    if is_label(&name.value) {
        return Ok(());
    }
    Err(name.spot.invalid(format!("`{}` is not a name: at most {LONGEST} lower case letters, digits and `-`", name.value)))
}

/// The name of a step: it becomes a container's.
pub(super) fn step(step: &Container) -> Result<(), Invalid> {
    match step.text("name").filter(|name| !name.is_empty()) {
        Some(name) if !is_label(&format!("{PREFIX}{name}")) => {
            let most = LONGEST - PREFIX.len();
            Err(step.spot_of("name").invalid(format!("`{name}` is not a step's name: at most {most} lower case letters, digits and `-`")))
        }
        _ => Ok(()),
    }
}

/// The name of a source: it becomes a container's too.
pub(super) fn source(name: &Given<String>) -> Result<(), Invalid> {
    let prefix = format!("{PREFIX}git-source-");
    if is_label(&format!("{prefix}{}", name.value)) {
        return Ok(());
    }
    let most = LONGEST - prefix.len();
    Err(name.spot.invalid(format!("`{}` is not a source's name: at most {most} lower case letters, digits and `-`", name.value)))
}
