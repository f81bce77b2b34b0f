//! A Node, as a row of the list.

/// The id of which a reason was made: `userns-max0` of `UsernsMax0`.
pub(super) fn kebab(reason: &str) -> String {
    let mut id = String::with_capacity(reason.len() + 4);
    for c in reason.chars() {
        if c.is_ascii_uppercase() && !id.is_empty() {
            id.push('-');
        }
        id.push(c.to_ascii_lowercase());
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::publish::reason_of;

    #[test]
    fn a_reason_is_read_back() {
        for cause in Cause::ALL {
            assert_eq!(kebab(&reason_of(*cause)), cause.id());
        }
    }
}
