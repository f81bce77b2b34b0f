//! `docs/reference/` and `docs/behaviours.md` are what the tables of the program say: `make docs` writes it anew.

use crate::markdown::{repository, write};
use buildkit_preflight::behaviour::{BEHAVIOURS, Tried};
use buildkit_preflight::cli::reference::pages;
use buildkit_preflight::report::reference::behaviours;
use std::fs;
use std::path::Path;

#[test]
fn the_reference_is_what_the_tables_say() {
    let dir = repository().join("docs/reference");
    let pages = pages();
    for (name, text) in &pages {
        fs::create_dir_all(&dir).expect("mkdir");
        stands(&dir.join(name).with_extension("md"), text);
    }
    assert_eq!(fs::read_dir(&dir).expect("a directory").count(), pages.len(), "nothing else lies in docs/reference");
}

#[test]
fn what_builds_do_is_what_the_table_says() {
    stands(&repository().join("docs/behaviours.md"), &behaviours());
}

fn stands(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some() && fs::read_to_string(path).ok().as_deref() != Some(text) {
        write(path, text);
    }
    let stands = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}: run `make docs`", path.display()));
    assert!(stands == *text, "{} is not what the tables say: run `make docs`, and look at what it changed", path.display());
}

#[test]
fn steps_of_the_cluster_that_the_table_names_are_there() {
    let read = |path: &str| fs::read_to_string(repository().join("tests/cluster").join(path)).expect("a source");
    let steps = read("main.rs") + &read("seed/mod.rs");
    let named: Vec<_> =
        BEHAVIOURS.into_iter().filter_map(|row| if let Tried::Cluster(step) = row.tried { Some(step) } else { None }).collect();
    assert!(!named.is_empty() && named.iter().all(|step| steps.contains(&format!("(\"{step}\", "))), "{named:?}");
}
