use super::{FindingReport, ProfileReport, Report, headline};
use crate::check::{Outcome, Ready};
use std::fmt::Write;

/// The report for a person: the verdicts first, then for each that is not ready what was tried,
/// why it failed, what to do, and what would stop it next.
pub fn table(report: &Report, colour: bool) -> String {
    let mut out = headline(&report.facts);
    if !out.is_empty() {
        out.push_str("\n\n");
    }
    let mut rows = vec![["PROFILE", "VERDICT", "EVIDENCE", "SNAPSHOTTER", "WHY"].map(str::to_owned)];
    for profile in &report.profiles {
        rows.push([
            profile.profile.to_string(),
            profile.verdict.to_string(),
            profile.evidence.to_string(),
            profile.snapshotter.map_or_else(|| "-".into(), |snapshotter| snapshotter.to_string()),
            profile.reason.clone().unwrap_or_default(),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = widths.get(column).map_or(0, |width| width.saturating_sub(cell.chars().count()) + 2);
            let ready = report.profiles.get(number.wrapping_sub(1)).map(|profile| profile.verdict);
            let cell = if column == 1 { painted(cell, ready, colour) } else { cell.clone() };
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    // Profiles that fail for the same reasons are explained once.
    let mut explained: Vec<(Vec<&ProfileReport>, Vec<Line>)> = Vec::new();
    for profile in &report.profiles {
        let lines = explain(profile);
        let same = |group: &&mut (Vec<&ProfileReport>, Vec<Line>)| {
            group.0[0].verdict == profile.verdict && group.0[0].causes == profile.causes && group.1 == lines
        };
        match explained.iter_mut().find(same) {
            Some(group) => group.0.push(profile),
            None => explained.push((vec![profile], lines)),
        }
    }
    for (profiles, lines) in explained.iter().filter(|group| !group.1.is_empty()) {
        let names: Vec<_> = profiles.iter().map(|profile| profile.profile.id()).collect();
        let verdict = painted(&profiles[0].verdict.to_string(), Some(profiles[0].verdict), colour);
        let cause = profiles[0].causes.first().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let _ = writeln!(out, "\n{} {} {verdict}{cause}", names.join(", "), if names.len() == 1 { "is" } else { "are" });
        for (word, text) in lines {
            let _ = writeln!(out, "  {word:<5}  {text}");
        }
    }
    out
}

/// A word in the margin and what it introduces.
type Line = (&'static str, String);

fn painted(text: &str, ready: Option<Ready>, colour: bool) -> String {
    let code = match ready {
        Some(Ready::Ready) if colour => "32",
        Some(Ready::NotReady) if colour => "31",
        Some(Ready::Unknown) if colour => "33",
        _ => return text.to_owned(),
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

fn explain(profile: &ProfileReport) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let is_step = |finding: &&FindingReport| profile.failed.is_some() && finding.message == profile.failed;
    if let Some(failed) = &profile.failed {
        lines.push(("tried", failed.clone()));
    }
    let found = |outcome| profile.findings.iter().filter(move |finding| finding.outcome == outcome);
    for (number, cause) in profile.causes.iter().enumerate() {
        let finding = found(Outcome::Fail).filter(|finding| !is_step(finding)).find(|finding| finding.cause == Some(*cause));
        let message = finding.and_then(|finding| finding.message.clone());
        if number == 0 {
            lines.extend(message.map(|message| ("why", message)));
            let remedy = found(Outcome::Fail).find(|finding| finding.cause == Some(*cause)).and_then(|finding| finding.remedy.clone());
            if let Some(remedy) = remedy {
                lines.push(("fix", remedy.fix));
                lines.extend(remedy.keep.map(|keep| ("", format!("to keep it: {keep}"))));
                lines.extend(remedy.note.map(|note| ("", note)));
            }
        } else {
            let message = message.unwrap_or_else(|| cause.title().to_owned());
            lines.push(("then", format!("{message} and would stop it next ({cause})")));
        }
    }
    if profile.verdict != Ready::NotReady {
        for (number, finding) in found(Outcome::Warn).enumerate() {
            if found(Outcome::Warn).take(number).any(|earlier| earlier.cause == finding.cause) {
                continue;
            }
            let cause = finding.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            lines.extend(finding.message.as_ref().map(|message| ("note", format!("{message}{cause}"))));
        }
    }
    if profile.verdict == Ready::Unknown {
        for finding in found(Outcome::Unknown) {
            lines.extend(
                finding.message.clone().filter(|message| Some(message) != profile.reason.as_ref()).map(|message| ("also", message)),
            );
        }
    }
    lines
}
