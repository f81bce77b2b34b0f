use super::markdown::{code, head, list, table};
use crate::behaviour::{BEHAVIOURS, Behaviour, Group, Lines, Offer, Tried};
use crate::profile::Profile;
use std::fmt::Write;

/// What builds do: `docs/behaviours.md`.
pub fn behaviours() -> String {
    let about = "A behaviour is one thing that builds do. Where a node or a pod is `ready` for a profile, all behaviours work that the\n\
        profile promises. Each promised behaviour is tried by the tests of this project, in real builds.\n\n\
        A step runs as root of the builder's user namespace, and has the image's files and the profile's limits. The scripts below\n\
        run with `sh -e` in three layers; the base image is busybox. Scripts that call `build` run beside the daemon.\n\n\
        buildkitd is the entrypoint of the image: `rootlesskit buildkitd` in the rootless image, `buildkitd` in the other.\n\
        `check --prove build` starts it in the same way, with the image's `XDG_RUNTIME_DIR` and `TMPDIR`.";
    let groups: String = Group::ALL.iter().map(|group| section(*group)).collect();
    head("What builds do", "src/behaviour", about) + &groups + &refused() + "\n## Lines of Dockerfiles\n" + &lines()
}

fn section(group: Group) -> String {
    let rows = BEHAVIOURS.into_iter().filter(|row| row.group == group).map(|row| {
        let offered = |profile| if row.is_promised(profile) { "yes" } else { "no" }.to_owned();
        let [a, b, c, d, e, f] = Profile::ALL.map(offered);
        [link(row), row.title.to_owned(), a, b, c, d, e, f]
    });
    let [a, b, c, d, e, f] = Profile::ALL.map(Profile::id);
    format!("\n## {}\n", group.title()) + &table(["behaviour", "what a build does", a, b, c, d, e, f], rows)
}

fn link(row: &Behaviour) -> String {
    format!("[{}](#{})", code(row.id), row.id)
}

/// Why a profile does not promise a behaviour.
fn refused() -> String {
    let rows =
        BEHAVIOURS.into_iter().flat_map(|row| reasons(row).into_iter().map(|(why, profiles)| [link(row), list(profiles), why.to_owned()]));
    "\n## What is not promised\n\nSuch a behaviour may work on a ready node. No check looks at what it depends on.\n".to_owned()
        + &table(["behaviour", "profiles", "why"], rows)
}

/// Each reason once, with the profiles that have it.
fn reasons(row: &Behaviour) -> Vec<(&'static str, Vec<String>)> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for profile in Profile::ALL {
        let Offer::No(why) = row.offers.of(profile) else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, profiles)) => profiles.push(code(profile)),
            None => reasons.push((why, vec![code(profile)])),
        }
    }
    reasons
}

fn lines() -> String {
    let mut out = String::new();
    for row in BEHAVIOURS {
        let needs = list(row.needs.iter().map(|need| need.title().to_owned()));
        let _ = write!(out, "\n### {}\n\nIt needs: {needs}. {}\n", code(row.id), tried(row.tried));
        let text = text(&row.lines);
        if !text.is_empty() {
            let _ = write!(out, "\n```dockerfile\n{text}```\n");
        }
    }
    out
}

fn tried(tried: Tried) -> String {
    match tried {
        Tried::Everywhere => "Tried by `check --prove build` and by all builds of the tests.".into(),
        Tried::TrialAndLongBuilds => "Tried by `check --prove build`, and by the tests in containers and clusters.".into(),
        Tried::Builds => "Tried by all builds of the tests.".into(),
        Tried::LongBuilds => "Tried by the tests in containers and clusters.".into(),
        Tried::Beside => "Tried by the tests in containers and clusters, beside the daemon.".into(),
        Tried::Cluster(step) => format!("Tried by a step of the cluster's tests: `{step}`."),
        Tried::Nowhere => "Not tried.".into(),
    }
}

fn text(lines: &Lines) -> String {
    let mut out = String::new();
    let step = |script: &str| format!("RUN <<EOF\n{script}\nEOF\n");
    if !lines.stage.is_empty() {
        let _ = writeln!(out, "{}", lines.stage);
    }
    for script in [lines.before, lines.now, lines.after].into_iter().filter(|script| !script.is_empty()) {
        out.push_str(&step(script));
    }
    if !lines.beside.is_empty() {
        let _ = writeln!(out, "{}", lines.beside);
    }
    out
}
