//! The fleet as one HTML file. It needs nothing beside itself: no script, font or picture from elsewhere.
//!
//! All that a cluster says is escaped twice: what acts on a reader's screen is shown as an escape ([`crate::text::line`]), and the
//! template writes each text as text. The policy of the page lets exactly its own script and style run, by their hashes.

mod about;
mod data;
mod policy;
mod summary;
#[cfg(test)]
mod tests;

use crate::fleet::status::FleetReport;
use data::Data;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use policy::Policy;
use serde::Serialize;
use summary::{Row, row, shown};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("data.js"),
    include_str!("list.js"),
    include_str!("page.js"),
    include_str!("live.js"),
    "})();\n"
);

/// So many nodes a page lists where no script runs.
const STATIC_ROWS: usize = 50;

/// A page that could not be made: a fault of this program.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The template does not fit to what fills it.
    #[error("could not make the page: {0:#}")]
    Template(#[from] minijinja::Error),
    /// The data is no JSON.
    #[error("could not write the page's data: {0}")]
    Data(#[from] serde_json::Error),
}

/// How a page is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageOptions {
    /// After so many seconds it asks the server that it came from again; null for a file.
    pub live: Option<u64>,
    /// What a reader must know of the data first.
    pub notice: Option<String>,
}

/// The page of a fleet.
///
/// # Errors
/// See [`PageError`]: none that depends on what the report has.
pub fn fleet_page(report: &FleetReport, options: &PageOptions) -> Result<String, PageError> {
    let default = report.default_profile();
    let rows: Vec<Row> = report.list.iter().take(STATIC_ROWS).map(|node| row(node, default)).collect();
    let data = crate::text::json(serde_json::to_string(&Data::of(report))?);
    Ok(environment()?.get_template("page.html")?.render(context! {
        policy => Policy::of(SCRIPT, STYLE, options.live.is_some()).to_string(),
        style => STYLE,
        script => SCRIPT,
        // Between the tags of a script only these characters can end it.
        data => data.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
        live => options.live,
        notice => options.notice.as_deref().map(shown),
        cluster => report.head.cluster.as_deref().map(shown),
        kubernetes => shown(&report.head.kubernetes),
        time => shown(&report.head.time),
        group_by => report.head.group_by.iter().map(|key| shown(key)).collect::<Vec<_>>(),
        pods_unknown => report.head.pods_unknown.as_deref().map(shown),
        nodes => report.nodes,
        columns => Value::from(Serde(&COLUMNS)),
        profiles => Value::from(Serde(summary::profiles(report))),
        abouts => Value::from(Serde(about::of(report))),
        rows => Value::from(Serde(rows)),
    })?)
}

/// A column of the list of nodes.
#[derive(Serialize)]
struct Column {
    id: &'static str,
    title: &'static str,
    class: &'static str,
}

const COLUMNS: [Column; 6] = [
    Column { id: "name", title: "Node", class: "c-name" },
    Column { id: "verdict", title: "Verdict", class: "c-verdict" },
    Column { id: "cause", title: "Cause", class: "c-cause" },
    Column { id: "pool", title: "Pool", class: "c-pool" },
    Column { id: "os", title: "System", class: "c-os" },
    Column { id: "message", title: "Message", class: "c-message" },
];

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(minijinja::syntax::SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_filter("number", number);
    // Texts are escaped since its name ends so.
    environment.add_template("page.html", TEMPLATE)?;
    Ok(environment)
}

/// A number as people read it: `10,000`.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
