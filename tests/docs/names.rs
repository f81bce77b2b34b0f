//! Names in the text are names of the program: labels and their values, conditions, reasons, flags, metrics, targets of make.

use crate::markdown::{Page, pages, repository, words_from, written};
use buildkit_preflight::agent::METRICS;
use buildkit_preflight::cause::Cause;
use buildkit_preflight::cli::reference::flags;
use buildkit_preflight::node::{CONDITIONS, DEFAULT_PREFIX, Key, POOL_KEY};
use buildkit_preflight::profile::Profile;
use buildkit_preflight::publish::{EVENTS, REASONS, reason_of};
use buildkit_preflight::render::NPD_CONDITION;
use buildkit_preflight::render::Tool;
use std::collections::BTreeSet;
use strum::VariantNames;

/// Flags of other programs.
const FOREIGN: &[&str] = &[
    "--addr",
    "--all-namespaces",
    "--archive",
    "--args",
    "--branch",
    "--build-context",
    "--builder",
    "--certificate-identity",
    "--certificate-oidc-issuer",
    "--check",
    "--cluster-name",
    "--container",
    "--create-namespace",
    "--depth",
    "--docker-password",
    "--docker-server",
    "--docker-username",
    "--driver",
    "--frontend",
    "--ignore-not-found",
    "--load",
    "--local",
    "--lock",
    "--locked",
    "--manifest",
    "--no-hooks",
    "--node-labels",
    "--oci-worker-no-process-sandbox",
    "--oci-worker-snapshotter",
    "--opt",
    "--os-sku",
    "--output",
    "--overwrite",
    "--patch",
    "--patch-file",
    "--path",
    "--platform",
    "--pod-running-timeout",
    "--push",
    "--register-with-taints",
    "--registry-auth-tlscontext",
    "--resource-group",
    "--restart",
    "--rm",
    "--set",
    "--show-labels",
    "--startup-taint",
    "--startup-taint-prefix",
    "--tag",
    "--tlscacert",
    "--tlscert",
    "--tlskey",
    "--type",
    "--update-kernel",
];

fn lines(page: &Page) -> impl Iterator<Item = (usize, &str)> {
    page.text.lines().enumerate().map(|(number, line)| (number + 1, line))
}

#[test]
fn each_label_is_one_of_the_table_with_a_value_that_it_can_have() {
    let prefix = format!("{DEFAULT_PREFIX}/");
    let mut looked_at = 0;
    for page in pages() {
        for (line, text) in lines(&page) {
            for word in words_from(text, &prefix, |c| c.is_ascii_alphanumeric() || "-=.".contains(c)) {
                let label = word[prefix.len()..].trim_end_matches('.');
                if ["", "v1"].contains(&label) || label.split('=').next() == POOL_KEY.strip_prefix(&prefix) {
                    continue;
                }
                looked_at += 1;
                let (name, value) = label.split_once('=').map_or((label, None), |(name, value)| (name, Some(value)));
                let key = Key::ALL.into_iter().find(|key| key.name() == name);
                let row = key.and_then(Key::row).unwrap_or_else(|| panic!("{}: there is no label {name}", page.at(line)));
                assert!(value.is_none_or(|value| row.values.allow(value)), "{}: {word}", page.at(line));
            }
        }
    }
    assert!(looked_at > 5, "{looked_at}");
}

#[test]
fn each_condition_and_reason_is_one_that_can_stand_there() {
    let kinds: Vec<_> = CONDITIONS.iter().map(|row| row.name).collect();
    let events = EVENTS.iter().flat_map(|event| kinds.iter().map(|kind| event.reason.replace("TYPE", kind)));
    // node-problem-detector's own.
    let known: BTreeSet<_> = events.chain(kinds.iter().map(|kind| (*kind).to_owned())).chain([NPD_CONDITION.to_owned()]).collect();
    for page in pages() {
        for (line, text) in lines(&page) {
            for word in words_from(text, "RootlessBuildKit", |c| c.is_ascii_alphabetic()) {
                assert!(known.contains(word), "{}: there is no condition {word}", page.at(line));
            }
        }
    }
    let reasons: BTreeSet<_> =
        REASONS.iter().map(|row| row.reason.to_string()).chain(Cause::ALL.iter().map(|cause| reason_of(*cause))).collect();
    let page = written().find(|page| page.path.ends_with("docs/troubleshooting.md")).expect("a page");
    let (_, table) = page.text.split_once("| reason | first look |\n|---|---|\n").expect("a table of reasons");
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let cell = row.split('|').nth(1).expect("a cell");
        for word in cell.split('`').skip(1).step_by(2).filter(|word| !word.starts_with("RootlessBuildKit")) {
            assert!(reasons.contains(word), "there is no reason {word}");
        }
    }
}

