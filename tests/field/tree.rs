//! A captured tree with its TRUTH, judged by `check --root`. What is expected of it stands in expect.json there.

use crate::expect::ExpectOne;
use crate::facts::{check, judge};
use crate::row::Row;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct Case {
    root: PathBuf,
    expect: Option<ExpectOne>,
    /// What is so, for people.
    truth: String,
}

/// expect.json.
#[derive(Debug, Deserialize)]
struct File {
    /// Where the tree is, if not here.
    tree: Option<PathBuf>,
    #[serde(flatten)]
    expect: serde_json::Value,
}

pub(crate) fn read(root: &Path, truth: &str) -> Result<Case, String> {
    let path = root.join("expect.json");
    let wrong = |error: serde_json::Error| format!("{}: {error}", path.display());
    let file: Option<File> = fs::read_to_string(&path).ok().map(|text| serde_json::from_str(&text).map_err(wrong)).transpose()?;
    let (tree, expect) = file.map_or((None, None), |file| (file.tree, Some(file.expect)));
    let expect = expect.map(serde_json::from_value).transpose().map_err(wrong)?;
    // "as another", which lies beside it.
    let other = truth.trim().strip_prefix("as ").filter(|name| !name.contains(' ')).map(|name| root.join("..").join(name).join("TRUTH"));
    let truth = other.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_else(|| truth.to_owned());
    let root = tree.map_or_else(|| root.to_owned(), |tree| root.join(tree));
    Ok(Case { root, expect, truth: truth.trim().to_owned() })
}

pub(crate) fn look(case: &Case) -> Row {
    let (report, errors) = check(&["--root", &case.root.display().to_string()], "");
    judge(&report, &errors, case.expect.as_ref(), &case.truth)
}
