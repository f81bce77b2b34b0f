use crate::text::counted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What lies over /proc. A fresh proc can be mounted in a user namespace only where a
/// complete one is visible (mount_too_revealing in fs/namespace.c).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcFs {
    /// Mount points below /proc that hide something: a container runtime's masks and read-only binds.
    pub masks: Vec<String>,
    /// Whether some other mount shows a complete proc, which is enough for the kernel.
    pub complete_elsewhere: bool,
}

impl ProcFs {
    /// How many masks there are, with the first of them, for people.
    pub fn describe(&self) -> String {
        let first = self.masks.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if self.masks.len() > 3 { ", ..." } else { "" };
        let hide = if self.masks.len() == 1 { "hides" } else { "hide" };
        format!("{} {hide} parts of /proc ({first}{more})", counted(self.masks.len(), "mount"))
    }
}
