//! What the messages of newuidmap and newgidmap say beside an error.

use crate::fact::{HELPERS, NO_USER_NAME, StepResult};

/// Whether these are a helper's words, and not the kernel's: Ubuntu's restriction does not stop newuidmap.
pub(super) fn is_helpers_own(step: &StepResult) -> bool {
    step.detail.as_ref().is_some_and(|words| HELPERS.iter().any(|name| words.contains(name)))
}

/// Whether newuidmap does not know whom it works for.
pub(super) fn says_no_user(step: &StepResult) -> bool {
    step.detail.as_ref().is_some_and(|words| words.contains(NO_USER_NAME))
}
