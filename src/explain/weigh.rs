//! Weighs what a log speaks of with what is known of the place.

use super::scan::{Hit, Log};
use super::signature::Weight;
use crate::cause::Cause;
use crate::check::{Case, Note, Standing, standing};
use crate::fact::{Distro, Fact, Facts, IdMap, IdRange, SYSCTLS, Stage, Step, SubId, Trial, TrialEnd};
use crate::profile::Profile;

/// A cause that a log speaks of.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The cause.
    pub cause: Cause,
    /// The line that tells.
    pub line: u64,
    /// Its words.
    pub text: String,
    /// What else is known of it.
    pub weighed: Weighed,
}

/// How sure a cause is, the surest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weighed {
    /// The facts show it, and this is what was seen.
    Shown(Note),
    /// The line names it, and nothing else.
    Named,
    /// It is so on this system, as it is installed.
    Usual(Note),
    /// Nothing that is known speaks for it or against it.
    Open,
    /// It is not so on systems as they are installed.
    Unusual,
    /// The facts speak against it.
    Excluded,
}

impl Weighed {
    fn rank(&self) -> usize {
        match self {
            Weighed::Shown(_) | Weighed::Named => 0,
            Weighed::Usual(_) => 1,
            Weighed::Open => 2,
            Weighed::Unusual => 3,
            Weighed::Excluded => 4,
        }
    }
}

/// The causes that a log speaks of, the likeliest first, for a builder of a profile in a place of which these facts are known.
pub fn explain(log: &Log, facts: &Facts, profile: Profile, process_sandbox: Option<bool>) -> Vec<Explained> {
    let counts = |hit: &&Hit| hit.weight > Weight::Stage || facts.process.asked_user_namespace.known() == Some(&true);
    let mut explained: Vec<Explained> = Vec::new();
    for hit in log.hits.iter().filter(counts) {
        let told = failing(facts, hit, profile, process_sandbox);
        let usual = failing(&as_installed(facts), hit, profile, process_sandbox);
        for cause in hit.signature.suspects {
            if explained.iter().all(|known| known.cause != *cause) {
                let weighed = weigh(hit, *cause, [&told, &usual].map(|facts| Case::new(facts, profile, process_sandbox)));
                explained.push(Explained { cause: *cause, line: hit.line, text: hit.text.clone(), weighed });
            }
        }
    }
    explained.sort_by_key(|explained| explained.weighed.rank());
    explained
}

fn weigh(hit: &Hit, cause: Cause, [told, usual]: [Case; 2]) -> Weighed {
    let step = hit.signature.step;
    match standing(&told, cause, step) {
        Standing::Shown(note) => Weighed::Shown(note),
        _ if hit.weight == Weight::Names && hit.signature.suspects.len() == 1 => Weighed::Named,
        // What is told stands in both; only what is not told can make a difference.
        told => match (told, standing(&usual, cause, step)) {
            (_, Standing::Shown(note)) => Weighed::Usual(note),
            (Standing::Excluded, _) => Weighed::Excluded,
            (_, Standing::Open) => Weighed::Open,
            (_, Standing::Excluded) => Weighed::Unusual,
        },
    }
}

/// How many IDs the kubelet gives a pod, unless it is told otherwise.
const LEAST_POD_IDS: u32 = 65_536;

/// The facts with a build that failed as the line says, so that the judge's rows see it.
fn failing(facts: &Facts, hit: &Hit, profile: Profile, process_sandbox: Option<bool>) -> Facts {
    let mut plan = profile.plan();
    plan.process_sandbox = process_sandbox.unwrap_or(plan.process_sandbox);
    // Whoever comes to the maps in such a pod has its namespace.
    let mut facts = facts.clone();
    let is_in_pods = profile.has_pod_user_namespace() && hit.signature.step.is_some_and(|step| step > Step::UserNamespace);
    if is_in_pods && facts.process.uid_map.unreadable().is_some() {
        let map = IdMap(vec![IdRange { inside: 0, outside: LEAST_POD_IDS, length: LEAST_POD_IDS }]);
        facts.process.uid_map = Fact::Known(map);
    }
    let end = TrialEnd::Failed { stage: Stage::Daemon, step: hit.step(), error: hit.text.clone(), behaviours: Vec::new() };
    Facts { trials: vec![Trial { plan, end, snapshotter: None, millis: 0 }], probes: Vec::new(), ..facts }
}

/// The facts, and where nothing is told what is so on that system as it is installed: a switch that it does not have, a limit that
/// stops nobody, unless its row or its kernel's says otherwise; and the image's range.
fn as_installed(facts: &Facts) -> Facts {
    let mut usual = facts.clone();
    let of_system = |sysctl| facts.os.known().and_then(|os| Distro::default_of(os, sysctl));
    let of_kernel = |sysctl| facts.kernel.known().and_then(|kernel| kernel.default_of(sysctl));
    for row in SYSCTLS.iter().filter(|row| facts.sysctls.get(row.sysctl).unreadable().is_some()) {
        let value = of_kernel(row.sysctl).or_else(|| of_system(row.sysctl));
        usual.sysctls.set(row.sysctl, value.map_or(Fact::Absent, Fact::Known));
    }
    for ranges in [&mut usual.sub_ids.uids, &mut usual.sub_ids.gids] {
        if ranges.unreadable().is_some() {
            // That of the image.
            *ranges = Fact::Known(vec![SubId::STOCK]);
        }
    }
    usual
}
