//! A fleet in one line, for what reads one line: a monitoring check, a status bar.

use crate::fleet::status::{FleetReport, State};
use crate::profile::Profile;
use crate::text::line;

/// One line for each profile: how many nodes are ready, how the others stand, and what is the matter most often.
pub fn fleet_line(report: &FleetReport, asked: &[Profile]) -> String {
    let mut text = String::new();
    for profile in asked.iter().filter_map(|profile| report.profile(*profile)) {
        let others = [State::NotReady, State::Unknown, State::Silent].map(|state| (state, profile.counts.of(state)));
        let others = others.iter().filter(|(_, number)| *number > 0).map(|(state, number)| format!(", {number} {state}"));
        let most = profile.causes.iter().max_by_key(|cause| cause.nodes).map(|cause| format!("; most often {}", cause.cause));
        let said = format!(
            "{}: {} of {} ready{}{}",
            profile.profile.id(),
            profile.counts.ready,
            report.nodes,
            others.collect::<String>(),
            most.unwrap_or_default()
        );
        text += &line(&said);
        text.push('\n');
    }
    text
}
