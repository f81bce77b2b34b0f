use super::{FindingReport, ProfileReport, Reason, Report, headline};
use crate::check::{Note, Outcome, Ready};
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
            profile.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    // Painted after the columns are laid out: colours have no width.
    for (number, line) in columns(&rows).lines().enumerate() {
        let verdict = number.checked_sub(1).and_then(|number| report.profiles.get(number)).map(|profile| profile.verdict);
        let plain = verdict.map(|verdict| verdict.to_string()).unwrap_or_default();
        let line = if plain.is_empty() { line.to_owned() } else { line.replacen(&plain, &painted(&plain, verdict, colour), 1) };
        let _ = writeln!(out, "{line}");
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

/// Rows with their cells one below the other.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A word in the margin and what it introduces.
pub(super) type Line = (&'static str, String);

pub(super) fn painted(text: &str, ready: Option<Ready>, colour: bool) -> String {
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
    let found = |outcome| profile.findings.iter().filter(move |finding| finding.outcome == outcome);
    lines.extend(profile.failed.as_ref().map(|failed| ("tried", failed.to_string())));
    for (number, cause) in profile.causes.iter().enumerate() {
        let findings: Vec<_> = found(Outcome::Fail).filter(|finding| finding.cause == Some(*cause)).collect();
        // The step that failed names the same cause; it has been told.
        let mut facts = findings.iter().filter_map(|finding| finding.message.as_ref()).filter(|note| !note.is_step());
        let fact = facts.next().map(ToString::to_string);
        if number == 0 {
            lines.extend(fact.map(|fact| ("why", fact)));
        } else {
            let fact = fact.unwrap_or_else(|| cause.title().to_owned());
            lines.push(("then", format!("{fact} and would stop it next ({cause})")));
        }
        if let Some(remedy) = findings.first().and_then(|finding| finding.remedy.as_ref()) {
            lines.push(("fix", remedy.fix.clone()));
            lines.extend(remedy.keep.iter().map(|keep| ("", format!("to keep it: {keep}"))));
            lines.extend(remedy.note.iter().map(|note| ("", note.clone())));
        }
    }
    if profile.verdict != Ready::NotReady {
        let warnings: Vec<_> = found(Outcome::Warn).collect();
        // One note a cause: a fact and the step that fell back over it say the same.
        let first = |(number, finding): &(usize, &&FindingReport)| warnings[..*number].iter().all(|earlier| earlier.cause != finding.cause);
        for (_, finding) in warnings.iter().enumerate().filter(first) {
            let cause = finding.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            lines.extend(finding.message.as_ref().map(|message| ("note", format!("{message}{cause}"))));
        }
    }
    if profile.verdict == Ready::Unknown {
        let told = |note: &Note| matches!(&profile.reason, Some(Reason::Untold(why)) if why == note);
        let others = found(Outcome::Unknown).filter_map(|finding| finding.message.as_ref());
        lines.extend(others.filter(|note| !told(note)).map(|note| ("also", note.to_string())));
    }
    lines
}
