//! The image that is built from this project.

/// The agent's image where nobody names another. No registry has it: whoever builds it calls it as he likes.
pub(super) const AGENT_IMAGE: &str = concat!("buildkit-preflight:", env!("CARGO_PKG_VERSION"));
