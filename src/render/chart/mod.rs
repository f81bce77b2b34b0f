//! Charts of Helm, made of the templates that `render` fills in: `make charts` writes them.

mod agent;
mod builder;
mod rows;
mod translate;

use super::Error;
use rows::Row;

/// Files by their paths, or why there are none.
type Files = Result<Vec<(String, String)>, Error>;

/// A chart.
struct Chart {
    name: &'static str,
    rows: &'static [Row],
    /// Its own files, by their paths.
    texts: &'static [(&'static str, &'static str)],
    /// Its templates that are those of manifests.
    templates: fn() -> Files,
    /// Words in its own files, and what stands for them.
    words: fn() -> Vec<(&'static str, String)>,
}

const CHARTS: [Chart; 2] = [agent::CHART, builder::CHART];

/// The charts' files, by their paths below `charts`.
///
/// # Errors
/// Says which template is wrong.
pub fn charts() -> Files {
    let mut files = Vec::new();
    for chart in &CHARTS {
        let of = |(path, text): (String, String)| (format!("{}/{path}", chart.name), text);
        files.extend(chart.files()?.into_iter().map(of));
    }
    Ok(files)
}

impl Chart {
    fn files(&self) -> Result<Vec<(String, String)>, Error> {
        let mut words = (self.words)();
        words.push(("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()));
        let fill = |text: String| words.iter().fold(text, |text, (word, with)| text.replace(word, with));
        let rows: Vec<_> = self.rows.iter().map(|row| (row, fill(row.default.to_owned()))).collect();
        let table = rows::table(&rows);
        let filled = |text: &str| fill(text.replace("@VALUES@", &table));
        let mut files: Vec<_> = self.texts.iter().map(|(path, text)| ((*path).to_owned(), filled(text))).collect();
        files.extend((self.templates)()?.into_iter().map(|(name, text)| (format!("templates/{name}"), text)));
        files.push(("values.yaml".into(), rows::values(&rows)));
        files.push(("values.schema.json".into(), rows::schema(&rows, self.name)));
        Ok(files)
    }
}

/// What several values may be, as regular expressions.
const DOMAIN: &str = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$";
const NAMESPACE: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
const IMAGE_NAME: &str = r"^[a-z0-9.\[]([A-Za-z0-9._:/\[\]-]*[a-z0-9])?$";
const IMAGE_TAG: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$";
const IMAGE_DIGEST: &str = "^sha256:[0-9a-f]{64}$";
const PROFILE_OF_NODE: &str = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$";
const PULL_POLICIES: &[&str] = &["", "Always", "IfNotPresent", "Never"];
