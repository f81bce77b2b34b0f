//! A captured tree with its TRUTH, judged by `check --root`. What is expected of it stands in expect.json there.

use crate::expect::ExpectOne;
use crate::facts::{check, judge};
use crate::row::Row;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Case {
    root: PathBuf,
    expect: Option<ExpectOne>,
    /// What is so, for people.
    truth: String,
}

pub(crate) fn read(root: &Path, truth: &str) -> Result<Case, String> {
    let path = root.join("expect.json");
    let expect = match fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?),
        Err(_) => None,
    };
    Ok(Case { root: root.to_owned(), expect, truth: truth.trim().to_owned() })
}

pub(crate) fn look(case: &Case) -> Row {
    let (report, errors) = check(&["--root", &case.root.display().to_string()], "");
    let mut row = judge(&report, &errors, case.expect.as_ref());
    if row.unjudged.is_some() {
        row.seen += &format!("; should say: {}", case.truth);
    }
    row
}
