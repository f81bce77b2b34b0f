//! Parts of a page.

use crate::cause::Cause;
use std::fmt::Write;

/// The head of a page: title, where the page comes from, and what it is about.
pub(crate) fn head(title: &str, from: &str, about: &str) -> String {
    format!("# {title}\n\n<!-- Generated from {from} by `make docs`: change it there. -->\n\n{about}\n")
}

/// A table. What would end a cell is escaped.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String; N]| format!("| {} |\n", cells.each_ref().map(|cell| cell.replace('|', "\\|")).join(" | "));
    let mut out = format!("\n{}|{}\n", line(&head.map(str::to_owned)), "---|".repeat(N));
    for row in rows {
        let _ = out.write_str(&line(&row));
    }
    out
}

/// A word as code.
pub(crate) fn code(word: impl std::fmt::Display) -> String {
    format!("`{word}`")
}

/// A cause, with a link to its text.
pub(super) fn link(cause: Cause) -> String {
    format!("[`{cause}`](causes.md#{cause})")
}

/// Words in a row, or a dash where there are none.
pub(super) fn list(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    if words.is_empty() { "-".into() } else { words.join(", ") }
}

pub(super) fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_in_its_table() {
        assert_eq!(table(["a", "b"], [["on|off".into(), code("x")]]), "\n| a | b |\n|---|---|\n| on\\|off | `x` |\n");
        assert_eq!((list([]), list(["a".into(), "b".into()])), ("-".into(), "a, b".into()));
    }
}
