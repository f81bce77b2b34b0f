//! The pages of the platforms: each has the same parts, and a row in the overview; what they say is proven names what runs it.

use crate::markdown::{Page, repository, written};
use std::path::Path;

/// What a reader looks for on each of them, in this order.
const PARTS: [&str; 6] =
    ["What decides", "Profile to expect", "Steps", "What cannot be", "What is known, and from where", "The check that tells"];

fn platforms() -> Vec<Page> {
    let pages: Vec<_> = written().filter(|page| page.path.starts_with("docs/platforms")).collect();
    assert!(pages.len() > 8, "{}", pages.len());
    pages
}

/// The rows below a heading, without the two of the table's head.
fn rows<'a>(page: &'a Page, heading: &str) -> Vec<&'a str> {
    let (_, section) = page.text.split_once(&format!("\n## {heading}\n")).expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter(|line| line.starts_with("| ")).skip(1).collect()
}

#[test]
fn each_platform_has_all_its_parts() {
    let overview = written().find(|page| page.path == Path::new("docs/platforms.md")).expect("a page");
    for page in platforms() {
        let headings: Vec<_> = page.prose.iter().filter_map(|(_, line)| line.strip_prefix("## ")).collect();
        assert_eq!(headings, PARTS, "{}", page.path.display());
        let name = page.path.strip_prefix("docs").expect("below docs").to_str().expect("text");
        assert!(overview.links().any(|(_, target)| target.split('#').next() == Some(name)), "docs/platforms.md has no row for {name}");
    }
}

#[test]
fn what_is_known_says_from_where() {
    for page in platforms() {
        let rows = rows(&page, PARTS[4]);
        assert!(!rows.is_empty(), "{}", page.path.display());
        for row in rows {
            let source = row.trim_matches('|').rsplit(" | ").next().expect("a cell").trim();
            let target = source.split("`make ").nth(1).and_then(|rest| rest.split('`').next());
            let is_run = target.is_some_and(|target| {
                let makefile = std::fs::read_to_string(repository().join("Makefile")).expect("a Makefile");
                makefile.lines().any(|rule| rule.starts_with(&format!("{target}:")))
            });
            let is_known = match source {
                "-" => row.starts_with("| nothing") || row.starts_with("| none"),
                _ if source.starts_with("proven") => is_run,
                _ => ["by document", "a report", "reports", "one report", "measured", "[", "`tests/"]
                    .iter()
                    .any(|word| source.starts_with(word)),
            };
            assert!(is_known, "{}: {row}", page.path.display());
        }
    }
}
