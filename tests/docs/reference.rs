//! `docs/reference/` is what the tables of the program say: `make docs` writes it anew.

use crate::markdown::{repository, write};
use buildkit_preflight::cli::reference::pages;
use std::fs;

#[test]
fn the_reference_is_what_the_tables_say() {
    let dir = repository().join("docs/reference");
    let pages = pages();
    for (name, text) in &pages {
        let path = dir.join(name).with_extension("md");
        if std::env::var_os("UPDATE").is_some() && fs::read_to_string(&path).ok().as_ref() != Some(text) {
            fs::create_dir_all(&dir).expect("mkdir");
            write(&path, text);
        }
        let stands = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make docs`", path.display()));
        assert!(stands == *text, "{} is not what the tables say: run `make docs`, and look at what it changed", path.display());
    }
    assert_eq!(fs::read_dir(&dir).expect("a directory").count(), pages.len(), "nothing else lies in docs/reference");
}
