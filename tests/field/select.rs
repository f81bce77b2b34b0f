//! The cases of a directory: each is a directory of its own, and what lies in it says which kind it is.

use crate::case;
use crate::node;
use crate::{cluster, facts, tree};
use libtest_mimic::{Arguments, Trial};
use std::fs;
use std::path::{Path, PathBuf};

/// One case.
pub(crate) struct Case {
    /// Its directory below that of all: `gid-mismatch`, `trees/nixos`.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What it is a case of.
pub(crate) enum Kind {
    /// A container with a builder.
    Container(Box<case::Case>),
    /// A Node, as an API server tells it to an agent.
    Node(node::Case),
    /// A builder's pod, as an API server gives it back.
    Returned(cluster::Case),
    /// Facts that differ from a healthy pod's.
    Facts(facts::Case),
    /// A captured tree.
    Tree(tree::Case),
}

/// What a kind's file is called, and who reads it.
type Reader = fn(&Path, &str) -> Result<Kind, String>;
const READERS: [(&str, Reader); 5] = [
    ("case.json", |path, text| case::read(path, text).map(|case| Kind::Container(Box::new(case)))),
    ("node.json", |_, text| node::read(text).map(Kind::Node)),
    ("returned.json", |_, text| cluster::read(text).map(Kind::Returned)),
    ("facts-fragment.json", |_, text| facts::read(text).map(Kind::Facts)),
    ("TRUTH", |path, text| tree::read(path, text).map(Kind::Tree)),
];

/// The cases that were asked for.
pub(crate) fn cases(arguments: &Arguments) -> Result<Vec<Case>, String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field");
    let place = std::env::var_os("CASES").map_or_else(|| own.join("cases"), PathBuf::from);
    let mut cases = Vec::new();
    find(&place, &place, &mut cases)?;
    let ci: Vec<String> = match std::env::var("SET").as_deref() {
        Ok("ci") => fs::read_to_string(own.join("ci.json"))
            .map_err(text)?
            .parse::<serde_json::Value>()
            .and_then(serde_json::from_value)
            .map_err(text)?,
        Ok(other) => return Err(format!("SET={other}: the only set is ci")),
        Err(_) => Vec::new(),
    };
    if let Some(missing) = ci.iter().find(|name| !cases.iter().any(|case| case.name == **name)) {
        return Err(format!("ci.json: {} has no case {missing}", place.display()));
    }
    cases.retain(|case| ci.is_empty() || ci.contains(&case.name));
    cases.retain(|case| arguments.filter.as_ref().is_none_or(|part| case.name.contains(part.as_str())));
    if cases.is_empty() {
        return Err(format!("{}: no case there that was asked for", place.display()));
    }
    Ok(cases)
}

/// All below a directory. A case has no cases below it.
fn find(place: &Path, dir: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    for (file, read) in READERS {
        let path = dir.join(file);
        if let Ok(content) = fs::read_to_string(&path) {
            let name = dir.strip_prefix(place).unwrap_or(dir).display().to_string();
            let kind = read(dir, &content).map_err(|error| format!("{}: {error}", path.display()))?;
            cases.push(Case { name, kind });
            return Ok(());
        }
    }
    let mut entries: Vec<_> =
        fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.iter().filter(|path| path.is_dir()).try_for_each(|path| find(place, path, cases))
}

fn text(error: impl std::fmt::Display) -> String {
    format!("ci.json: {error}")
}

/// For the list alone.
pub(crate) fn trial(case: &Case) -> Trial {
    Trial::test(case.name.clone(), || Ok(()))
}
