//! The page of the template: each row names what shows it, and that is there.

use crate::markdown::{repository, written};
use std::fs;
use std::path::Path;

/// The cells of the last column, with their lines.
fn shown_by() -> Vec<(usize, String)> {
    let page = written().find(|page| page.path == Path::new("docs/template.md")).expect("a page");
    let rows = page.text.lines().enumerate().filter(|(_, line)| line.starts_with('|') && !line.starts_with("|---"));
    let cells = rows.filter_map(|(line, row)| Some((line + 1, row.trim_matches('|').rsplit(" | ").next()?.trim().to_owned())));
    cells.filter(|(_, cell)| cell != "shown by").collect()
}

#[test]
fn what_shows_a_row_is_there() {
    let steps = fs::read_to_string(repository().join("tests/cluster/seed/mod.rs")).expect("a list of steps");
    let rows = shown_by();
    assert!(rows.len() > 20, "{}", rows.len());
    for (line, cell) in rows {
        let named = cell.split('"').skip(1).step_by(2);
        let files = cell.split('`').skip(1).step_by(2).filter(|word| word.contains('/'));
        let (named, files): (Vec<_>, Vec<_>) = (named.collect(), files.collect());
        assert!(!named.is_empty() || !files.is_empty() || cell.contains("make ") || cell.contains("BuildKit's own"), "line {line}: {cell}");
        for step in named {
            assert!(steps.contains(&format!("(\"{step}\",")) || steps.contains(&format!("\"{step}\",\n")), "line {line}: no step {step:?}");
        }
        for file in files {
            assert!(repository().join(file).exists(), "line {line}: no file {file}");
        }
    }
}
