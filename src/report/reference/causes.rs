use super::markdown::{code, head, link, list, table};
use crate::cause::{Cause, Level, Mark, Row};
use crate::check::CHECKS;

/// All causes in a table, then the text of each.
pub(super) fn page() -> String {
    let about = "A cause is a stable id of one reason why a builder does not work. The id stands in reports, in the label `cause`, and as\n\
        the [reason of a condition](conditions.md#reasons) in another spelling (`userns-max0`, `UsernsMax0`).";
    let rows = Cause::ALL.iter().map(|cause| [link(*cause), cause.title().to_owned(), place(cause.row()), remark(cause.row())]);
    let texts: String = Cause::ALL.iter().map(|cause| text(*cause)).collect();
    head("Causes", "src/cause", about) + &table(["cause", "what is wrong", "lies in", "remarks"], rows) + &texts
}

fn place(row: &Row) -> String {
    match row.level {
        Level::Node => "the node",
        Level::Pod => "the pod",
        Level::Image => "the image",
        Level::Cluster => "the cluster",
        Level::Unknown => "not known",
    }
    .into()
}

fn remark(row: &Row) -> String {
    let remark = |mark: &Mark| match mark {
        Mark::Passes => "may pass by itself",
        Mark::OfSysctls => "[`tune`](../tune.md) can remove it",
        Mark::OfVolume => "lies in the volume under the state dir",
        Mark::OfConfinement => "says nothing about a pod that asks for `Unconfined` where this one does not",
        Mark::OfTexts => "told by `explain` and `check -f`: no fact of a node shows it",
        Mark::MaybeTheShells => "on a bare machine it may lie in the shell alone",
    };
    list(row.marks.iter().map(|mark| remark(mark).to_owned()))
}

fn text(cause: Cause) -> String {
    let checks = CHECKS.iter().filter(|check| check.causes.contains(&cause));
    let checks = list(checks.map(|check| format!("[`{}`](checks.md#{})", check.id, check.id)));
    let title = cause.title();
    format!(
        "\n## {}\n\n**{title}.** Checks that name it: {checks}.\n\n{}\n",
        code(cause),
        linked(&below(cause.row().about), cause).trim_end()
    )
}

/// The headings of a text, one level further down. Lines of code that look like headings stay.
fn below(about: &str) -> String {
    let parts = about.split("```").enumerate().map(|(number, part)| match number % 2 {
        0 => {
            part.lines().map(|line| if line.starts_with('#') { format!("#{line}") } else { line.to_owned() }).collect::<Vec<_>>().join("\n")
                + "\n"
        }
        _ => part.to_owned(),
    });
    let parts: Vec<_> = parts.collect();
    // A fence opens a line of its own, and what follows a closing one begins with the line's end.
    parts.join("```")
}

/// The text with links from other causes' ids to their texts. An id that a check has too is left alone.
fn linked(text: &str, own: Cause) -> String {
    let is_a_check = |id: &str| CHECKS.iter().any(|check| check.id == id);
    let word = |(number, word): (usize, &str)| match word.parse::<Cause>() {
        Ok(cause) if number % 2 == 1 && cause != own && !is_a_check(word) => format!("[`{word}`](#{word})"),
        _ if number % 2 == 1 => format!("`{word}`"),
        _ => word.to_owned(),
    };
    let line = |line: &str| {
        if line.matches('`').count().is_multiple_of(2) { line.split('`').enumerate().map(word).collect() } else { line.to_owned() }
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_causes_are_linked() {
        let text = "See `yama`, `no-new-privs` and `seccomp`,\nand `cut\noff` yama";
        assert_eq!(linked(text, Cause::Yama), "See `yama`, [`no-new-privs`](#no-new-privs) and `seccomp`,\nand `cut\noff` yama");
    }

    #[test]
    fn headings_go_down_and_code_stays() {
        assert_eq!(below("## A\n\n```sh\n# a comment\n```\n\n## B\n"), "### A\n\n```sh\n# a comment\n```\n\n### B\n");
        for cause in Cause::ALL {
            let about = cause.row().about;
            assert_eq!(below(about).replace("### ", "## ").trim_end(), about.trim_end(), "{cause}");
        }
    }
}
