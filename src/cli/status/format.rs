//! In which forms a report is printed.

use crate::cli::Error;
use crate::cli::output::{self, print, print_json};
use crate::fleet::status::FleetReport;
use crate::profile::Profile;
use crate::report::{NodeReport, PageOptions, fleet_csv, fleet_line, fleet_page, fleet_table, node_table};
use clap::ValueEnum;

/// How to print a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
    /// One page for a browser, which needs nothing beside itself
    Html,
    /// A row for each node and profile
    Csv,
    /// One line for each profile, for monitoring
    Line,
}

impl Format {
    /// Prints a fleet's report.
    pub(super) fn print(self, report: &FleetReport, profiles: &[Profile]) -> Result<(), Error> {
        match self.text(report, profiles) {
            Some(text) => print(&text),
            None if self == Format::Yaml => output::Format::Yaml.print(report, |_| String::new()),
            None if self == Format::Html => print(&page(report, &PageOptions::default())?),
            None => print_json(report),
        }
    }

    /// The forms that are short.
    pub(super) fn text(self, report: &FleetReport, profiles: &[Profile]) -> Option<String> {
        match self {
            Format::Table => Some(fleet_table(report, profiles, output::style())),
            Format::Csv => Some(fleet_csv(report, profiles)),
            Format::Line => Some(fleet_line(report, profiles)),
            Format::Json | Format::Yaml | Format::Html => None,
        }
    }

    /// Prints a node's report.
    pub(super) fn print_node(self, report: &NodeReport, profiles: &[Profile]) -> Result<(), Error> {
        match self {
            Format::Table => print(&node_table(report, profiles, output::style())),
            Format::Json => print_json(report),
            Format::Yaml => output::Format::Yaml.print(report, |_| String::new()),
            Format::Html | Format::Csv | Format::Line => Err(Error::BadInput {
                message: "--format html, csv and line are for all nodes, and NODE names one".into(),
                hint: Some("use --format table, json or yaml, or leave NODE out".into()),
            }),
        }
    }
}

/// The page of a report.
pub(super) fn page(report: &FleetReport, options: &PageOptions) -> Result<String, Error> {
    fleet_page(report, options).map_err(|error| Error::Io(error.to_string()))
}
