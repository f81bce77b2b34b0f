//! What a case expects, and whether an answer is that.

use crate::answer::Answer;
use serde::Deserialize;

/// What a container's case expects of both ways to ask, and words that are to be read in the answers that matter.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) check: Option<Wanted>,
    /// With `--prove build`.
    pub(crate) prove: Option<Wanted>,
    #[serde(default)]
    fix_has: Vec<String>,
    #[serde(default)]
    fix_lacks: Vec<String>,
    #[serde(default)]
    says: Vec<String>,
}

/// The same where there is one way to ask.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectOne {
    verdict: Option<String>,
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    not_causes: Vec<String>,
    #[serde(default)]
    fix_has: Vec<String>,
    #[serde(default)]
    fix_lacks: Vec<String>,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    says_not: Vec<String>,
}

/// What one answer is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// `ready`, `not-ready`, `unknown`; `any` where it does not matter.
    pub(crate) verdict: Option<String>,
    /// The first cause is one of these.
    #[serde(default)]
    pub(crate) causes: Vec<String>,
    /// The first cause is none of these.
    #[serde(default)]
    pub(crate) not_causes: Vec<String>,
}

impl Wanted {
    /// Whether it does not matter what is answered.
    pub(crate) fn is_any(&self) -> bool {
        self.verdict.as_deref() == Some("any")
    }

    /// What is wrong with an answer.
    pub(crate) fn wrongs(&self, answer: &Answer) -> Vec<String> {
        let mut wrongs = Vec::new();
        if let Some(verdict) = self.verdict.as_ref().filter(|verdict| !self.is_any() && **verdict != answer.verdict) {
            wrongs.push(format!("{} instead of {verdict}", answer.verdict));
        }
        let first = answer.causes.first().map(String::as_str).unwrap_or_default();
        if !self.causes.is_empty() && !self.is_any() && !self.causes.iter().any(|cause| cause == first) {
            wrongs.push(format!("first cause {first:?} instead of {}", self.causes.join(" or ")));
        }
        if self.not_causes.iter().any(|cause| cause == first) {
            wrongs.push(format!("first cause {first}, which it is not"));
        }
        wrongs
    }
}

impl Expect {
    /// Words that an answer lacks, or has and should not.
    pub(crate) fn words(&self, answer: &Answer) -> Vec<String> {
        let mut wrongs = lack(&self.fix_has, &answer.fix, "fix");
        wrongs.extend(have(&self.fix_lacks, &answer.fix, "fix"));
        wrongs.extend(lack(&self.says, &answer.messages, "message"));
        wrongs
    }
}

impl ExpectOne {
    /// What is wrong with an answer.
    pub(crate) fn wrongs(&self, answer: &Answer) -> Vec<String> {
        let wanted = Wanted { verdict: self.verdict.clone(), causes: self.causes.clone(), not_causes: self.not_causes.clone() };
        let mut wrongs = wanted.wrongs(answer);
        wrongs.extend(lack(&self.fix_has, &answer.fix, "fix"));
        wrongs.extend(have(&self.fix_lacks, &answer.fix, "fix"));
        wrongs.extend(lack(&self.says, &answer.messages, "message"));
        wrongs.extend(have(&self.says_not, &answer.messages, "message"));
        wrongs
    }
}

/// Words that a text lacks.
pub(crate) fn lack(words: &[String], text: &str, what: &str) -> Vec<String> {
    words.iter().filter(|word| !text.contains(word.as_str())).map(|word| format!("the {what} lacks {word:?}")).collect()
}

/// Words that a text should not have.
pub(crate) fn have(words: &[String], text: &str, what: &str) -> Vec<String> {
    words.iter().filter(|word| text.contains(word.as_str())).map(|word| format!("the {what} has {word:?}")).collect()
}
