//! README.md and the pages of docs/, as far as the tests look into them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A page.
pub(crate) struct Page {
    /// Its path below the repository.
    pub(crate) path: PathBuf,
    /// All of it.
    pub(crate) text: String,
    /// What stands outside of fences, with the numbers of the lines.
    pub(crate) prose: Vec<(usize, String)>,
    /// What stands in fences.
    pub(crate) blocks: Vec<Block>,
}

/// What stands between two fences.
pub(crate) struct Block {
    /// The words behind the first fence: `console example`.
    pub(crate) info: String,
    /// The number of its first line.
    pub(crate) line: usize,
    pub(crate) text: String,
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README.md, docs/, docs/platforms/ and docs/reference/.
pub(crate) fn pages() -> Vec<Page> {
    let in_folder = |folder: &str| {
        let entries = fs::read_dir(repository().join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut pages: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
        pages.sort();
        pages
    };
    let folders = ["docs", "docs/platforms", "docs/reference"].map(in_folder).concat();
    let paths = [vec![repository().join("README.md")], folders].concat();
    let pages: Vec<_> = paths.iter().map(|path| Page::read(path)).collect();
    assert!(pages.len() > 20, "{} pages", pages.len());
    pages
}

/// Those that people wrote.
pub(crate) fn written() -> impl Iterator<Item = Page> {
    pages().into_iter().filter(|page| !page.path.starts_with("docs/reference") && page.path != Path::new("docs/behaviours.md"))
}

/// Writes a page that other tests may be reading.
pub(crate) fn write(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("write");
    fs::rename(&new, path).expect("rename");
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Page::parse(path.strip_prefix(repository()).expect("below the repository").to_owned(), text)
    }

    pub(crate) fn parse(path: PathBuf, text: String) -> Self {
        let (mut prose, mut blocks, mut open): (Vec<_>, Vec<Block>, Option<Block>) = Default::default();
        for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line)) {
            match (open.as_mut(), line.strip_prefix("```")) {
                // A line with more backticks is code in prose.
                (None, Some(info)) if !info.contains('`') => {
                    open = Some(Block { info: info.trim().to_owned(), line: number + 1, text: String::new() });
                }
                (None, _) => prose.push((number, line.to_owned())),
                (Some(_), Some("")) => blocks.extend(open.take()),
                (Some(block), _) => block.text.extend([line, "\n"]),
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", path.display());
        Page { path, text, prose, blocks }
    }

    /// The anchors that GitHub makes of the headings.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let headings = self.prose.iter().filter_map(|(_, line)| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()));
        let anchor = |heading: &str| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        };
        let numbered = |anchor: String| {
            let times = seen.entry(anchor.clone()).and_modify(|times| *times += 1).or_default();
            if *times == 0 { anchor } else { format!("{anchor}-{times}") }
        };
        headings.map(anchor).map(numbered).collect()
    }

    /// Where its links lead, with the number of the line.
    pub(crate) fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        self.prose.iter().flat_map(|(number, line)| {
            line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| (*number, target))
        })
    }

    /// Where a line is.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// The words of a text that begin with a prefix and go on with these characters.
pub(crate) fn words_from<'a>(text: &'a str, prefix: &'a str, goes_on: fn(char) -> bool) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(move |(at, _)| {
        let rest = &text[at + prefix.len()..];
        let end = rest.find(|c| !goes_on(c)).unwrap_or(rest.len());
        &text[at..at + prefix.len() + end]
    })
}

#[test]
fn a_page_is_taken_apart() {
    let page = Page::parse("x.md".into(), "# A `b` c!\n```console example\n$ x\n```\n[y](z.md#q) and [`v`](w)\n## A b c\n".into());
    assert_eq!(page.anchors(), ["a-b-c", "a-b-c-1"]);
    assert_eq!(page.links().collect::<Vec<_>>(), [(5, "z.md#q"), (5, "w")]);
    assert_eq!((page.blocks[0].info.as_str(), page.blocks[0].line, page.blocks[0].text.as_str()), ("console example", 3, "$ x\n"));
    assert_eq!(words_from("a --b-c, --d", "--", |c| c.is_ascii_lowercase() || c == '-').collect::<Vec<_>>(), ["--b-c", "--d"]);
}
