//! Finds the messages of the table in a log, in bounded memory.

use super::signature::{SIGNATURES, Signature, Weight};
use crate::fact::{Errno, Step, StepOutcome, StepResult};
use crate::text::shorten;
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;

/// A line is looked at in pieces of so many bytes. Longer ones, as of a program that writes no line ends, are cut.
const LONGEST: usize = 64 << 10;
/// So much of a piece is looked at again together with the next one, so that no message is cut in two.
const OVERLAP: usize = 4 << 10;

/// One message of the table that a log has.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The message.
    pub signature: &'static Signature,
    /// The line's number, from 1.
    pub line: u64,
    /// The line, or beginning and end of a long one.
    pub text: String,
    /// The error in it.
    pub errno: Option<Errno>,
    /// What it says beside others.
    pub weight: Weight,
}

impl Hit {
    /// The step of a build that it speaks of.
    pub fn step(&self) -> Option<StepResult> {
        let (step, detail) = (self.signature.step?, Some(self.text.clone()));
        Some(StepResult { step, outcome: StepOutcome::Failed, errno: self.errno, detail, filtered: None, micros: 0 })
    }
}

/// What a log speaks of.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The messages, each once: what says most comes first, then what was said first.
    pub hits: Vec<Hit>,
    /// How many lines there are.
    pub lines: u64,
}

/// Reads a log piece by piece.
#[derive(Debug)]
pub struct Scan {
    words: AhoCorasick,
    /// For each signature the numbers of its words.
    says: Vec<Vec<usize>>,
    found: BTreeMap<usize, Hit>,
    line: Vec<u8>,
    number: u64,
}

impl Scan {
    /// One that has read nothing yet.
    pub fn new() -> Self {
        let mut words: Vec<&str> = Vec::new();
        let mut number = |word: &'static str| {
            words.iter().position(|known| *known == word).unwrap_or_else(|| {
                words.push(word);
                words.len() - 1
            })
        };
        let says = SIGNATURES.iter().map(|signature| signature.says.iter().map(|word| number(word)).collect()).collect();
        let words = AhoCorasick::new(&words).expect("a few hundred words of our own");
        Scan { words, says, found: BTreeMap::new(), line: Vec::new(), number: 0 }
    }

    /// Takes the next piece.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        // Programs that draw progress end lines by \r.
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            self.take(line);
            self.end_line();
            bytes = &rest[1..];
        }
        self.take(bytes);
    }

    /// What was read.
    pub fn finish(mut self) -> Log {
        if !self.line.is_empty() {
            self.end_line();
        }
        let mut hits: Vec<_> = self.found.into_values().collect();
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.weight), hit.line));
        Log { hits, lines: self.number }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while self.line.len() + bytes.len() > LONGEST {
            let (piece, rest) = bytes.split_at(LONGEST - self.line.len());
            self.line.extend_from_slice(piece);
            self.look(self.number + 1);
            self.line.drain(..LONGEST - OVERLAP);
            bytes = rest;
        }
        self.line.extend_from_slice(bytes);
    }

    fn end_line(&mut self) {
        self.number += 1;
        self.look(self.number);
        self.line.clear();
    }

    /// Looks for messages in what there is of the line.
    fn look(&mut self, number: u64) {
        let line = cleared(&self.line);
        let mut is_there = vec![false; self.words.patterns_len()];
        let mut is_any = false;
        for found in self.words.find_overlapping_iter(&line) {
            is_there[found.pattern().as_usize()] = true;
            is_any = true;
        }
        if !is_any {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let errno = errno_in(&text);
        let fits = |at: &usize| {
            let signature = &SIGNATURES[*at];
            let has_errno = signature.errnos.is_empty() || errno.is_some_and(|errno| signature.errnos.contains(&errno));
            has_errno && self.says[*at].iter().all(|word| is_there[*word])
        };
        let Some(at) = (0..SIGNATURES.len()).find(fits) else { return };
        let signature = &SIGNATURES[at];
        let weight = if is_warning(&text) { signature.weight.min(Weight::Follows) } else { signature.weight };
        // A line that says more replaces one that says less.
        let is_known = self.found.get(&at).is_some_and(|known| known.weight >= weight);
        if !is_known {
            let text = shorten(String::from_utf8_lossy(&shown(&self.line)).trim());
            self.found.insert(at, Hit { signature, line: number, text, errno, weight });
        }
    }
}

impl Default for Scan {
    fn default() -> Self {
        Scan::new()
    }
}

/// A line without the codes that colour it, and without the backslashes before quotes that a log of logs has.
fn shown(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            0x1b if bytes.next_if_eq(&b'[').is_some() => while bytes.next().is_some_and(|byte| !(0x40..=0x7e).contains(&byte)) {},
            b'\\' if matches!(bytes.peek(), Some(b'"' | b'\\')) => {}
            _ => out.push(byte),
        }
    }
    out
}

/// The same in lower case.
fn cleared(line: &[u8]) -> Vec<u8> {
    let mut line = shown(line);
    line.make_ascii_lowercase();
    line
}

/// Whether it is told as something that a program goes on with.
fn is_warning(line: &str) -> bool {
    ["level=warn", "level=info", "level=debug", "] warning", "\"level\":\"warn", "\"level\":\"info", "\"level\":\"debug"]
        .iter()
        .any(|mark| line.contains(mark))
}

/// The error of a line, by its text or its name.
fn errno_in(line: &str) -> Option<Errno> {
    let by_name = || {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with('e') && word.len() > 3);
        words.filter_map(|word| Errno::try_from(word.to_ascii_uppercase()).ok()).next_back()
    };
    Errno::in_text(line).or_else(by_name)
}

/// The step that failed, by the first error that speaks of one. Parent and child of rootlesskit both complain, in no certain order; one
/// that says no more than that the other has ended is passed over.
pub fn step_of(words: &str) -> Option<StepResult> {
    words.lines().filter(|line| line.to_lowercase().contains("error")).find_map(|line| {
        let mut scan = Scan::new();
        scan.feed(line.as_bytes());
        scan.finish().hits.first().and_then(Hit::step)
    })
}
