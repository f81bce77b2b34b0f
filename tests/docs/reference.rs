//! `docs/reference/` is what the tables of the program say: `make docs` writes it anew.

use buildkit_preflight::cli::reference::pages;
use std::fs;
use std::path::Path;

#[test]
fn the_reference_is_what_the_tables_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let pages = pages();
    for (name, text) in &pages {
        let path = dir.join(name).with_extension("md");
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&dir).expect("mkdir");
            fs::write(&path, text).expect("write");
        }
        let stands = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make docs`", path.display()));
        assert!(stands == *text, "{} is not what the tables say: run `make docs`, and look at what it changed", path.display());
    }
    assert_eq!(fs::read_dir(&dir).expect("a directory").count(), pages.len(), "nothing else lies in docs/reference");
}
