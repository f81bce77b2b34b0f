//! What the tables for people have in common.

use crate::check::Ready;
use std::fmt::Write;

/// A word in the margin and what it introduces.
pub(super) type Line = (&'static str, String);

/// What is to be said of one profile below the table.
pub(super) struct Section {
    /// The profile's id.
    pub(super) profile: &'static str,
    /// Its verdict.
    pub(super) verdict: Ready,
    /// The id of what decided it.
    pub(super) by: Option<String>,
    /// The rest.
    pub(super) lines: Vec<Line>,
}

/// Rows with their cells one below the other.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A table with a line for each verdict, which stands in the second column; the first column says of what.
pub(super) fn verdicts<const N: usize>(head: [&str; N], rows: Vec<(Ready, [String; N])>, colour: bool) -> String {
    let (verdicts, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let text = columns(&rows);
    // Painted after the columns are laid out: colours have no width.
    let paint = |(line, verdict): (&str, Option<Ready>)| match verdict {
        Some(verdict) => line.replacen(&verdict.to_string(), &painted(verdict, colour), 1) + "\n",
        None => format!("{line}\n"),
    };
    text.lines().zip(std::iter::once(None).chain(verdicts.into_iter().map(Some))).map(paint).collect()
}

/// The sections that have lines. Profiles of which the same is to be said are explained once.
pub(super) fn explained(sections: &[Section], colour: bool) -> String {
    let mut groups: Vec<Vec<&Section>> = Vec::new();
    for section in sections.iter().filter(|section| !section.lines.is_empty()) {
        let same = |group: &&mut Vec<&Section>| {
            let Section { verdict, by, lines, .. } = group[0];
            (verdict, by, lines) == (&section.verdict, &section.by, &section.lines)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(section),
            None => groups.push(vec![section]),
        }
    }
    let mut out = String::new();
    for group in groups {
        let names: Vec<_> = group.iter().map(|section| section.profile).collect();
        let are = if names.len() == 1 { "is" } else { "are" };
        let by = group[0].by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
        let _ = writeln!(out, "\n{} {are} {}{by}", names.join(", "), painted(group[0].verdict, colour));
        for (word, text) in &group[0].lines {
            let _ = writeln!(out, "  {word:<5}  {text}");
        }
    }
    out
}

fn painted(verdict: Ready, colour: bool) -> String {
    let code = match verdict {
        _ if !colour => return verdict.to_string(),
        Ready::Ready => "32",
        Ready::NotReady => "31",
        Ready::Unknown => "33",
    };
    format!("\x1b[{code}m{verdict}\x1b[0m")
}
