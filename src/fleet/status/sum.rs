//! What stands on single nodes, put together: by profile, by cause, by pool, and what one change would make of them.

use super::model::{FleetCause, FleetNode, FleetPool, FleetProfile, FleetReport, Head, Standing, Unlock};
use super::state::{ByProfile, Counts, State};
use super::word::{Text, kebab};
use crate::cause::Cause;
use crate::fact::API_VERSION;
use crate::profile::Profile;
use crate::publish::REASONS;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for the pool of a node that has none of the labels.
pub const NO_POOL: &str = "no pool";

/// The reason of a profile that no pod has been asked to prove.
pub const UNASKED: &str = "unasked";

/// The reason of a profile whose pod would not start.
pub const NO_CANDIDATE: &str = "no-candidate";

/// What stands for a reason where none is named.
const UNNAMED: &str = "unnamed";

impl FleetReport {
    /// Puts nodes together.
    pub fn new(head: Head, mut list: Vec<FleetNode>) -> Self {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        FleetReport {
            api_version: API_VERSION.into(),
            kind: "FleetReport".into(),
            nodes: list.len(),
            profiles: Profile::ALL.into_iter().map(|profile| of_profile(profile, &list)).collect(),
            pools: pools(&list, default_of(&head)),
            head,
            list,
        }
    }

    /// How the nodes stand to a profile.
    pub fn profile(&self, profile: Profile) -> Option<&FleetProfile> {
        self.profiles.iter().find(|each| each.profile == profile)
    }

    /// The profile that a reader sees first.
    pub fn default_profile(&self) -> Profile {
        default_of(&self.head)
    }
}

fn default_of(head: &Head) -> Profile {
    head.default_profile.parse().unwrap_or(Profile::NoProcessSandbox)
}

/// Why a node is not ready, as a word: the cause, or why nobody vouches for it.
fn why(standing: &Standing) -> Option<Text> {
    let silence = || standing.silent_because.map(|silence| silence.id().into());
    match standing.verdict {
        State::Ready => None,
        State::Silent => silence().or_else(|| Some(UNNAMED.into())),
        State::NotReady | State::Unknown => standing.cause.clone().or_else(|| Some(UNNAMED.into())),
    }
}

/// Half a sentence for such a word.
fn title(verdict: State, word: &str, standing: &Standing) -> String {
    if verdict == State::Silent {
        return standing.silent_because.map_or("nobody vouches for it", |silence| silence.title()).to_owned();
    }
    if let Ok(cause) = word.parse::<Cause>() {
        return cause.title().to_owned();
    }
    match word {
        UNASKED => return "no pod has been asked to prove it: its canary is not deployed".into(),
        NO_CANDIDATE => return "a pod of the profile would not start there, by what the kubelet says".into(),
        _ => {}
    }
    let reason = REASONS.iter().find(|row| kebab(&row.reason.to_string()) == word);
    let unnamed = if verdict == State::Unknown { "nothing says why it is unknown" } else { "nothing says why it is not ready" };
    // The first sentence of the table's words.
    reason.map_or(unnamed, |row| row.means.split_once(". ").map_or(row.means, |(first, _)| first).trim_end_matches('.')).to_owned()
}

/// The text of which there are most; of several the first in the alphabet.
fn commonest(counts: &Numbers) -> Option<Text> {
    counts.iter().max_by_key(|(text, number)| (**number, Reverse((*text).clone()))).map(|(text, _)| text.clone())
}

/// How often each text is said.
type Numbers = BTreeMap<Text, usize>;

/// Nodes that are not ready for one reason.
#[derive(Default)]
struct Group {
    nodes: usize,
    title: String,
    fix: Option<Text>,
    fixes: Numbers,
    /// By pool: how many could build if the cause were gone, and how many would be stopped next; and their fixes.
    pools: BTreeMap<Text, (usize, usize, Numbers)>,
}

