//! Finds the messages of the table in a log, in bounded memory.

use super::signature::{SIGNATURES, Signature, Weight};
use crate::fact::{Errno, StepOutcome, StepResult};
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
#[derive(Clone, Debug)]
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

    /// Looks for a message in what there is of the line.
    fn look(&mut self, number: u64) {
        let Some((at, weight, errno)) = self.message(&self.line) else { return };
        // A line that says more replaces one that says less.
        if self.found.get(&at).is_none_or(|known| known.weight < weight) {
            let text = shorten(String::from_utf8_lossy(&shown(&self.line)).trim());
            self.found.insert(at, Hit { signature: &SIGNATURES[at], line: number, text, errno, weight });
        }
    }

    /// The first message of the table that fits a line, what it says there, and its error.
    fn message(&self, line: &[u8]) -> Option<(usize, Weight, Option<Errno>)> {
        let line = cleared(line);
        let mut found = self.words.find_overlapping_iter(&line).peekable();
        found.peek()?;
        let mut is_there = vec![false; self.words.patterns_len()];
        found.for_each(|word| is_there[word.pattern().as_usize()] = true);
        let text = String::from_utf8_lossy(&line);
        let errno = errno_in(&text);
        let fits = |(signature, says): (&Signature, &Vec<usize>)| {
            let has_errno = signature.errnos.is_empty() || errno.is_some_and(|errno| signature.errnos.contains(&errno));
            has_errno && says.iter().all(|word| is_there[*word])
        };
        let at = SIGNATURES.iter().zip(&self.says).position(fits)?;
        let weight = SIGNATURES[at].weight;
        Some((at, if is_warning(&text) { weight.min(Weight::Follows) } else { weight }, errno))
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
    let scan = Scan::new();
    words.lines().filter(|line| line.to_lowercase().contains("error")).find_map(|line| {
        let (at, _, errno) = scan.message(line.as_bytes())?;
        let (step, detail) = (SIGNATURES[at].step?, Some(shorten(line)));
        Some(StepResult { step, outcome: StepOutcome::Failed, errno, detail, filtered: None, micros: 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Step;

    #[test]
    fn rootlesskits_messages_name_the_step_and_the_error() {
        for (message, step, errno) in [
            (
                "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted",
                Step::UserNamespace,
                Some(Errno::EPERM),
            ),
            (
                "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: no space left on device",
                Step::UserNamespace,
                Some(Errno::ENOSPC),
            ),
            (
                "[rootlesskit:parent] error: failed to setup UID/GID map: newuidmap 25 [0 1000 1 1 100000 65536] failed: newuidmap: write to uid_map failed: Operation not permitted\n: exit status 1",
                Step::UidMap,
                Some(Errno::EPERM),
            ),
            (
                "[rootlesskit:parent] error: failed to setup UID/GID map: failed to compute uid/gid map: no subuid ranges found for user 1000 (\"user\")",
                Step::SubIdRange,
                None,
            ),
            ("[rootlesskit:child ] error: failed to share mount point: /: permission denied", Step::PrivateRoot, Some(Errno::EACCES)),
        ] {
            let found = step_of(message).expect("a step");
            assert_eq!((found.step, found.errno), (step, errno), "{message}");
        }
        let both = "[rootlesskit:child ] error: failed to share mount point: /: permission denied\n[rootlesskit:parent] error: child exited: exit status 1\n";
        assert_eq!(step_of(both).map(|failed| failed.step), Some(Step::PrivateRoot));
        for (message, step) in [
            (
                "#6 0.1 runc run failed: unable to start container process: error during container init: error mounting \"proc\" to rootfs at \"/proc\": mount proc:/proc (via /proc/self/fd/6), flags: 0xe: operation not permitted",
                Step::Proc,
            ),
            (
                "ERROR: process \"/program\" did not complete: unable to start container process: error during container init: sethostname: operation not permitted",
                Step::Hostname,
            ),
            ("ERROR: runc run failed: unable to start container process: exec: \"/bin/sh\": permission denied", Step::Execute),
        ] {
            assert_eq!(step_of(&format!("ERROR: {message}")).map(|found| found.step), Some(step), "{message}");
        }
        assert!(step_of("[rootlesskit:child ] error: EOF").is_none());
        assert!(step_of("time=now level=warning msg=x").is_none());
    }
}
