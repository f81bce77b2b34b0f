//! All rows.

use super::row::Behaviour;
use super::{daemon, export, files, layers, mounts, network, owners, processes, sources};
use crate::fact::Plan;
use crate::profile::Profile;

const PARTS: [&[Behaviour]; 9] =
    [layers::ROWS, owners::ROWS, files::ROWS, processes::ROWS, mounts::ROWS, network::ROWS, sources::ROWS, export::ROWS, daemon::ROWS];

/// All behaviours, in the order of the document.
pub const BEHAVIOURS: [&Behaviour; count()] = all();

const fn count() -> usize {
    let (mut count, mut part) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
}

const fn all() -> [&'static Behaviour; count()] {
    let mut all = [&PARTS[0][0]; count()];
    let (mut at, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut row = 0;
        while row < PARTS[part].len() {
            all[at] = &PARTS[part][row];
            (at, row) = (at + 1, row + 1);
        }
        part += 1;
    }
    all
}

/// One of them.
pub fn find(id: &str) -> Option<&'static Behaviour> {
    BEHAVIOURS.into_iter().find(|behaviour| behaviour.id == id)
}

/// What a profile promises.
pub fn promised(profile: Profile) -> impl Iterator<Item = &'static Behaviour> {
    BEHAVIOURS.into_iter().filter(move |behaviour| behaviour.is_promised(profile))
}

/// What the trial build does: that which all profiles promise whose builders do as this plan says.
pub fn of_trial(plan: Plan) -> impl Iterator<Item = &'static Behaviour> {
    let promise = move |behaviour: &&Behaviour| {
        Profile::ALL.into_iter().filter(|profile| profile.plan() == plan).all(|profile| behaviour.is_promised(profile))
    };
    BEHAVIOURS.into_iter().filter(|behaviour| behaviour.is_of_trial()).filter(promise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::{Group, Offer, Tried};
    use std::collections::BTreeSet;

    #[test]
    fn each_row_has_an_id_of_its_own_that_is_a_stage_of_a_dockerfile_too() {
        let ids: BTreeSet<_> = BEHAVIOURS.iter().map(|row| row.id).collect();
        assert!(ids.len() == BEHAVIOURS.len() && ids.len() >= 40, "{}", ids.len());
        assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')));
        assert!(BEHAVIOURS.is_sorted_by_key(|row| row.group));
        for group in Group::ALL {
            assert!(BEHAVIOURS.iter().any(|row| row.group == *group), "{group:?}");
        }
    }

    #[test]
    fn what_is_promised_is_tried_and_can_be() {
        for row in BEHAVIOURS {
            let promised = Profile::ALL.into_iter().any(|profile| row.is_promised(profile));
            assert_eq!(promised, row.tried != Tried::Nowhere, "{}", row.id);
            let lines = &row.lines;
            let in_build = [lines.stage, lines.before, lines.now, lines.after].concat();
            match row.tried {
                Tried::Everywhere | Tried::TrialAndLongBuilds | Tried::Builds | Tried::LongBuilds => {
                    assert!(!in_build.is_empty() && lines.beside.is_empty(), "{}", row.id)
                }
                Tried::Beside => assert!(in_build.is_empty() && !lines.beside.is_empty(), "{}", row.id),
                Tried::Cluster(_) | Tried::Nowhere => {}
            }
        }
    }

    #[test]
    fn a_profile_that_does_not_promise_says_why_in_a_sentence() {
        for row in BEHAVIOURS {
            for profile in Profile::ALL {
                if let Offer::No(why) = row.offers.of(profile) {
                    assert!(why.ends_with('.') && why.split_whitespace().count() <= 30, "{}: {why}", row.id);
                }
            }
            assert!(!row.title.ends_with('.') && row.title.split_whitespace().count() <= 20, "{}", row.id);
        }
    }
}
