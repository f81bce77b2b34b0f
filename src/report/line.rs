//! The report in one line, for monitors that take no more: node-problem-detector cuts what is longer.

use super::{ProfileReport, Report};
use crate::text::{plain, shortened};

/// The longest line, in bytes: what node-problem-detector passes on unless it is told otherwise.
pub const LINE_BYTES: usize = 80;

/// Each profile's verdict in one line of at most [`LINE_BYTES`]. Of one profile it also says why, as far as there is room.
pub fn line(report: &Report) -> String {
    let said: Vec<_> = report.profiles.iter().map(verdict).collect();
    let why = match report.profiles.as_slice() {
        [one] => one.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default(),
        _ => String::new(),
    };
    shortened(plain(&format!("{}{why}", said.join("; ")), usize::MAX), LINE_BYTES)
}

/// `no-process-sandbox not ready (userns-max0)`: what matters first, since the end may be cut.
fn verdict(profile: &ProfileReport) -> String {
    let by = profile.causes.first().map_or_else(|| profile.evidence.to_string(), ToString::to_string);
    format!("{} {} ({by})", profile.profile, profile.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::{facts_of, healthy};
    use crate::fact::{Fact, Facts, Sysctl};
    use crate::profile::Profile;

    fn of(facts: &Facts, profiles: &[Profile]) -> String {
        let report = Report::new(profiles.iter().map(|profile| judge(facts, *profile, None)).collect(), facts.clone());
        let line = line(&report);
        assert!(line.len() <= LINE_BYTES && !line.contains(char::is_control), "{line:?}");
        line
    }

    #[test]
    fn the_cause_comes_before_what_may_be_cut() {
        let none = facts_of(&|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0)));
        assert_eq!(of(&healthy(), &[Profile::NoProcessSandbox]), "no-process-sandbox ready (proven)");
        assert_eq!(
            of(&none, &[Profile::NoProcessSandbox]),
            "no-process-sandbox not ready (userns-max0): no user may create user namespaces"
        );
        let both = of(&none, &[Profile::NoProcessSandbox, Profile::Rootful]);
        assert_eq!(both, "no-process-sandbox not ready (userns-max0); rootful ready (predicted)");
        assert!(of(&none, &Profile::ALL).ends_with(" ..."), "more than there is room for");
        let unknown = of(&Facts::unknown(), &[Profile::NoProcessSandbox]);
        assert!(unknown.starts_with("no-process-sandbox unknown (predicted): "), "{unknown}");
    }
}
