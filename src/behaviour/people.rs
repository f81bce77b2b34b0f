//! The behaviours as people write them: one Dockerfile in stages, and scripts beside it.

use super::row::{Behaviour, Lines, Tried};
use super::table::promised;
use crate::profile::Profile;
use std::fmt::Write;

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What kernel and volume decide.
    Short,
    /// All that one build can do.
    Long,
}

fn of_build(profile: Profile, extent: Extent) -> impl Iterator<Item = &'static Behaviour> {
    promised(profile).filter(move |row| match row.tried {
        Tried::Everywhere | Tried::Builds => true,
        Tried::LongBuilds | Tried::TrialAndLongBuilds => extent == Extent::Long,
        Tried::Beside | Tried::Cluster(_) | Tried::Nowhere => false,
    })
}

/// A Dockerfile that does all that the profile promises. Each script of a step says `behaviour ID failed: ...` and goes on;
/// the last step fails where one did. A stage is called by its behaviour's id.
///
/// The base image has busybox as its shell and /behaviours.sh.
pub fn dockerfile(profile: Profile, extent: Extent) -> String {
    let rows: Vec<_> = of_build(profile, extent).collect();
    let mut out = "FROM scratch AS base\nCOPY base/ /\n".to_owned();
    let stages = rows.iter().filter(|row| !row.lines.stage.is_empty());
    for row in stages.clone() {
        let head = if row.lines.stage.starts_with("FROM") { String::new() } else { format!("FROM base AS {}\n", row.id) };
        let _ = write!(out, "\n{head}{}\n", row.lines.stage);
    }
    out.push_str("\nFROM base AS before\n");
    out.push_str(&step(&rows, |lines| lines.before, ""));
    out.push_str("\nFROM before AS now\n");
    out.push_str(&step(&rows, |lines| lines.now, ""));
    out.push_str("\nFROM now\n");
    for row in stages {
        let _ = writeln!(out, "COPY --from={0} /kept /stages/{0}", row.id);
    }
    out.push_str(&step(&rows, |lines| lines.after, "done_or_failed > /made\n"));
    out
}

/// The same checks once more, on an image that such a build made.
pub fn again(profile: Profile, extent: Extent) -> String {
    let rows: Vec<_> = of_build(profile, extent).collect();
    format!("FROM first\n{}", step(&rows, |lines| lines.after, "done_or_failed > /dev/null\n"))
}

/// A step with one script for each behaviour.
fn step(rows: &[&Behaviour], script: fn(&Lines) -> &'static str, last: &str) -> String {
    let mut out = "RUN <<'STEP'\n. /behaviours.sh\n".to_owned();
    for row in rows.iter().filter(|row| !script(&row.lines).is_empty()) {
        let _ = write!(out, "try {} <<'LINES'\n{}\nLINES\n", row.id, script(&row.lines));
    }
    out + last + "STEP\n"
}

/// The scripts beside the daemon, as one for sh: each is the text of a call of `beside ID`.
pub fn beside(profile: Profile) -> String {
    let mut out = String::new();
    for row in promised(profile).filter(|row| row.tried == Tried::Beside) {
        let _ = write!(out, "beside {} <<'LINES'\n{}\nLINES\n", row.id, row.lines.beside);
    }
    out
}
