//! Facts that somebody hands in: what `facts` printed, or a report. They may be of another version of this program.

mod json;
mod lenient;
mod once;

use super::Error;
use crate::fact::{API_VERSION, Facts};
use crate::read::{self, BadPath, Named, PATIENCE};
use once::Once;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::Path;

/// A facts file is some 10 kB; more than this is none. As JSON values a text may take ninety times its size in memory.
const LARGEST: u64 = 2 << 20;

/// So many unknown fields are named.
const NAMED: usize = 20;

/// What a report holds for us.
#[derive(Deserialize)]
struct Reported {
    #[serde(rename = "facts")]
    _facts: Facts,
}

/// Reads facts from a file, or from standard input for `-`: what `facts` printed, or a report of
/// `check --format json`, which contains them.
pub(super) fn read_facts(path: &str) -> Result<Facts, Error> {
    let bytes = match path {
        // Somebody may be typing.
        "-" => read::whole(std::io::stdin().lock(), LARGEST)
            .map_err(|error| BadPath::error(Named::Facts, Path::new("standard input"), &error))?,
        _ => read::file(Named::Facts, Path::new(path), LARGEST, PATIENCE)?,
    };
    let bad =
        |why: String| Error::BadInput { message: format!("{path} is not a facts file: {why}"), hint: Some(Named::Facts.hint().into()) };
    let text = String::from_utf8(bytes).map_err(|_| bad("it is not text in UTF-8".into()))?;
    let (facts, unknown) = parse_facts(&text).map_err(bad)?;
    if !unknown.is_empty() {
        super::output::note(
            "note: ",
            &format!("{path} has fields that this version does not know, which are skipped: {}", named(&unknown)),
        );
    }
    Ok(facts)
}

/// Facts, and the fields that were passed over. Of a report, only its header and its facts are looked at.
pub(crate) fn parse_facts(text: &str) -> Result<(Facts, Vec<String>), String> {
    if text.starts_with('\u{feff}') {
        return Err("it begins with a byte order mark, which JSON has not".into());
    }
    let Once(mut value) = typed(text).map_err(|misread| misread.message)?;
    match header(&value)? {
        "Facts" => lenient::facts(value).map_err(|(path, what)| placed::<Facts>(text, &path, &what)),
        "Report" => {
            let facts = value.get_mut("facts").map(Value::take).ok_or("it is a report without facts")?;
            match header(&facts).map_err(|why| format!("in its facts, {why}"))? {
                "Facts" => lenient::facts(facts).map_err(|(path, what)| placed::<Reported>(text, &format!("facts.{path}"), &what)),
                other => Err(format!("what it has as facts is of kind {other:?}")),
            }
        }
        other => Err(format!("its kind is {other:?}, neither Facts nor Report")),
    }
}

/// The kind of an object of this version.
fn header(value: &Value) -> Result<&str, String> {
    let field = |name: &str| value.get(name).filter(|value| !value.is_null());
    match field("apiVersion") {
        Some(version) if version == API_VERSION => {}
        Some(other) => return Err(format!("its apiVersion is {other}, and this version reads {API_VERSION:?}")),
        None => return Err("it has no apiVersion".into()),
    }
    let kind = field("kind").ok_or("it has no kind")?;
    kind.as_str().ok_or_else(|| format!("its kind is {kind}, neither Facts nor Report"))
}
/// Why a text is not what it should be.
struct Misread {
    path: String,
    message: String,
}

/// Parses, and says where it went wrong and for which field.
fn typed<T: DeserializeOwned>(text: &str) -> Result<T, Misread> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, json) = (error.path().to_string(), error.inner());
        let what = json.to_string();
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        Misread { message: format!("at line {}, column {}: {}", json.line(), json.column(), of_field(what, &path)), path }
    })?;
    reader.end().map_err(|error| {
        let message = format!("at line {}, column {}: something follows the object", error.line(), error.column());
        Misread { path: String::new(), message }
    })?;
    Ok(value)
}

/// An error of a value that has no lines, with the place that the text has for it.
fn placed<T: DeserializeOwned>(text: &str, path: &str, what: &str) -> String {
    match typed::<T>(text) {
        Err(misread) if misread.path == path => misread.message,
        _ => of_field(what, path),
    }
}

fn of_field(what: &str, path: &str) -> String {
    if path == "." { what.to_owned() } else { format!("{what} for `{path}`") }
}

/// Names for one line of a terminal: they come from somebody else.
fn named(unknown: &[String]) -> String {
    let first: Vec<_> = unknown.iter().take(NAMED).map(|name| name.escape_debug().to_string()).collect();
    match unknown.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests;
