use super::markdown::{code, head, link, list, table};
use crate::check::{CHECKS, Check, PRECEDENCE};
use std::fmt::Write;

/// All checks in the order of the kernel, and the rules by which their findings become a verdict.
pub(super) fn page() -> String {
    let about = "What `check` and the agent look at, in the order in which the kernel meets it. A step that worked outranks a fact that looks\n\
        bad. A step that failed decides, and the facts then name its cause. With several causes all are reported, in this order:\n\
        fixing the first one may reveal the next.";
    let rows = CHECKS.iter().map(|check| {
        [format!("[`{}`](#{})", check.id, check.id), check.title.to_owned(), list(check.causes.iter().map(|cause| link(*cause)))]
    });
    let texts: String = CHECKS.iter().map(text).collect();
    head("Checks", "src/check", about) + &table(["check", "what is checked", "causes that it can name"], rows) + &rules() + &texts
}

fn rules() -> String {
    let mut out =
        "\n## Which answer counts\n\nThe first rule that applies gives the verdict; where none applies, the verdict is ready.\n\n"
            .to_owned();
    for (number, rule) in PRECEDENCE.iter().enumerate() {
        let _ = writeln!(out, "{}. {}", number + 1, rule.when);
    }
    out
}

fn text(check: &Check) -> String {
    let steps = list(check.steps.iter().map(|step| code(step.id())));
    format!("\n## {}\n\n**{}.** {}\n\nSteps of the probe that show it: {steps}.\n", code(check.id), check.title, check.why)
}
