use super::text::{Line, Page, Section, Style};
use super::{FindingReport, ProfileReport, Reason, Report, headline};
use crate::check::{Note, Outcome, Ready};

/// The report for a person: the verdicts first, then for each that is not ready what was tried,
/// why it failed, what to do, and what would stop it next.
pub fn table(report: &Report, style: Style) -> String {
    let mut page = Page::new(style);
    let headline = headline(&report.facts);
    if !headline.is_empty() {
        page.words(0, &headline);
        page.blank();
    }
    let row = |profile: &ProfileReport| {
        let cells = [
            profile.profile.to_string(),
            profile.verdict.to_string(),
            profile.evidence.to_string(),
            profile.snapshotter.map_or_else(|| "-".into(), |snapshotter| snapshotter.to_string()),
            profile.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        ];
        (profile.verdict, cells)
    };
    page.verdicts(["PROFILE", "VERDICT", "EVIDENCE", "SNAPSHOTTER", "WHY"], report.profiles.iter().map(row).collect());
    let section = |profile: &ProfileReport| Section {
        profile: profile.profile.id(),
        verdict: profile.verdict,
        by: profile.causes.first().map(ToString::to_string),
        lines: explain(profile),
    };
    page.explained(&report.profiles.iter().map(section).collect::<Vec<_>>());
    page.into_text()
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
            lines.push(("then", format!("{fact} and would stop a builder next ({cause})")));
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
    if profile.verdict != Ready::Unknown {
        // Who asked for a build is told that the verdict does not rest on one.
        let notes = found(Outcome::Unknown).filter_map(|finding| finding.message.as_ref());
        lines.extend(notes.filter(|note| note.is_of_no_build()).map(|note| ("note", note.to_string())));
    }
    if profile.verdict == Ready::Unknown {
        let told = |note: &Note| matches!(&profile.reason, Some(Reason::Untold(why)) if why == note);
        let others = found(Outcome::Unknown).filter_map(|finding| finding.message.as_ref());
        for also in others.filter(|note| !told(note)).map(|note| ("also", note.to_string())) {
            // One reason may leave several checks without an answer.
            if !lines.contains(&also) {
                lines.push(also);
            }
        }
    }
    lines
}
