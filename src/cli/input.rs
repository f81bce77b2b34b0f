use super::Error;
use crate::fact::{API_VERSION, Facts};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::Read;

/// A facts file is some 10 kB; more than this is none.
const LARGEST: u64 = 16 << 20;

/// What every object of ours begins with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: Option<String>,
    kind: Option<String>,
}

/// What a report holds for us.
#[derive(Deserialize)]
struct Reported {
    facts: Facts,
}

/// Reads facts from a file, or from standard input for `-`: what `facts` printed, or a report of
/// `check --format json`, which contains them.
pub(super) fn read_facts(path: &str) -> Result<Facts, Error> {
    let io = |error: std::io::Error| Error::Io(format!("could not read {path}: {error}"));
    let mut text = String::new();
    let read = |reader: &mut dyn Read, text: &mut String| reader.take(LARGEST).read_to_string(text);
    let size = match path {
        "-" => read(&mut std::io::stdin().lock(), &mut text),
        _ => read(&mut std::fs::File::open(path).map_err(io)?, &mut text),
    };
    match size {
        Ok(_) => parse_facts(&text).map_err(|why| Error::BadInput {
            message: format!("{path} is not a facts file: {why}"),
            hint: Some("make one with `buildkit-preflight facts > node.json`".into()),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Error::BadInput { message: format!("{path} is not a facts file: it is not text"), hint: None })
        }
        Err(error) => Err(io(error)),
    }
}

fn parse_facts(text: &str) -> Result<Facts, String> {
    let header: Header = typed(text)?;
    match header.api_version.as_deref() {
        Some(API_VERSION) => {}
        Some(other) => return Err(format!("its apiVersion is {other:?}, and this version reads {API_VERSION:?}")),
        None => return Err("it has no apiVersion".into()),
    }
    match header.kind.as_deref() {
        Some("Facts") => typed(text),
        Some("Report") => typed(text).map(|report: Reported| report.facts),
        Some(other) => Err(format!("its kind is {other:?}, neither Facts nor Report")),
        None => Err("it has no kind".into()),
    }
}

/// Parses, and says where it went wrong and for which field.
fn typed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, json) = (error.path().to_string(), error.inner());
        let what = json.to_string();
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        let field = if path == "." { String::new() } else { format!(" for `{path}`") };
        format!("at line {}, column {}: {what}{field}", json.line(), json.column())
    })?;
    reader.end().map_err(|error| format!("at line {}, column {}: something follows the object", error.line(), error.column()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_facts_never_panics(text in "\\PC*", cut in 0usize..4000, put in "[\\[\\]{}\",:0-9a-zA-Z ]{0,4}") {
            let _ = parse_facts(&text);
            // A valid file, cut and mended at random.
            let mut json = serde_json::to_string(&Facts::unknown()).expect("JSON");
            let at = cut.min(json.len());
            json.replace_range(at..(at + put.len()).min(json.len()), &put);
            let _ = parse_facts(&json);
        }
    }
}