#[test]
fn each_reason_leads_to_its_cause() {
    let page = written().find(|page| page.path.ends_with("docs/troubleshooting.md")).expect("a page");
    let (_, section) = page.text.split_once("\n## By the reason of a condition\n").expect("a section");
    let rows: String = section.split("\n## ").next().unwrap_or_default().lines().filter(|line| line.starts_with("| ")).collect();
    let times = |what: &str| rows.matches(what).count();
    for row in REASONS {
        assert_eq!(times(&format!("`{}`", row.reason)), 1, "{}", row.reason);
    }
    for &cause in Cause::ALL {
        let reason = reason_of(cause);
        assert_eq!(times(&format!("[`{reason}`](reference/causes.md#{cause})")), 1, "{reason}");
    }
    assert_eq!(times("](reference/causes.md#"), Cause::ALL.len());
}

/// The pages that say where something is.
const OF_THE_SOURCES: [&str; 4] = ["architecture.md", "contributing.md", "development.md", "security.md"];

/// The text of all sources and tests.
fn sources() -> String {
    let mut todo = vec![repository().join("src"), repository().join("tests")];
    let mut found = String::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found += &std::fs::read_to_string(&path).expect("a source");
        }
    }
    found
}

#[test]
fn each_file_and_each_test_that_is_named_is_there() {
    let (sources, mut files, mut tests) = (sources(), 0, 0);
    for page in written().filter(|page| OF_THE_SOURCES.iter().any(|name| page.path.ends_with(format!("docs/{name}")))) {
        for (line, text) in &page.prose {
            for word in text.split('`').skip(1).step_by(2) {
                if ["src/", "tests/", "docs/", "manifests/", "benches/", "fuzz/", "schema/"].iter().any(|folder| word.starts_with(folder)) {
                    files += 1;
                    assert!(repository().join(word).exists(), "{}: there is no {word}", page.at(*line));
                } else if word.matches('_').count() > 1 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
                    tests += 1;
                    assert!(sources.contains(&format!("fn {word}(")), "{}: there is no test {word}", page.at(*line));
                }
            }
        }
    }
    assert!(files > 80 && tests > 20, "{files} files, {tests} tests");
}

#[test]
fn each_flag_is_one_of_a_command() {
    let (flags, mut foreign) = (flags(), BTreeSet::new());
    for page in pages().iter().filter(|page| !page.path.ends_with("commands.md") && !page.path.ends_with("behaviours.md")) {
        for (line, text) in lines(page) {
            let words = words_from(text, "--", |c| c.is_ascii_lowercase() || c == '-');
            // Lines of a table, and dashes in the middle of a word.
            for word in words.filter(|word| word.len() > 3 && !word.starts_with("---") && !text.contains(&format!("-{word}"))) {
                let word = word.trim_end_matches('-');
                if FOREIGN.contains(&word) {
                    foreign.insert(word.to_owned());
                } else {
                    assert!(flags.contains(word), "{}: no command has {word}", page.at(line));
                }
            }
        }
    }
    let unused: Vec<_> = FOREIGN.iter().filter(|flag| !foreign.contains(**flag)).collect();
    assert!(unused.is_empty(), "nobody speaks of {unused:?}");
}

#[test]
fn each_tool_has_a_row_with_its_profiles_and_each_profile_one_with_its_label() {
    let page = written().find(|page| page.path.ends_with("docs/builders.md")).expect("a page");
    let (_, section) = page.text.split_once("\n## Builders of other tools\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `--for`"));
    let rows: Vec<_> = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>()).collect();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for id in Tool::VARIANTS {
        let tool: Tool = id.parse().expect("a tool");
        let profiles: Vec<_> = tool.profiles().iter().map(|profile| format!("`{profile}`")).collect();
        wanted.push((format!("`{id}`"), profiles.join(", ")));
    }
    for profile in Profile::ALL {
        let (key, value) = Key::selector(profile);
        wanted.push((format!("`{profile}`"), format!("`{}={value}`", key.name())));
    }
    let found: Vec<_> = rows.iter().map(|row| (row[0].to_owned(), row[row.len() - 1].to_owned())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn each_metric_is_one_that_an_agent_has() {
    let known: BTreeSet<_> = METRICS.iter().map(|row| row.exposed()).collect();
    for page in pages() {
        for (line, text) in lines(&page) {
            for word in words_from(text, "buildkit_preflight_", |c| c.is_ascii_lowercase() || c == '_') {
                assert!(known.contains(word), "{}: there is no metric {word}", page.at(line));
            }
        }
    }
}

#[test]
fn each_target_of_make_is_there() {
    let makefile = std::fs::read_to_string(repository().join("Makefile")).expect("a Makefile");
    for page in written() {
        for (line, text) in lines(&page) {
            let words = words_from(text, "make ", |c| c.is_ascii_lowercase() || c == '-');
            // In prose `make` is a word of English.
            for target in words.filter(|word| text.contains(&format!("`{word}`")) || text.starts_with(&format!("$ {word}"))) {
                let target = &target["make ".len()..];
                assert!(makefile.lines().any(|rule| rule.starts_with(&format!("{target}:"))), "{}: make {target}", page.at(line));
            }
        }
    }
}
