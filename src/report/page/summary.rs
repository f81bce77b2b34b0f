//! What stands above the list of nodes: totals, changes, causes and pools of each profile, for readers without scripts too.

use super::about;
use crate::fleet::status::{Counts, FleetCause, FleetNode, FleetPool, FleetProfile, FleetReport, Standing, State};
use crate::profile;
use crate::text::line;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::cmp::Reverse;

/// How many rows a table has that is for reading: the filters have all.
const UNLOCKS: usize = 8;
const POOLS: usize = 200;
/// How many pools a cause names.
const NAMED: usize = 3;
/// What stands in an address as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// One profile.
#[derive(Serialize)]
pub(super) struct Profile {
    id: &'static str,
    title: String,
    share: String,
    totals: Vec<Cell>,
    unlocks: Vec<Change>,
    more_unlocks: usize,
    causes: Vec<Cause>,
    pools: Vec<Pool>,
    more_pools: usize,
}

/// How many nodes stand so.
#[derive(Serialize)]
pub(super) struct Cell {
    verdict: &'static str,
    words: String,
    nodes: usize,
    share: String,
    link: String,
    /// Where its part of a bar begins and how wide it is, in percent.
    from: String,
    width: String,
}

#[derive(Serialize)]
struct Change {
    change: String,
    nodes: usize,
    then_stopped: usize,
    pool: Option<String>,
    cause: String,
    link: String,
}

#[derive(Serialize)]
struct Cause {
    id: String,
    title: String,
    verdict: &'static str,
    /// Whether the page explains it.
    explained: bool,
    nodes: usize,
    fix: Option<String>,
    pools: Vec<String>,
    more_pools: usize,
    link: String,
}

#[derive(Serialize)]
struct Pool {
    name: String,
    nodes: usize,
    totals: Vec<Cell>,
    link: String,
    cause: Option<String>,
    explained: bool,
}

/// A node where no script runs.
#[derive(Serialize)]
pub(super) struct Row {
    name: String,
    verdict: &'static str,
    words: String,
    cause: String,
    pool: String,
    os: String,
    message: String,
}

/// All profiles, the default one first.
pub(super) fn profiles(report: &FleetReport) -> Vec<Profile> {
    let mut profiles: Vec<_> = report.profiles.iter().collect();
    profiles.sort_by_key(|of| of.profile != report.default_profile());
    profiles.into_iter().map(|of| one(report, of)).collect()
}

fn one(report: &FleetReport, of: &FleetProfile) -> Profile {
    let id = of.profile.id();
    let mut pools: Vec<_> = report.pools.iter().collect();
    let more_pools = pools.len().saturating_sub(POOLS);
    if more_pools > 0 {
        pools.sort_by_key(|pool| Reverse(pool.nodes));
        pools.truncate(POOLS);
    }
    let change = |unlock: &crate::fleet::status::Unlock| Change {
        change: shown(&unlock.change),
        nodes: unlock.nodes,
        then_stopped: unlock.then_stopped,
        pool: unlock.pool.as_deref().map(shown),
        cause: shown(&unlock.cause),
        link: link(
            id,
            &[("verdict", State::NotReady.id()), ("cause", &unlock.cause), ("pool", unlock.pool.as_deref().unwrap_or_default())],
        ),
    };
    Profile {
        id,
        title: of.profile.row().title.replace('`', ""),
        share: share(of.counts.ready, report.nodes),
        totals: cells(&of.counts, report.nodes, id, None),
        unlocks: of.unlocks.iter().take(UNLOCKS).map(change).collect(),
        more_unlocks: of.unlocks.len().saturating_sub(UNLOCKS),
        causes: of.causes.iter().map(|of| cause(id, of)).collect(),
        pools: pools.into_iter().map(|one| pool(one, of.profile, report.default_profile())).collect(),
        more_pools,
    }
}

fn cause(profile: &str, of: &FleetCause) -> Cause {
    Cause {
        id: shown(&of.cause),
        title: shown(&of.title),
        verdict: of.verdict.id(),
        explained: about::has(&of.cause),
        nodes: of.nodes,
        fix: fix(of),
        pools: of.pools.iter().take(NAMED).map(|pool| shown(pool)).collect(),
        more_pools: of.pools.len().saturating_sub(NAMED),
        link: link(profile, &[("verdict", of.verdict.id()), ("cause", &of.cause)]),
    }
}

fn pool(pool: &FleetPool, profile: profile::Profile, default: profile::Profile) -> Pool {
    // The commonest cause is that of the default profile.
    let cause = pool.cause.as_deref().filter(|_| profile == default);
    Pool {
        name: shown(&pool.name),
        nodes: pool.nodes,
        totals: cells(pool.profiles.get(profile), pool.nodes, profile.id(), Some(&pool.name)),
        link: link(profile.id(), &[("pool", &pool.name)]),
        explained: cause.is_some_and(about::has),
        cause: cause.map(shown),
    }
}

/// A node for readers without scripts.
pub(super) fn row(node: &FleetNode, profile: profile::Profile) -> Row {
    let standing = node.profiles.get(profile);
    Row {
        name: shown(&node.name),
        verdict: standing.verdict.id(),
        words: standing.verdict.to_string(),
        cause: why(standing).map(shown).unwrap_or_default(),
        pool: shown(&node.pool),
        os: shown(&node.os),
        message: standing
            .message
            .as_deref()
            .or_else(|| node.silent_text.as_deref().filter(|_| standing.verdict == State::Silent))
            .map(shown)
            .unwrap_or_default(),
    }
}

/// What to do about a cause, on one line.
pub(super) fn fix(cause: &FleetCause) -> Option<String> {
    cause.fix.as_deref().map(shown)
}

/// By which word the causes of a report have a node: its cause, or why nobody vouches for it.
pub(super) fn why(standing: &Standing) -> Option<&str> {
    match standing.verdict {
        State::Ready => None,
        State::Silent => standing.silent_because.map(|silence| silence.id()),
        State::NotReady | State::Unknown => standing.cause.as_deref(),
    }
}

/// As a person may read it.
pub(super) fn shown(text: &str) -> String {
    line(text).into_owned()
}

fn cells(counts: &Counts, all: usize, profile: &str, pool: Option<&str>) -> Vec<Cell> {
    let percent = |nodes: usize| format!("{:.2}", nodes as f64 * 100.0 / all.max(1) as f64);
    let mut before = 0;
    let cell = |state: &State| {
        let nodes = counts.of(*state);
        let from = percent(before);
        before += nodes;
        Cell {
            verdict: state.id(),
            words: state.to_string(),
            nodes,
            share: share(nodes, all),
            link: link(profile, &[("verdict", state.id()), ("pool", pool.unwrap_or_default())]),
            from,
            width: percent(nodes),
        }
    };
    State::ALL.iter().map(cell).collect()
}

/// A share that says 0 % and 100 % only where it is so.
fn share(nodes: usize, all: usize) -> String {
    let percent = (nodes * 100 + all / 2).checked_div(all).unwrap_or(0);
    match percent {
        0 if nodes > 0 => "<1 %".into(),
        100 if nodes < all => ">99 %".into(),
        percent => format!("{percent} %"),
    }
}

/// An address within the page that the list of nodes goes by.
fn link(profile: &str, chosen: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(&line(text), KEPT).to_string();
    let chosen = chosen.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("&{name}={}", encoded(value)));
    format!("profile={profile}{}", chosen.collect::<String>())
}
