//! How many nodes have to be ready.

use crate::cli::exit::{NOT_READY, READY, UNKNOWN};
use crate::fleet::status::{FleetReport, Silence};
use crate::profile::Profile;

/// The least number of nodes that have to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threshold {
    /// So many.
    Nodes(usize),
    /// So many of a hundred.
    Percent(usize),
}

/// `N` or `N%`.
pub(super) fn parse(text: &str) -> Result<Threshold, String> {
    let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let read = match text.strip_suffix('%') {
        Some(percent) => number(percent).filter(|percent| *percent <= 100).map(Threshold::Percent),
        None => number(text).map(Threshold::Nodes),
    };
    read.ok_or_else(|| "a number of nodes such as 3, or a percentage up to 100%, such as 90%".into())
}

impl Threshold {
    /// The exit code: of several profiles the worst one counts.
    pub(super) fn code(self, report: &FleetReport, profiles: &[Profile]) -> u8 {
        // No agent is sent to the others, and no builder can be.
        let linux = report.list.iter().filter(|node| node.silent_because != Some(Silence::NotLinux)).count();
        let others = report.nodes - linux;
        let codes = profiles.iter().filter_map(|profile| report.profile(*profile)).map(|profile| {
            let counts = &profile.counts;
            let open = counts.unknown + counts.silent.saturating_sub(others);
            self.of(counts.ready, open, linux)
        });
        let codes: Vec<_> = codes.collect();
        [NOT_READY, UNKNOWN].into_iter().find(|code| codes.contains(code)).unwrap_or(READY)
    }

    fn of(self, ready: usize, open: usize, all: usize) -> u8 {
        let is_enough = |ready: usize| match self {
            Threshold::Nodes(least) => ready >= least,
            Threshold::Percent(least) => ready * 100 >= least * all,
        };
        match (is_enough(ready), is_enough(ready + open)) {
            (true, _) => READY,
            (false, true) => UNKNOWN,
            (false, false) => NOT_READY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_is_not_ready_unless_others_may_be() {
        for (text, ready, open, all, code) in [
            ("1", 1, 0, 9, READY),
            ("1", 0, 0, 0, NOT_READY),
            ("1", 0, 3, 3, UNKNOWN),
            ("0", 0, 0, 0, READY),
            ("5", 4, 1, 9, UNKNOWN),
            ("5", 3, 1, 9, NOT_READY),
            ("90%", 9, 0, 10, READY),
            ("90%", 8, 1, 10, UNKNOWN),
            ("91%", 9, 0, 10, NOT_READY),
            ("100%", 3, 0, 3, READY),
        ] {
            assert_eq!(parse(text).expect("a threshold").of(ready, open, all), code, "{text} {ready} {open} {all}");
        }
        for text in ["", "%", "-1", "101%", "1.5", "+1", " 1", "1 %", "all", "99999999999999999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
