//! Manifests as text: pure.
//!
//! `manifests/agent` is what [`agent`] gives by default, and `manifests/builder` what [`builder`] gives: the policy, the
//! account's name, the label prefix, the shapes of pods and the code have one source, and can't disagree.

mod agent;
mod builder;
mod error;
mod shape;
mod sub_ids;
mod template;

pub use agent::{AGENT_KUSTOMIZATION, AgentOptions, TUNE_OVERLAYS, Tune, agent, tune_overlay, userns_overlay};
pub use builder::{BUILDER_KUSTOMIZATION, Builder, BuilderOptions, ImageUser, builder, builder_pod};
pub use error::Error;
pub use sub_ids::{LEAST_POD_IDS, NoRange};

#[cfg(test)]
mod tests;
