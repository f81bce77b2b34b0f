//! A truth that is written for people alone: what of it can be checked all the same.

use crate::row::Row;

/// Holds an answer against a truth: its verdict, if it begins with one, and names that stand in it, such as `MachineConfig`. Where
/// neither can be found, the case stays without judgement: a truth says much that no answer needs to say.
pub(crate) fn judge(mut row: Row, truth: &str, verdict: &str, text: &str) -> Row {
    let wanted = [("not ready", "not-ready"), ("ready", "ready"), ("unknown", "unknown")];
    let wanted = wanted.into_iter().find(|(words, _)| truth.starts_with(words)).map(|(_, verdict)| verdict);
    if let Some(wanted) = wanted.filter(|wanted| *wanted != verdict) {
        row.wrongs.push(format!("{verdict} instead of {wanted}, by its truth"));
    }
    let found: Vec<_> = names(truth).filter(|name| text.contains(name)).collect();
    row.seen += &match found.as_slice() {
        [] => format!("; should say: {truth}"),
        found => format!("; says, as its truth: {}", found.join(", ")),
    };
    if row.wrongs.is_empty() && found.is_empty() {
        row.unjudged = Some("no expectation to check");
    }
    row
}

/// Words that are names of something: with a point, a slash or an underscore in them, or a capital letter behind a small one.
fn names(truth: &str) -> impl Iterator<Item = &str> {
    let words = truth.split([' ', '\n', '(', ')', ';', ',', '`', '\'']).map(|word| word.trim_matches(['.', ':', '"']));
    words.filter(|word| {
        let inner = word.get(1..word.len().max(2) - 1).unwrap_or_default();
        let is_camel = word.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
        word.len() > 3 && (is_camel || inner.contains(['.', '/', '_']))
    })
}
