//! Names that several places must agree on: the manifests, the admission policy, and the agents.

use crate::profile::Profile;

/// The prefix of our labels, unless `render agent --label-prefix` chose another.
pub const DEFAULT_PREFIX: &str = "buildkit-preflight.dev";

/// The longest message of a condition or an event, in bytes.
pub const MESSAGE_BYTES: usize = 1024;

/// The longest reason of a condition or an event, in bytes.
pub const REASON_BYTES: usize = 64;

/// What a terminal obeys rather than shows, beside control characters (Unicode's Cc): line separators, and what turns the direction
/// of a line. From the first to the last of each range. No message of a condition or an event has any.
pub const OBEYED: [(char, char); 3] = [('\u{200e}', '\u{200f}'), ('\u{2028}', '\u{202e}'), ('\u{2066}', '\u{2069}')];

/// Whether a message may not have this character.
pub fn is_obeyed(c: char) -> bool {
    c.is_control() || OBEYED.into_iter().any(|(first, last)| (first..=last).contains(&c))
}

/// Who tells events: `source.component`, and the beginning of their names.
pub const COMPONENT: &str = "buildkit-preflight";

/// The label `app.kubernetes.io/component` of the pods that prove a profile.
pub fn component(profile: Profile) -> String {
    if profile == Profile::NoProcessSandbox { "agent".into() } else { format!("canary-{profile}") }
}

/// The field manager of the agent that proves a profile (server-side apply).
pub fn manager(profile: Profile) -> String {
    format!("buildkit-preflight/{}", profile.id())
}
