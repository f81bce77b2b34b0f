//! Texts in the forms that Kubernetes takes.

use crate::node::{MESSAGE_BYTES, is_obeyed};
use crate::text::shortened;

/// A message that a condition or an event takes: one line, and no longer than they may have it.
pub(super) fn message(text: impl Into<String>) -> String {
    let mut text = text.into();
    if text.contains(is_obeyed) {
        text = text.replace(is_obeyed, " ");
    }
    shortened(text, MESSAGE_BYTES)
}

/// Makes a label's value of a text: at most 63 letters, digits, `-`, `_` and `.`, the ends letters or digits
/// (k8s.io/apimachinery, IsValidLabelValue). Versions may hold `+` and `:`.
pub(super) fn as_value(text: &str) -> Option<String> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let cut: String = text.chars().map(safe).take(63).collect();
    let trimmed = cut.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Makes a reason of an id: `UsernsMax0` of `userns-max0`.
pub(super) fn camel_case(id: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    id.split('-').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;

    #[test]
    fn every_cause_is_a_reason_that_kubernetes_takes() {
        // The pattern of metav1.Condition.reason; 1,024 is its limit.
        for cause in Cause::ALL {
            let reason = camel_case(cause.id());
            assert!(reason.starts_with(|c: char| c.is_ascii_uppercase()) && reason.bytes().all(|b| b.is_ascii_alphanumeric()), "{reason}");
            assert!(reason.len() <= crate::node::REASON_BYTES, "{reason}");
        }
        assert_eq!(camel_case("userns-max0"), "UsernsMax0");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let text = message("é".repeat(1000));
        assert!(text.len() <= MESSAGE_BYTES && text.ends_with("é ..."));
        assert_eq!(message("short"), "short");
        assert_eq!(message("a\u{1b}[31m\n\u{202e}b\u{9b}c"), "a [31m  b c");
    }

    #[test]
    fn a_value_is_one_that_kubernetes_takes() {
        for (text, value) in [("24.04", Some("24.04")), ("2.1.4+x:y", Some("2.1.4-x-y")), ("_a_", Some("a")), ("", None), ("+", None)] {
            assert_eq!(as_value(text).as_deref(), value, "{text}");
        }
        let long = as_value(&"x.".repeat(60)).expect("a value");
        assert!(long.len() <= 63 && long.ends_with('x'));
    }
}
