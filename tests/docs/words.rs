//! How the text reads: README is short, words are explained before they are used, sentences end.

use crate::markdown::{Page, written};
use std::path::Path;

/// The longest sentence, in words.
const LONGEST: usize = 26;

fn page(path: &str) -> Page {
    written().find(|page| page.path == Path::new(path)).expect("a page")
}

#[test]
fn the_readme_is_short() {
    assert!(page("README.md").text.len() <= 9000, "{} bytes", page("README.md").text.len());
}

/// The words that concepts.md explains, in its order.
fn concepts() -> Vec<String> {
    let page = page("docs/concepts.md");
    let headings = page.prose.iter().filter_map(|(_, line)| line.strip_prefix("## "));
    headings.flat_map(|heading| heading.to_lowercase().split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Words that say in English what they say here.
const ENGLISH: &[&str] = &["builder", "check", "cause", "verdict", "fact", "agent", "label", "condition", "event", "build step", "tune"];

#[test]
fn readme_uses_no_word_before_it_leads_to_its_explanation() {
    let page = page("README.md");
    let prose: String = page.prose.iter().map(|(_, line)| line.to_lowercase() + "\n").collect();
    for concept in concepts().iter().filter(|concept| !ENGLISH.contains(&concept.as_str())) {
        let first = prose.match_indices(concept.as_str()).find(|(at, _)| {
            let before = prose[..*at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"-/_#`".contains(c))
        });
        if let Some((at, _)) = first {
            let link = format!("[{concept}](docs/concepts.md#");
            let line = prose[..at].lines().count();
            assert!(prose[at.saturating_sub(1)..].starts_with(&link), "{concept} is used in line {line} of the prose without {link}");
        }
    }
}

#[test]
fn concepts_use_no_word_before_its_explanation() {
    let page = page("docs/concepts.md");
    let concepts = concepts();
    let mut explained = 0;
    for (line, text) in &page.prose {
        if let Some(heading) = text.strip_prefix("## ") {
            explained += heading.split(", ").count();
            continue;
        }
        let text = text.to_lowercase();
        for later in concepts[explained..].iter().filter(|concept| !ENGLISH.contains(&concept.as_str())) {
            let linked = format!("[{later}](#{})", later.replace(' ', "-"));
            let bare = text.replace(&linked, "");
            let words: Vec<_> = bare.split(|c: char| !c.is_alphanumeric() && c != '-' && c != ' ').collect();
            let is_used = words.iter().any(|part| format!(" {part} ").contains(&format!(" {later} ")));
            assert!(!is_used, "{}: {later} is explained further down", page.at(*line));
        }
    }
}

/// The sentences of paragraphs and lists, each with its first line. Cells of a table are sentences of their own.
fn sentences(page: &Page) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut last = 0;
    for (line, text) in &page.prose {
        let text = text.trim();
        if text.starts_with('|') {
            paragraphs.extend(text.split(" | ").map(|cell| (*line, cell.trim_matches('|').to_owned())));
        } else if !text.is_empty() && !text.starts_with('#') && !text.starts_with("<!--") {
            let goes_on = *line == last + 1 && !text.starts_with("* ") && !text.starts_with(|c: char| c.is_ascii_digit());
            match paragraphs.last_mut().filter(|_| goes_on) {
                Some((_, paragraph)) => paragraph.extend([" ", text]),
                None => paragraphs.push((*line, text.to_owned())),
            }
            last = *line;
        }
    }
    let split = |(line, text): (usize, String)| {
        let ends = text.replace(": ", ". ").replace("; ", ". ").replace("? ", ". ").replace(".) ", ". ");
        ends.split(". ").map(|sentence| (line, sentence.to_owned())).collect::<Vec<_>>()
    };
    paragraphs.into_iter().flat_map(split).collect()
}

#[test]
fn sentences_end() {
    let mut long = Vec::new();
    for page in written() {
        for (line, sentence) in sentences(&page) {
            let words = sentence.split_whitespace().count();
            if words > LONGEST {
                long.push(format!("{}: {words} words: {sentence}", page.at(line)));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
