//! Texts that are made to fit.

/// Beginning and end of something that may be long, for a message: the error stands at the end.
pub(crate) fn shorten(text: &str) -> String {
    const HEAD: usize = 40;
    const TAIL: usize = 120;
    let length = text.chars().count();
    if length <= HEAD + TAIL {
        return text.to_owned();
    }
    let tail = text.chars().skip(length - TAIL);
    text.chars().take(HEAD).chain("...".chars()).chain(tail).collect()
}
