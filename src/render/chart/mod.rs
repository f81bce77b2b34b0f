//! Charts of Helm, made of the templates that `render` fills in: `make charts` writes them.

mod agent;
mod builder;
mod parts;
mod rows;
mod translate;

use super::Error;
use parts::Chart;

const CHARTS: [Chart; 2] = [agent::CHART, builder::CHART];

/// The charts' files, by their paths below `charts`.
///
/// # Errors
/// Says which template is wrong.
pub fn charts() -> Result<Vec<(String, String)>, Error> {
    let mut files = Vec::new();
    for chart in &CHARTS {
        let of = |(path, text): (String, String)| (format!("{}/{path}", chart.name), text);
        files.extend(self::files(chart)?.into_iter().map(of));
    }
    Ok(files)
}

fn files(chart: &Chart) -> Result<Vec<(String, String)>, Error> {
    let mut words = (chart.words)();
    words.push(("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()));
    let fill = |text: String| words.iter().fold(text, |text, (word, with)| text.replace(word, with));
    let rows: Vec<_> = chart.rows.iter().map(|row| (row, fill(row.default.to_owned()))).collect();
    let table = rows::table(&rows);
    let filled = |text: &str| fill(text.replace("@VALUES@", &table));
    let mut files: Vec<_> = chart.texts.iter().map(|(path, text)| ((*path).to_owned(), filled(text))).collect();
    files.extend((chart.templates)()?.into_iter().map(|(name, text)| (format!("templates/{name}"), text)));
    files.push(("values.yaml".into(), rows::values(&rows)));
    files.push(("values.schema.json".into(), rows::schema(&rows, chart.name)));
    Ok(files)
}
