//! Names that several places must agree on: the manifests, the admission policy, and the agents.

use crate::profile::Profile;

/// The prefix of our labels, unless `render agent --label-prefix` chose another.
pub const DEFAULT_PREFIX: &str = "buildkit-preflight.dev";

/// How the admission policy refuses a label that is not ours: by this the agent knows that it was the policy.
pub const REFUSAL: &str = "the agent may write only its own labels";

/// The longest message of a condition, in bytes.
pub const MESSAGE_BYTES: usize = 1024;

/// The label `app.kubernetes.io/component` of the pods that prove a profile.
pub fn component(profile: Profile) -> String {
    if profile == Profile::NoProcessSandbox { "agent".into() } else { format!("canary-{profile}") }
}

/// The field manager of the agent that proves a profile (server-side apply).
pub fn manager(profile: Profile) -> String {
    format!("buildkit-preflight/{}", profile.id())
}
