//! The answer to `explain`.

use super::text::{Page, Style};
use crate::cause::{Cause, Mark, Remedy, remedy};
use crate::check::CHECKS;
use crate::explain::{Explained, Weighed};
use crate::fact::{API_VERSION, Facts};
use crate::text::counted;
use schemars::JsonSchema;
use serde::Serialize;

/// The answer to `explain`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `Explanation`.
    pub kind: String,
    /// How many lines the log has; null where a cause was asked for by its id.
    pub lines: Option<u64>,
    /// What the log speaks of, the likeliest first.
    pub causes: Vec<ExplainedCause>,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedCause {
    /// Its id.
    pub cause: Cause,
    /// What is wrong, in half a sentence.
    pub title: String,
    /// How sure it is; null where it was asked for by its id.
    pub sureness: Option<Sureness>,
    /// What the facts have of it.
    pub seen: Option<String>,
    /// The number of the line that tells.
    pub line: Option<u64>,
    /// The words of that line.
    pub text: Option<String>,
    /// What to look at, to be sure: the titles of checks.
    pub look_at: Vec<String>,
    /// What removes it.
    pub remedy: Remedy,
    /// All that is known of it, in Markdown; null in the explanation of a log.
    pub about: Option<String>,
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sureness {
    /// The facts show it.
    Shown,
    /// The message names it, and nothing else.
    Named,
    /// It is so on this system as it is installed.
    Usual,
    /// Nothing that is known speaks for it or against it.
    Open,
    /// It is not so on systems as they are installed.
    Unusual,
    /// The facts speak against it.
    Excluded,
}

impl Sureness {
    fn words(self) -> &'static str {
        match self {
            Sureness::Shown => "the facts show it",
            Sureness::Named => "the message names it",
            Sureness::Usual => "usual on this system",
            Sureness::Open => "possible",
            Sureness::Unusual => "possible, if the system was changed",
            Sureness::Excluded => "unlikely here",
        }
    }
}

impl Explanation {
    /// Of a log of so many lines, in a place of which these facts are known.
    pub fn of_log(lines: u64, explained: Vec<Explained>, facts: &Facts) -> Self {
        let cause = |explained: Explained| {
            let (sureness, seen) = match explained.weighed {
                Weighed::Shown(note) => (Sureness::Shown, Some(note.to_string())),
                Weighed::Named => (Sureness::Named, None),
                Weighed::Usual(note) => (Sureness::Usual, Some(note.to_string())),
                Weighed::Open => (Sureness::Open, None),
                Weighed::Unusual => (Sureness::Unusual, None),
                Weighed::Excluded => (Sureness::Excluded, None),
            };
            let (sureness, line, text) = (Some(sureness), Some(explained.line), Some(explained.text));
            ExplainedCause { sureness, seen, line, text, ..ExplainedCause::new(explained.cause, facts) }
        };
        Explanation { lines: Some(lines), causes: explained.into_iter().map(cause).collect(), ..Explanation::empty() }
    }

    /// Of one cause, by its id.
    pub fn of_cause(cause: Cause) -> Self {
        let about = Some(cause.row().about.to_owned());
        Explanation { causes: vec![ExplainedCause { about, ..ExplainedCause::new(cause, &Facts::unknown()) }], ..Explanation::empty() }
    }

    fn empty() -> Self {
        Explanation { api_version: API_VERSION.into(), kind: "Explanation".into(), lines: None, causes: Vec::new() }
    }
}

impl ExplainedCause {
    fn new(cause: Cause, facts: &Facts) -> Self {
        let checks = CHECKS.iter().filter(|check| check.causes.contains(&cause));
        ExplainedCause {
            cause,
            title: cause.title().to_owned(),
            sureness: None,
            seen: None,
            line: None,
            text: None,
            look_at: checks.map(|check| check.title.to_owned()).collect(),
            remedy: remedy(cause, facts, None),
            about: None,
        }
    }
}

/// How many causes a person gets to see.
const SHOWN: usize = 5;

/// The explanation for a person.
pub fn explanation_table(explanation: &Explanation, style: Style) -> String {
    let mut page = Page::new(style);
    match explanation.causes.as_slice() {
        [] => no_cause(explanation, &mut page),
        [ExplainedCause { about: Some(about), cause, title, .. }] => {
            page.words(0, &format!("{cause}: {title}"));
            page.blank();
            about.lines().for_each(|line| page.command(line));
        }
        causes => {
            // Whoever reads begins at the top. What is unlikely is worth a look only where there is nothing else, and what is merely
            // possible only where the facts show nothing.
            let is_shown = |cause: &ExplainedCause| cause.sureness == Some(Sureness::Shown);
            let is_likely = |cause: &ExplainedCause| match cause.sureness {
                _ if is_shown(&causes[0]) => is_shown(cause),
                sureness => sureness != Some(Sureness::Excluded),
            };
            let shown: Vec<_> = causes.iter().enumerate().filter(|(number, cause)| *number == 0 || is_likely(cause)).collect();
            for (number, cause) in shown.into_iter().take(SHOWN) {
                explained(cause, number.checked_sub(1).map(|before| &causes[before]), &mut page);
            }
            page.words(0, &format!("More of the first: buildkit-preflight explain {}", causes[0].cause));
        }
    }
    page.into_text()
}

fn no_cause(explanation: &Explanation, page: &mut Page) {
    let lines = explanation.lines.unwrap_or_default();
    page.words(0, &format!("no message of this log ({}) speaks of a cause that is known", counted(lines, "line")));
    page.blank();
    page.words(
        0,
        "Give the whole log of buildkitd and of the failed build. If they say nothing, run `buildkit-preflight check --prove build` in the builder's pod.",
    );
}

/// One cause, behind the one before it.
fn explained(cause: &ExplainedCause, before: Option<&ExplainedCause>, page: &mut Page) {
    let sureness = cause.sureness.map_or("", Sureness::words);
    let or = if before.is_some() { "or " } else { "" };
    page.words(0, &format!("{or}{}: {} ({sureness})", cause.cause, cause.title));
    let is_told = before.is_some_and(|before| before.line == cause.line);
    if let (Some(line), Some(text)) = (cause.line.filter(|_| !is_told), &cause.text) {
        page.words(9, &format!("  line   {line}: {text}"));
    }
    if let Some(seen) = &cause.seen {
        page.words(9, &format!("  seen   {seen}"));
    }
    if !cause.look_at.is_empty() {
        page.words(9, &format!("  check  {}", cause.look_at.join("; ")));
    } else if cause.cause.row().is(Mark::OfTexts) {
        page.words(9, &format!("  {:<7}{}", "check", "no check of a node shows it"));
    }
    page.command(&format!("  fix    {}", cause.remedy.fix));
    for more in [cause.remedy.keep.as_ref().map(|keep| format!("to keep it: {keep}")), cause.remedy.note.clone()].into_iter().flatten() {
        page.command(&format!("         {more}"));
    }
    page.blank();
}
