//! The reference pages of docs/reference, as Markdown: each is made from the tables that the program itself goes by.
//!
//! `make docs` writes these pages, and a test holds the files to them.

mod causes;
mod checks;
mod facts;
mod node;
mod profiles;

use crate::cause::Cause;
use std::fmt::Write;

/// A page: the name of its file without `.md`, and its text.
pub type Page = (&'static str, String);

/// The pages that this room and those below it have tables for.
pub fn pages() -> Vec<Page> {
    vec![
        ("causes", causes::page()),
        ("checks", checks::page()),
        ("conditions", node::conditions()),
        ("labels", node::labels()),
        ("profiles", profiles::page()),
        ("sources", facts::sources()),
        ("sysctls", facts::sysctls()),
    ]
}

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
fn link(cause: Cause) -> String {
    format!("[`{cause}`](causes.md#{cause})")
}

/// Words in a row, or a dash where there are none.
fn list(words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    if words.is_empty() { "-".into() } else { words.join(", ") }
}

fn yes(is: bool) -> String {
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

    #[test]
    fn each_page_has_a_name_of_its_own_and_says_where_it_comes_from() {
        let pages = pages();
        let names: std::collections::BTreeSet<_> = pages.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), pages.len());
        assert!(pages.iter().all(|(_, text)| text.starts_with("# ") && text.contains("make docs")));
    }
}
