//! Each link to a file of this repository, and to a heading in it, leads somewhere.

use crate::markdown::{pages, repository};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let anchors: BTreeMap<_, BTreeSet<_>> = pages.iter().map(|page| (page.path.clone(), page.anchors().into_iter().collect())).collect();
    let (mut broken, mut looked_at) = (Vec::new(), 0);
    for page in &pages {
        for (line, target) in page.links().filter(|(_, target)| !target.contains("://")) {
            looked_at += 1;
            let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let path =
                if file.is_empty() { page.path.clone() } else { plain(&page.path.parent().unwrap_or_else(|| Path::new("")).join(file)) };
            if !repository().join(&path).exists() {
                broken.push(format!("{}: there is no {}", page.at(line), path.display()));
            } else if anchor.is_some_and(|anchor| !anchors.get(&path).is_some_and(|anchors| anchors.contains(anchor))) {
                broken.push(format!("{}: {} has no heading for {target}", page.at(line), path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(looked_at > 200, "{looked_at} links");
}

#[test]
fn each_page_is_in_the_index() {
    let pages = pages();
    let index = pages.iter().find(|page| page.path == Path::new("docs/README.md")).expect("an index");
    let linked: BTreeSet<_> = index.links().map(|(_, target)| target).collect();
    for page in pages.iter().filter_map(|page| page.path.strip_prefix("docs").ok()).filter(|path| *path != Path::new("README.md")) {
        assert!(linked.contains(page.to_str().expect("text")), "docs/README.md does not link to {}", page.display());
    }
}