fn of_profile(profile: Profile, list: &[FleetNode]) -> FleetProfile {
    let mut counts = Counts::default();
    let mut groups: BTreeMap<(State, Text), Group> = BTreeMap::new();
    for node in list {
        let standing = node.profiles.get(profile);
        counts.add(standing.verdict);
        let Some(word) = why(standing) else { continue };
        let group = groups.entry((standing.verdict, word)).or_insert_with_key(|(verdict, word)| Group {
            title: title(*verdict, word, standing),
            fix: standing.silent_because.and_then(|silence| silence.fix()).map(Into::into),
            ..Group::default()
        });
        group.nodes += 1;
        let (free, stopped, fixes) = group.pools.entry(node.pool.clone()).or_default();
        *(if standing.next.is_some() { stopped } else { free }) += 1;
        if let Some(fix) = &standing.fix {
            *group.fixes.entry(fix.clone()).or_default() += 1;
            *fixes.entry(fix.clone()).or_default() += 1;
        }
    }
    // Where a build failed and nothing names why, its fix says where to look, and changes nothing.
    let names_a_change = |cause: &str| cause.parse() != Ok(Cause::BuildFailed);
    let of_a_change = groups.iter().filter(|((verdict, cause), _)| *verdict == State::NotReady && names_a_change(cause));
    let mut unlocks: Vec<_> = of_a_change.flat_map(unlocks).collect();
    unlocks.sort_by_key(|unlock| (Reverse(unlock.nodes), unlock.cause.clone(), unlock.pool.clone()));
    let cause = |((verdict, cause), group): ((State, Text), Group)| FleetCause {
        verdict,
        cause,
        title: group.title,
        nodes: group.nodes,
        pools: group.pools.into_keys().collect(),
        fix: commonest(&group.fixes).or(group.fix),
    };
    let mut causes: Vec<_> = groups.into_iter().map(cause).collect();
    causes.sort_by_key(|cause| (cause.verdict, Reverse(cause.nodes), cause.cause.clone()));
    FleetProfile { profile, counts, causes, unlocks }
}

/// The changes that would remove one cause: pool by pool, and all at once where one change is the same in several pools.
fn unlocks(((_, cause), group): (&(State, Text), &Group)) -> Vec<Unlock> {
    let of = |pool: Option<&Text>, nodes: usize, then_stopped: usize, change: Option<Text>| {
        let change = change.filter(|_| nodes > 0)?;
        Some(Unlock { change, cause: cause.clone(), pool: pool.cloned(), nodes, then_stopped })
    };
    let each = group.pools.iter().filter_map(|(pool, (free, stopped, fixes))| of(Some(pool), *free, *stopped, commonest(fixes)));
    let each: Vec<_> = each.collect();
    let changes: BTreeSet<_> = each.iter().map(|unlock| &unlock.change).collect();
    let total = |part: fn(&Unlock) -> usize| each.iter().map(part).sum();
    let whole = (each.len() > 1 && changes.len() == 1).then(|| {
        of(None, total(|unlock| unlock.nodes), total(|unlock| unlock.then_stopped), each.first().map(|unlock| unlock.change.clone()))
    });
    whole.flatten().into_iter().chain(each.iter().cloned()).collect()
}

fn pools(list: &[FleetNode], default: Profile) -> Vec<FleetPool> {
    let mut pools: BTreeMap<Text, (usize, ByProfile<Counts>, Numbers)> = BTreeMap::new();
    for node in list {
        let (nodes, counts, causes) = pools.entry(node.pool.clone()).or_default();
        *nodes += 1;
        node.profiles.iter().for_each(|(profile, standing)| counts.get_mut(profile).add(standing.verdict));
        if let Some(word) = why(node.profiles.get(default)) {
            *causes.entry(word).or_default() += 1;
        }
    }
    let pool = |(name, (nodes, profiles, causes))| FleetPool { name, nodes, profiles, cause: commonest(&causes) };
    pools.into_iter().map(pool).collect()
}
