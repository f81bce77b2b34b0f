//! Texts that are made to fit.

use std::fmt::Display;

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

/// The beginning of a text that may have so many bytes, the mark ` ...` among them. Cut between characters.
pub(crate) fn shortened(text: impl Into<String>, bytes: usize) -> String {
    const MARK: &str = " ...";
    let mut text = text.into();
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes.saturating_sub(MARK.len())));
        text += MARK;
    }
    text
}

/// The text of somebody else as one line of so many characters.
pub(crate) fn plain(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

/// So many of something: `1 node`, `2 nodes`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(shortened("é".repeat(5), 10), "é".repeat(5));
        assert_eq!(shortened("é".repeat(6), 11), "ééé ...");
        assert_eq!(shorten(&"é".repeat(160)), "é".repeat(160));
        assert_eq!(shorten(&"é".repeat(161)), format!("{}...{}", "é".repeat(40), "é".repeat(120)));
        assert_eq!([0_u64, 1, 2].map(|number| counted(number, "node")), ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!(plain("a\nb\u{1b}[31mé", 6), "ab[31m");
    }
}
