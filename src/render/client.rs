//! What clients of a builder use.

use super::Error;
use super::builder::IMAGE;

/// The image with buildctl, git and ssh.
pub fn client_image() -> String {
    format!("{IMAGE}-rootless")
}

/// The BuildTemplate `buildkit`.
///
/// # Errors
/// None.
pub fn build_template() -> Result<String, Error> {
    Ok(include_str!("client/build-template.yaml").replace("@IMAGE@", &client_image()))
}
