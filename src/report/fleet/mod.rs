//! How all nodes stand, for people and for other programs: a table, one line for monitoring, CSV.

mod csv;
mod line;
mod node;

pub use csv::fleet_csv;
pub use line::fleet_line;
pub use node::{NodeCondition, NodeEvent, NodeLabel, NodeRemedy, NodeReport, node_table};

use super::text::{Page, Style};
use crate::fleet::status::{FleetCause, FleetPool, FleetProfile, FleetReport, NO_POOL, Text, Unlock};
use crate::profile::Profile;
use crate::text::counted;

/// How many pools a table has at most, and how many reasons of a profile.
const POOLS: usize = 40;
const CAUSES: usize = 25;
/// How many changes it names.
const UNLOCKS: usize = 10;
/// How many names stand in one cell.
const NAMES: usize = 2;

/// The report for a person: how many nodes are ready, pool by pool, why the others are not, and what one change would make of them.
pub fn fleet_table(report: &FleetReport, asked: &[Profile], style: Style) -> String {
    let mut page = Page::new(style);
    let head = &report.head;
    let cluster = head.cluster.as_ref().map(|cluster| format!("{cluster} · ")).unwrap_or_default();
    page.words(0, &format!("{cluster}Kubernetes {} · {} · {}", head.kubernetes, counted(report.nodes, "node"), head.time));
    page.blank();
    let profiles: Vec<_> = asked.iter().filter_map(|profile| report.profile(*profile)).collect();
    let first = ["PROFILE", "READY", "NOT READY", "UNKNOWN", "SILENT"].map(str::to_owned);
    let row = |profile: &&FleetProfile| {
        let counts = &profile.counts;
        [
            profile.profile.id().to_owned(),
            counts.ready.to_string(),
            counts.not_ready.to_string(),
            counts.unknown.to_string(),
            counts.silent.to_string(),
        ]
    };
    page.columns(&std::iter::once(first).chain(profiles.iter().map(row)).collect::<Vec<_>>());
    for profile in profiles {
        of_profile(&mut page, report, profile);
    }
    if let Some(why) = &head.pods_unknown {
        page.blank();
        page.words(2, &format!("It is unknown what became of the agents' pods: {why}"));
    }
    page.into_text()
}

fn of_profile(page: &mut Page, report: &FleetReport, profile: &FleetProfile) {
    let id = profile.profile.id();
    page.blank();
    let head = ["POOL", "NODES", "READY", "NOT READY", "UNKNOWN", "SILENT", "MOST OFTEN"].map(str::to_owned);
    let is_default = profile.profile == report.default_profile();
    let row = |pool: &FleetPool| {
        let counts = pool.profiles.get(profile.profile);
        let cause = pool.cause.as_ref().filter(|_| is_default).map(|cause| cause.to_string());
        let numbers = [pool.nodes, counts.ready, counts.not_ready, counts.unknown, counts.silent].map(|number| number.to_string());
        let [nodes, ready, not_ready, unknown, silent] = numbers;
        [pool.name.to_string(), nodes, ready, not_ready, unknown, silent, cause.unwrap_or_default()]
    };
    page.words(0, &format!("{id}, by pool"));
    page.columns(&std::iter::once(head).chain(report.pools.iter().take(POOLS).map(row)).collect::<Vec<_>>());
    more(page, report.pools.len(), POOLS, "pool");
    if profile.causes.is_empty() {
        return;
    }
    page.blank();
    page.words(0, &format!("{id}, by cause"));
    let head = ["CAUSE", "VERDICT", "NODES", "POOLS", "WHY"].map(str::to_owned);
    let row = |cause: &FleetCause| {
        [cause.cause.to_string(), cause.verdict.to_string(), cause.nodes.to_string(), names(&cause.pools), cause.title.clone()]
    };
    page.columns(&std::iter::once(head).chain(profile.causes.iter().take(CAUSES).map(row)).collect::<Vec<_>>());
    more(page, profile.causes.len(), CAUSES, "cause");
    unlocks(page, profile);
}

/// What one change would make of nodes, in honest words: what comes after it, only a new look can tell.
fn unlocks(page: &mut Page, profile: &FleetProfile) {
    if profile.unlocks.is_empty() {
        return;
    }
    page.blank();
    page.words(0, &format!("{}, what one change would unlock, as far as the agents have seen", profile.profile.id()));
    // Where one change is the same in several pools, it is told once.
    let is_told = |unlock: &&Unlock| unlock.pool.is_none() || whole(profile, &unlock.cause).is_none();
    let told: Vec<_> = profile.unlocks.iter().filter(is_told).collect();
    for unlock in told.iter().take(UNLOCKS) {
        let place = match unlock.pool.as_deref() {
            Some(NO_POOL) => "nodes of no pool".to_owned(),
            Some(pool) => format!("pool {pool}"),
            None => {
                let pools = profile.unlocks.iter().filter(|other| other.cause == unlock.cause && other.pool.is_some()).count();
                counted(pools, "pool")
            }
        };
        let then = match unlock.then_stopped {
            0 => String::new(),
            number => format!("; {number} more would be stopped by another cause next"),
        };
        page.words(2, &format!("  up to {} more, {place} ({}{then})", counted(unlock.nodes, "node"), unlock.cause));
        page.command(&format!("    {}", unlock.change));
    }
    more(page, told.len(), UNLOCKS, "change");
}

/// The change that is the same in all pools with this cause.
fn whole<'a>(profile: &'a FleetProfile, cause: &Text) -> Option<&'a Unlock> {
    profile.unlocks.iter().find(|unlock| unlock.pool.is_none() && unlock.cause == *cause)
}

fn more(page: &mut Page, there: usize, shown: usize, noun: &str) {
    if there > shown {
        page.words(2, &format!("  and {} more; --format json has all", counted(there - shown, noun)));
    }
}

/// The first of some names, and how many more there are. The labels' keys are left out, which are the same in most of them.
fn names(pools: &[Text]) -> String {
    let short = |pool: &Text| pool.split_once('=').map_or(&**pool, |(_, value)| value).to_owned();
    let names: Vec<_> = pools.iter().take(NAMES).map(short).collect();
    let rest = pools.len().saturating_sub(NAMES);
    if rest > 0 { format!("{} and {rest} more", names.join(", ")) } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
