//! What somebody may have meant.

/// No name is longer; a distance costs memory for each pair of letters.
const LONGEST: usize = 64;

/// The one of these names that is nearest to what was written, if it is near.
pub(crate) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    // One letter in three, so that `git` is not taken for `gcs`.
    let most = (written.chars().count() / 3).max(1);
    let lower = written.to_lowercase();
    let distance = |name: &&str| strsim::damerau_levenshtein(&lower, &name.to_lowercase());
    names.into_iter().map(|name| (distance(&name), name)).filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// The same as the end of a message.
pub(super) fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, names).map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_named() {
        let names = ["source", "sources", "IMAGE", "git", "gcs"];
        for (written, found) in [
            ("IMAG", Some("IMAGE")),
            ("image", Some("IMAGE")),
            ("soruce", Some("source")),
            ("gitt", Some("git")),
            ("url", None),
            ("", None),
            ("entirely", None),
        ] {
            assert_eq!(nearest(written, names), found, "{written}");
        }
        assert_eq!(did_you_mean("IMAG", names), " (did you mean IMAGE?)");
        assert_eq!(did_you_mean("x", names), "");
    }
}
