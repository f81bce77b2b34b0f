//! Texts that are made to fit, and texts of somebody else that are made harmless.

use std::borrow::Cow;
use std::fmt::Display;

/// So many characters has a line for a person at most.
const LONGEST_LINE: usize = 1_000;

/// Beginning and end of something that may be long, for a message: the error stands at the end.
pub(crate) fn shorten(text: &str) -> String {
    const HEAD: usize = 40;
    const TAIL: usize = 120;
    ends(text, HEAD, TAIL, "...").into_owned()
}

fn ends<'a>(text: &'a str, head: usize, tail: usize, mark: &str) -> Cow<'a, str> {
    // A character has at most four bytes.
    let short = text.len() <= head + tail || text.len() <= 4 * (head + tail) && text.chars().count() <= head + tail;
    if short {
        return text.into();
    }
    let end = text.char_indices().rev().nth(tail.saturating_sub(1)).map_or(0, |(at, _)| at);
    text.chars().take(head).chain(mark.chars()).chain(text[end..].chars()).collect::<String>().into()
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

/// The text of somebody else as one line of so many characters: one space stands where there were control characters or several spaces.
pub(crate) fn plain(text: &str, chars: usize) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(chars).collect()
}

/// So many of something: `1 node`, `2 nodes`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Whether a terminal does something with a character other than to show it: controls (C0, DEL, C1), ends of lines, and marks that
/// change the direction of what follows or have no width (Unicode's Bidi_Control and Default_Ignorable_Code_Point).
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text of anybody as one line for a person: what would act on the terminal is shown as an escape (`\n`, `\u{1b}`), and the
/// middle of what is too long is left out.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    const TAIL: usize = LONGEST_LINE / 4;
    const HEAD: usize = LONGEST_LINE - TAIL;
    let text = ends(text, HEAD, TAIL, " ... ");
    if !text.contains(acts) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    ends(&shown, HEAD, TAIL, " ... ").into_owned().into()
}

/// Whether nothing in a text of some lines acts on a terminal.
#[cfg(feature = "cli")]
pub(crate) fn is_harmless(text: &str) -> bool {
    !text.contains(|c| c != '\n' && acts(c))
}

/// JSON that stays what it is, and of which a terminal shows all: its own rules escape C0 alone.
pub(crate) fn json(text: String) -> String {
    let raw = |c: char| c != '\n' && acts(c);
    if !text.contains(raw) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if raw(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown += &format!("\\u{unit:04x}"));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A word for a shell, in quotes where it needs them.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    // Nothing quotes NUL, which no file name has.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(shortened("é".repeat(5), 10), "é".repeat(5));
        assert_eq!(shortened("é".repeat(6), 11), "ééé ...");
        assert_eq!(shorten(&"é".repeat(160)), "é".repeat(160));
        assert_eq!(shorten(&"é".repeat(161)), format!("{}...{}", "é".repeat(40), "é".repeat(120)));
        assert_eq!([0_u64, 1, 2].map(|number| counted(number, "node")), ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!(plain("a\n \nb\u{1b}[31mé\n", 7), "a b [31");
    }

    #[test]
    fn what_acts_on_a_terminal_is_shown() {
        assert_eq!(line("no route to host: 10.0.0.1 \\ 'é' \"日\""), "no route to host: 10.0.0.1 \\ 'é' \"日\"");
        assert_eq!(line("a\u{1b}]0;x\u{7}\nFORGED\r\t"), "a\\u{1b}]0;x\\u{7}\\nFORGED\\r\\t");
        assert_eq!(line("\u{9b}31m\u{202e}\u{2066}\u{200b}\u{7f}"), "\\u{9b}31m\\u{202e}\\u{2066}\\u{200b}\\u{7f}");
        let long = format!("could not open {}: no such file", "x".repeat(1 << 20));
        assert!(line(&long).starts_with("could not open xx") && line(&long).ends_with("xx: no such file"));
        assert_eq!(line(&long).chars().count(), LONGEST_LINE + 5);
    }

    #[test]
    fn a_word_is_one_word_to_a_shell() {
        assert_eq!(quoted("/etc/sysctl.d/99-a.conf"), "/etc/sysctl.d/99-a.conf");
        assert_eq!(quoted("/etc/a b;reboot"), "'/etc/a b;reboot'");
        assert_eq!(shlex::split(&quoted("it's $(x) `y`\n")), Some(vec!["it's $(x) `y`\n".to_owned()]));
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_that_does_nothing_and_is_bounded(text in "\\PC*|(?s).*|[\u{0}-\u{a0}\u{2000}-\u{2070}]{0,3000}") {
            let shown = line(&text);
            prop_assert!(!shown.contains(acts) && shown.chars().count() <= LONGEST_LINE + 5);
        }

        #[test]
        fn json_means_what_it_meant(text in "(?s).*|[\u{0}-\u{a0}\u{2000}-\u{2070}\u{e0000}-\u{e0080}]{0,99}") {
            let shown = json(serde_json::json!({ "a": text }).to_string());
            prop_assert!(!shown.contains(acts));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), serde_json::json!({ "a": text }));
        }
    }
}
