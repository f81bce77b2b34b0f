//! Wherever it is stopped, each thing is as it was or as it should be, and a second run completes the work.

use crate::seen::Seen;
use std::collections::{BTreeMap, BTreeSet};

/// One run with a fault, as guest/faults.sh writes it.
struct Run<'a> {
    start: &'a str,
    call: &'a str,
    nth: &'a str,
    kind: &'a str,
    hit: bool,
    code: &'a str,
    /// Values, and our file with others beside it.
    values: &'a str,
    files: &'a str,
    again: [&'a str; 3],
}

impl<'a> Run<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let words: Vec<_> = line.split_whitespace().collect();
        let [start, call, nth, kind, hit, code, values, files, again, values_then, files_then] = words[..] else { return None };
        Some(Run { start, call, nth, kind, hit: hit == "yes", code, values, files, again: [again, values_then, files_then] })
    }
}

pub(crate) fn judge(seen: &mut Seen) -> String {
    let states = seen.text("states");
    let state = |name: &str| states.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(words).collect::<Vec<_>>();
    let (old, none, new) = (state("old"), state("none"), state("new"));
    let (Some(&[old]), Some(&[none, low]), [first, second]) = (old.first().map(Vec::as_slice), none.first().map(Vec::as_slice), &new[..])
    else {
        seen.wrong.push(format!("no states to compare with: {states}"));
        return String::new();
    };
    let &[new, high, "0"] = &first[..] else {
        seen.wrong.push(format!("without a fault: {first:?}"));
        return String::new();
    };
    seen.expect(first == second, || format!("what comes of it depends on the file before: {first:?}, {second:?}"));
    seen.expect(old != new && none != new && low != high, || format!("nothing is changed: {states}"));
    // Each value is the old one or the new one.
    let values: BTreeSet<_> = low.split(',').zip(high.split(',')).map(|(low, high)| [low, high]).collect();

    let text = seen.text("runs");
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut missed, mut failed, mut killed) = (0, 0, 0);
    let mut calls = BTreeSet::new();
    for line in text.lines() {
        let Some(run) = Run::read(line) else {
            seen.wrong.push(format!("not understood: {line}"));
            continue;
        };
        if !run.hit {
            missed += 1;
            continue;
        }
        *kinds.entry(run.kind).or_default() += 1;
        calls.insert((run.start, run.call, run.nth));
        if run.kind.starts_with("signal") {
            killed += 1
        } else {
            failed += usize::from(run.code != "0")
        }
        let before = if run.start == "old" { old } else { none };
        let (file, others) = run.files.split_once(',').unwrap_or((run.files, ""));
        let part = |files: &str| files.split(',').next().map(str::to_owned);
        let known = [before, new].iter().any(|files| part(files).as_deref() == Some(file));
        let mut wrong = Vec::new();
        let mut expect = |right: bool, what: &str| {
            if !right {
                wrong.push(what.to_owned())
            }
        };
        expect(known, "the file is neither the old one nor the new one");
        expect(["", ".60-buildkit-preflight.conf.new,"].contains(&others), "another file is left");
        let each = run.values.split(',').count() == 2
            && run.values.split(',').zip(&values_of(&values, low)).all(|(value, pair)| pair.contains(&value));
        expect(each, "a sysctl is neither the old nor the new value");
        expect(run.values == low || part(new).as_deref() == Some(file), "sysctls were set before the file stood");
        let done = run.values == high && run.files == new;
        expect(run.code != "0" || done, "exit 0, and not all is done");
        expect(run.again == ["0", high, new], "a second run does not complete it");
        for what in wrong {
            seen.wrong.push(format!("{what}: {line}"));
        }
    }
    seen.expect(missed == 0, || format!("{missed} injections met no call"));
    seen.expect(kinds.len() > 1 && calls.len() > 10, || format!("too few: {kinds:?} at {} calls", calls.len()));
    let injections: usize = kinds.values().sum();
    let sum =
        kinds.iter().map(|(kind, count)| format!("{} {count}", kind.rsplit('=').next().unwrap_or(kind))).collect::<Vec<_>>().join(", ");
    format!(
        "faults: {injections} injections, {} kinds ({sum}) at {} calls: {killed} killed, {failed} failed; each left old or new, each completed",
        kinds.len(),
        calls.len()
    )
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The pairs in the order of the values.
fn values_of<'a>(values: &BTreeSet<[&'a str; 2]>, low: &str) -> Vec<[&'a str; 2]> {
    low.split(',').filter_map(|low| values.iter().find(|pair| pair[0] == low).copied()).collect()
}
