//! Shows a fleet again whenever it has changed.

use super::Arguments;
use super::fleet::report;
use super::format::Format;
use crate::api::Agents;
use crate::cli::{Error, output};
use crate::fleet::status::FleetReport;
use crate::profile::Profile;
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How long to wait before nodes are listed again: nine times as long as the list took, so that the API server has its rest. A watch
/// would send each node's whole object at each of its kubelet's reports.
const LEAST: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(300);

/// Goes on until a signal, or until nobody reads any more. The exit code is that of the last answer.
pub(super) async fn watch(agents: &Agents, arguments: &Arguments, profiles: &[Profile]) -> Result<u8, Error> {
    let ends = |kind| signal(kind).map_err(|error| Error::Io(format!("could not wait for signals: {error}")));
    let (mut interrupt, mut terminate) = (ends(SignalKind::interrupt())?, ends(SignalKind::terminate())?);
    let mut shown: Option<FleetReport> = None;
    let code = |shown: &Option<FleetReport>| {
        shown.as_ref().map_or(crate::cli::exit::UNKNOWN, |report| arguments.fail_below.code(report, profiles))
    };
    loop {
        let began = Instant::now();
        let listed = tokio::select! {
            listed = report(agents, &arguments.source) => listed,
            _ = interrupt.recv() => return Ok(code(&shown)),
            _ = terminate.recv() => return Ok(code(&shown)),
        };
        match listed {
            Ok(now) => {
                if shown.as_ref().is_none_or(|before| has_changed(before, &now)) && !show(arguments.format, &now, profiles)? {
                    return Ok(code(&Some(now)));
                }
                shown = Some(now);
            }
            // What was true a moment ago is shown; who watches is told that it is old.
            Err(error) if shown.is_some() => output::say("warning: ", &error.to_string()),
            Err(error) => return Err(error),
        }
        let pause = (began.elapsed() * 9).clamp(LEAST, MOST);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = interrupt.recv() => return Ok(code(&shown)),
            _ = terminate.recv() => return Ok(code(&shown)),
        }
    }
}

/// Whether a reader would see anything else: not the time, and not that an agent has written the same once more.
fn has_changed(before: &FleetReport, now: &FleetReport) -> bool {
    (&before.profiles, &before.pools, before.nodes, &before.head.pods_unknown)
        != (&now.profiles, &now.pools, now.nodes, &now.head.pods_unknown)
}

/// False where nobody reads any more.
fn show(format: Format, report: &FleetReport, profiles: &[Profile]) -> Result<bool, Error> {
    let Some(text) = format.text(report, profiles) else {
        format.print(report, profiles)?;
        return Ok(true);
    };
    let is_screen = format == Format::Table && std::io::stdout().is_terminal();
    // To the top, and all below it away.
    let before = if is_screen { "\x1b[H\x1b[2J\x1b[3J" } else { "" };
    let after = if format == Format::Table && !is_screen { "\n" } else { "" };
    output::print_more(&format!("{before}{text}{after}"))
}
