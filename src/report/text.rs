//! What the tables for people have in common.

use crate::check::Ready;
use crate::text::line;
use std::borrow::Cow;

/// A word in the margin and what it introduces.
pub(super) type Line = (&'static str, String);

/// How a table looks: by default as a file has it, without colours and with lines as long as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether verdicts have colours.
    pub colour: bool,
    /// How many columns a line may have, where words may go to the next one.
    pub width: Option<usize>,
}

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

/// Below this a column of words is not readable any more, and lines stay as long as they are.
const NARROWEST: usize = 20;

/// A text for a person, made line by line. What is to be said may come from anybody, so each line is made harmless and bounded here;
/// there is no other way to add one.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    style: Style,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Page { style, ..Page::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line whose words may go to further ones, which begin in the column `hang`.
    pub(super) fn words(&mut self, hang: usize, text: &str) {
        for line in wrapped(&line(text), hang, self.style.width) {
            self.text += &line;
            self.text.push('\n');
        }
    }

    /// A line that stays one: it may be a command to paste.
    pub(super) fn command(&mut self, text: &str) {
        self.text += &line(text);
        self.text.push('\n');
    }

    /// Rows with their cells one below the other. The last cell may go on in further lines.
    pub(super) fn columns<const N: usize>(&mut self, rows: &[[String; N]]) {
        self.rows(rows, &[]);
    }

    /// A table with a line for each verdict, which stands in the second column; the first column says of what.
    pub(super) fn verdicts<const N: usize>(&mut self, head: [&str; N], rows: Vec<(Ready, [String; N])>) {
        let (verdicts, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
        let verdicts: Vec<_> = std::iter::once(None).chain(verdicts.into_iter().map(Some)).collect();
        self.rows(&rows, &verdicts);
    }

    fn rows<const N: usize>(&mut self, rows: &[[String; N]], verdicts: &[Option<Ready>]) {
        let cells: Vec<[Cow<str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| line(cell))).collect();
        let mut widths = [0; N];
        for row in &cells {
            row.iter().zip(&mut widths).for_each(|(cell, width)| *width = cell.chars().count().max(*width));
        }
        let last: usize = widths[..N - 1].iter().map(|width| width + 2).sum();
        // Where little is left for the last cell, it stands below the others.
        let below = self.style.width.is_some_and(|width| width < last + NARROWEST);
        for (number, row) in cells.iter().enumerate() {
            let beside = if below { N - 1 } else { N };
            let padded = row[..beside].iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>().join("  ");
            let mut lines = wrapped(padded.trim_end(), last, self.style.width).into_iter();
            let first = lines.next().unwrap_or_default();
            // Painted after the columns are laid out: colours have no width.
            self.text += &match verdicts.get(number).copied().flatten() {
                Some(verdict) => first.replacen(&verdict.to_string(), &self.painted(verdict), 1),
                None => first,
            };
            self.text.push('\n');
            self.text.extend(lines.flat_map(|line| [line, "\n".into()]));
            if below && !row[N - 1].is_empty() {
                self.words(4, &format!("    {}", row[N - 1]));
            }
        }
    }

    /// The sections that have lines. Profiles of which the same is to be said are explained once.
    pub(super) fn explained(&mut self, sections: &[Section]) {
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
        for group in groups {
            let names: Vec<_> = group.iter().map(|section| section.profile).collect();
            let are = if names.len() == 1 { "is" } else { "are" };
            let by = group[0].by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
            self.text += &format!("\n{} {are} {}{}\n", names.join(", "), self.painted(group[0].verdict), line(&by));
            for (word, text) in &group[0].lines {
                let text = format!("  {word:<5}  {text}");
                // What removes a cause may be a command, and so may be what stands below it without a word of its own.
                if matches!(*word, "fix" | "") { self.command(&text) } else { self.words(9, &text) }
            }
        }
    }

    fn painted(&self, verdict: Ready) -> String {
        let code = match verdict {
            _ if !self.style.colour => return verdict.to_string(),
            Ready::Ready => "32",
            Ready::NotReady => "31",
            Ready::Unknown => "33",
        };
        format!("\x1b[{code}m{verdict}\x1b[0m")
    }
}

/// Rows with their cells one below the other.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut page = Page::default();
    page.columns(rows);
    page.into_text()
}

/// A text in lines of so many columns, all but the first with an indent. A word that is longer than a line stays whole.
fn wrapped(text: &str, hang: usize, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| *width >= hang + NARROWEST) else { return vec![text.to_owned()] };
    let (mut lines, mut line, mut columns) = (Vec::new(), String::new(), 0);
    // What stands before the column is laid out already.
    let (head, rest) = text.split_at(text.char_indices().nth(hang).map_or(text.len(), |(at, _)| at));
    line += head;
    columns += head.chars().count();
    for word in rest.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if columns + length > width && columns > hang {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(hang);
            columns = hang;
        }
        line += word;
        columns += word.chars().count();
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_next_line_where_a_terminal_ends() {
        let text = "  why    the words of this line are too many for it";
        assert_eq!(wrapped(text, 9, Some(30)), ["  why    the words of this", "         line are too many for", "         it"]);
        assert_eq!(wrapped(text, 9, None), [text]);
        assert_eq!(wrapped(text, 9, Some(28)), [text], "too narrow");
        let long = format!("  why    {} and", "x".repeat(50));
        assert_eq!(wrapped(&long, 9, Some(30)), [format!("  why    {}", "x".repeat(50)), "         and".into()]);
    }

    #[test]
    fn a_table_stays_within_its_width_and_says_the_same() {
        let why = "no user may make user namespaces, which is what a builder does first of all";
        let rows = || vec![(Ready::NotReady, ["procmount", "not ready", why].map(str::to_owned))];
        let table = |style| {
            let mut page = Page::new(style);
            page.verdicts(["PROFILE", "VERDICT", "WHY"], rows());
            page.into_text()
        };
        let (wide, narrow) = (table(Style::default()), table(Style { width: Some(50), colour: false }));
        assert!(narrow.lines().count() > wide.lines().count() && narrow.lines().all(|line| line.chars().count() <= 50), "{narrow}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&narrow), words(&wide));
        let narrowest = table(Style { width: Some(40), colour: false });
        assert!(narrowest.lines().all(|line| line.chars().count() <= 40) && words(&narrowest) == words(&wide), "{narrowest}");
        assert!(table(Style { width: Some(50), colour: true }).contains("\x1b[31mnot ready\x1b[0m"));
    }
}
