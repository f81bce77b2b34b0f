//! A text as YAML, within bounds; values know where they are.

mod place;
mod tree;

pub use place::{Given, Invalid, Place, Spot};
pub(crate) use tree::{Node, Tree};

use serde_saphyr::Error;

/// A file may have so many bytes.
pub const LARGEST: usize = 1 << 20;

/// Values that a document may have, those that aliases repeat among them. A long Build has some hundred.
const MOST_VALUES: usize = 20_000;

/// The same for a file of many: what a large chart makes has some ten thousand.
const MOST_VALUES_OF_ALL: usize = 100_000;

/// Documents in a file.
const MOST_DOCUMENTS: usize = 1_000;

/// How deep they nest. A Build's affinity is some 12 deep.
const DEEPEST: usize = 24;

const TOO_MUCH: &str = "the YAML has too many values, or nests too deeply, with its aliases written out";

/// Reads the one document of a text.
pub(crate) fn document(file: &str, text: &str) -> Result<Node, Invalid> {
    let whole = Spot { file: file.into(), place: None, path: String::new() };
    let mut documents = read(file, text, MOST_VALUES)?.into_iter();
    match (documents.next(), documents.next()) {
        (None, _) => Err(whole.invalid("the file is empty")),
        (Some(one), None) => Ok(one),
        (Some(_), Some(second)) => {
            let spot = Spot { place: second.place, ..whole };
            Err(spot.invalid("a second YAML document begins here").hint("keep one object in a file"))
        }
    }
}

/// Reads all documents of a text that have something in them.
pub(crate) fn documents(file: &str, text: &str) -> Result<Vec<Node>, Invalid> {
    read(file, text, MOST_VALUES_OF_ALL)
}

fn read(file: &str, text: &str, most: usize) -> Result<Vec<Node>, Invalid> {
    let whole = Spot { file: file.into(), place: None, path: String::new() };
    if text.len() > LARGEST {
        return Err(whole.invalid(format!("the file has {} bytes; at most {LARGEST} are read", text.len())));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        // As kubectl reads a `defaultMode: 0400`.
        legacy_octal_numbers: true,
        budget: serde_saphyr::budget! { max_nodes: most, max_depth: DEEPEST, max_total_scalar_bytes: 4 * LARGEST, max_documents: MOST_DOCUMENTS },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 2 * most },
    };
    let read = serde_saphyr::from_multiple_with_options::<Node>(text, options).map_err(|error| invalid(whole.clone(), &error))?;
    Ok(read.into_iter().filter(|node| node.tree != Tree::Null).collect())
}

fn invalid(whole: Spot, error: &Error) -> Invalid {
    let location = error.location().filter(|location| location.line() > 0);
    let place = location.map(|location| Place { line: location.line(), column: location.column() });
    let spot = Spot { place, ..whole };
    match error.without_snippet() {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map_or_else(String::new, |key| format!(" `{key}`"));
            spot.invalid(format!("the field{key} is given twice"))
        }
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            spot.invalid(TOO_MUCH)
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => spot.invalid("an alias refers to a value that contains the alias"),
        Error::NonFiniteFloat { .. } => spot.invalid("a number is not finite: a text needs quotes"),
        other => {
            let text = other.to_string();
            // Where an alias is what goes beyond a bound, the crate keeps that as a text alone.
            if matches!(other, Error::AliasError { .. }) && text.contains("budget breached") {
                return spot.invalid(TOO_MUCH);
            }
            let end = place.map_or_else(String::new, |place| format!(" at line {}, column {}", place.line, place.column));
            spot.invalid(format!("not valid YAML: {}", text.strip_suffix(&end).unwrap_or(&text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> String {
        document("f.yaml", text).expect_err(text).to_string()
    }

    #[test]
    fn one_document_is_read() {
        for text in ["a: 1\n", "---\na: 1\n", "---\na: 1\n---\n", "a: 1\n...\n", "# c\n---\na: 1\n---\n# nothing more\n", "\u{feff}a: 1\n"]
        {
            assert_eq!(document("f.yaml", text).map(|node| node.json()), Ok(serde_json::json!({"a": 1})), "{text}");
        }
    }

    #[test]
    fn values_are_what_kubectl_takes_them_for() {
        let text = "[0400, 0o17, 0x1f, 1_000, yes, Off, y, 'yes', 08, 1.5, 1e3, ~, 1.2.3, 2001-01-01]";
        let values = serde_json::json!([256, 15, 31, 1000, true, false, true, "yes", 8, 1.5, 1000, null, "1.2.3", "2001-01-01"]);
        assert_eq!(document("f.yaml", text).map(|node| node.json()), Ok(values));
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_place() {
        let laughs: String = (1..12).map(|n| format!("l{n}: &l{n} [{}]\n", vec![format!("*l{}", n - 1); 9].join(", "))).collect();
        let bomb = format!("l0: &l0 [x, x, x]\n{laughs}");
        for (text, message) in [
            ("", "f.yaml: the file is empty"),
            ("# a comment\n", "f.yaml: the file is empty"),
            ("a: 1\n---\nb: 2\n", "f.yaml:3:1: a second YAML document begins here"),
            ("a: 1\nb: [1\n", "f.yaml:2:4: not valid YAML: unclosed bracket '['"),
            ("a: 1\na: 2\n", "f.yaml:2:1: the field `a` is given twice"),
            ("a: 1: 2\n", "f.yaml:1:5: not valid YAML: mapping values are not allowed in this context"),
            ("a: *x\n", "f.yaml:1:4: not valid YAML: alias references unknown anchor"),
            ("a: .nan\n", "f.yaml:1:4: a number is not finite: a text needs quotes"),
            ("a: &a\n  b: *a\n", "f.yaml:2:6: an alias refers to a value that contains the alias"),
        ] {
            assert_eq!(said(text), message, "{text}");
        }
        assert!(said(&bomb).ends_with(TOO_MUCH), "{}", said(&bomb));
        let deep: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(said(&deep).ends_with(TOO_MUCH), "{}", said(&deep));
        let copies = format!("a: &a {}\nb: [{}]\n", "x".repeat(900_000), vec!["*a"; 9_000].join(", "));
        assert!(said(&copies).ends_with(TOO_MUCH), "{}", said(&copies));
        let long = format!("a: {}", "x".repeat(LARGEST));
        assert_eq!(said(&long), "f.yaml: the file has 1048579 bytes; at most 1048576 are read");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC*|(?s).*|[-a:&*\\[\\]{},|>'\"!<?%@` \\n\\t0-9]{0,200}") {
            let _ = document("f.yaml", &text);
        }
    }
}
