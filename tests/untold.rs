//! No fact takes what could not be read for what is not there: each source of a captured tree in turn is refused, fails, or is absent.

use buildkit_preflight::fact::{Row, Source, rows};
use buildkit_preflight::gather::{Options, gather};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// What the manifest of a captured tree calls a source: a path, or a program's name. None for what no tree has.
fn names(source: Source) -> Vec<String> {
    match source {
        Source::File(path) | Source::Link(path) | Source::Directory(path) | Source::Device(path) => vec![path.to_owned()],
        Source::Sysctl(sysctl) => vec![sysctl.path()],
        Source::Program(name) | Source::Helper(name) => vec![name.to_owned()],
        Source::SysctlFiles => ["/etc", "/run", "/usr/local/lib", "/usr/lib"].map(|place| format!("{place}/sysctl.d")).to_vec(),
        Source::FirstOf(all) => all.iter().flat_map(|one| names(*one)).collect(),
        _ => Vec::new(),
    }
}

/// A captured tree of this machine, each look at which can be turned into another outcome.
struct Tree {
    dir: tempfile::TempDir,
    manifest: Value,
}

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let output = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"))
            .args(["facts", "--capture"])
            .arg(dir.path().join("tree"))
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let manifest = std::fs::read(dir.path().join("tree/captured.json")).expect("a manifest");
        Tree { manifest: serde_json::from_slice(&manifest).expect("JSON"), dir }
    }

    /// The facts of the tree where looking at these sources came to this.
    fn facts(&self, names: &[String], outcome: &Value) -> Value {
        let root = self.dir.path().join("tree");
        let aside = self.dir.path().join("aside");
        let mut manifest = self.manifest.clone();
        let mut moved = Vec::new();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| self.manifest["sources"].get(name.as_str()).is_some()) {
            let file = root.join(name.trim_start_matches('/'));
            manifest["sources"][name.as_str()] = outcome.clone();
            if name.starts_with('/') && file.symlink_metadata().is_ok() {
                let away = aside.with_extension(at.to_string());
                std::fs::rename(&file, &away).expect("moved aside");
                moved.push((file, away));
            }
        }
        assert!(names.iter().any(|name| manifest["sources"].get(name.as_str()).is_some()), "nobody looked at {names:?}");
        let facts = self.read(&root, &manifest);
        moved.iter().for_each(|(file, away)| std::fs::rename(away, file).expect("moved back"));
        facts
    }

    fn read(&self, root: &Path, manifest: &Value) -> Value {
        std::fs::write(root.join("captured.json"), manifest.to_string()).expect("written");
        let facts = gather(&Options { root: Some(root.into()), all: true, ..Options::default() }).expect("a tree");
        serde_json::to_value(facts).expect("JSON")
    }
}

/// What is said in place of a fact's value; null where it is known or absent.
fn untold<'a>(facts: &'a Value, row: &Row) -> &'a str {
    let mut value = facts;
    let mut left = row.id();
    while !left.is_empty() {
        // A sysctl's name has dots of its own.
        let key = value.as_object().and_then(|fields| fields.keys().find(|key| left == **key || left.starts_with(&format!("{key}."))));
        let key = key.unwrap_or_else(|| panic!("{} is a fact: {value}", row.id()));
        left = left[key.len()..].trim_start_matches('.').to_owned();
        value = &value[key];
    }
    ["denied", "failed"].into_iter().find(|word| value.get(word).is_some()).unwrap_or_default()
}

#[test]
fn a_source_that_is_refused_or_fails_is_never_taken_for_an_absent_one() {
    let tree = Tree::new();
    // Where SELinux is off, and it is on no machine that runs this, nobody looks further.
    let is_looked_at = |row: &Row| row.captured && !["selinux.decidesUserNamespaces", "selinux.containerUseDevices"].contains(&&*row.id());
    let rows: Vec<_> = rows().filter(is_looked_at).map(|row| (row, names(row.source))).filter(|(_, names)| !names.is_empty()).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    let mut wrong = Vec::new();
    for (row, names) in &rows {
        for errno in ["EACCES", "EIO"] {
            if untold(&tree.facts(names, &json!({"failed": errno})), row).is_empty() {
                wrong.push(format!("{} by {errno} of {}", row.id(), names.join(", ")));
            }
        }
        let absent = tree.facts(names, &json!("absent"));
        if untold(&absent, row) == "failed" {
            wrong.push(format!("{}: what is absent has not failed: {}", row.id(), names.join(", ")));
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
}
