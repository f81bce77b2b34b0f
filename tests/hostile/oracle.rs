//! What is wrong about what was seen: a pure function, whatever was tried.

use crate::run::End;
use crate::schema::Schema;
use std::collections::BTreeMap;

/// More memory than this, in KiB, is a way to take a node down.
const MOST_KIB: u64 = 200 << 10;
/// A longer line on standard error is no message.
const LONGEST_LINE: usize = 4 << 10;
/// Nobody reads more.
pub(crate) const LONGEST_OUTPUT: usize = 4 << 20;
/// What outside texts hold, behind a newline: no line of the output may begin with it.
pub(crate) const FORGED: &str = "FORGED";

/// Where an outside text's control characters must not come through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Output {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON value, of a schema if it has one.
    Json,
    Report,
    /// A JSON value a line.
    JsonLines,
    /// YAML keeps texts as they are, escaped its own way.
    Yaml,
    /// Not looked at: it goes nowhere.
    Lost,
}

/// What an input may come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expect {
    /// The command, whose help says which exit codes it has.
    pub(crate) command: &'static str,
    /// Of these only some; empty for all.
    pub(crate) codes: Vec<i32>,
    pub(crate) output: Output,
    /// Standard error is read by nobody.
    pub(crate) stderr_is_lost: bool,
    /// Standard error may be empty whatever the code.
    pub(crate) silent: bool,
    /// A signal that may end it.
    pub(crate) signal: Option<i32>,
    /// `ready` would be a lie.
    pub(crate) never_ready: bool,
    /// Paths below the input's directory that the command is told to write.
    pub(crate) may_write: Vec<&'static str>,
    /// A file with strace's account of it: nothing may be written outside of the scratch.
    pub(crate) writes: Option<&'static str>,
    /// It has so little memory that even its loader or its allocator may give up.
    pub(crate) tight: bool,
    /// Exit codes that come of the way in which it is tried.
    pub(crate) also: Vec<i32>,
}

impl Expect {
    pub(crate) fn of(command: &'static str) -> Self {
        Expect { command, ..Expect::default() }
    }

    pub(crate) fn codes(mut self, codes: &[i32]) -> Self {
        self.codes = codes.to_vec();
        self
    }

    pub(crate) fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }
}

/// What was seen of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Its end, and its peak memory in KiB.
    pub(crate) end: (End, u64),
    pub(crate) seconds: f64,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Made or removed below its directory.
    pub(crate) changed_files: Vec<String>,
    pub(crate) left_processes: usize,
    /// Calls that change something outside of its scratch.
    pub(crate) writes: Vec<String>,
}

/// What is told of each command by its help, its exit codes and flags; and the schema of a report.
pub(crate) struct Documented {
    pub(crate) codes: BTreeMap<&'static str, Vec<i32>>,
    pub(crate) flags: BTreeMap<&'static str, Vec<String>>,
    pub(crate) report: Schema,
}

/// All that is wrong.
pub(crate) fn wrong(seen: &Seen, expect: &Expect, documented: &Documented) -> Vec<String> {
    let mut wrong = end(seen, expect, documented);
    if seen.end.1 > MOST_KIB {
        wrong.push(format!("took {} MiB", seen.end.1 >> 10));
    }
    if seen.left_processes > 0 {
        wrong.push(format!("left {} processes", seen.left_processes));
    }
    if !seen.changed_files.is_empty() {
        wrong.push(format!("made or removed {}", seen.changed_files.join(", ")));
    }
    if let Some(call) = seen.writes.first() {
        wrong.push(format!("{} calls that change what is not its own, such as {call}", seen.writes.len()));
    }
    if !expect.stderr_is_lost {
        wrong.extend(stderr(seen, expect));
    }
    wrong.extend(stdout(seen, expect, documented));
    wrong
}

fn end(seen: &Seen, expect: &Expect, documented: &Documented) -> Vec<String> {
    match seen.end.0 {
        End::Endless => vec![format!("did not end within {:.0} s", seen.seconds)],
        End::Signal(signal) if expect.signal == Some(signal) => vec![],
        End::Signal(libc::SIGABRT | libc::SIGSEGV | libc::SIGKILL) if expect.tight => vec![],
        End::Signal(signal) => vec![format!("died by signal {signal}")],
        End::Code(code) => {
            let known = &documented.codes[expect.command];
            let mut wrong = Vec::new();
            if expect.also.contains(&code) {
                return wrong;
            }
            if !known.contains(&code) {
                wrong.push(format!("exit code {code} is not one of `{}`: {known:?}", expect.command));
            } else if !expect.codes.is_empty() && !expect.codes.contains(&code) {
                wrong.push(format!("exit code {code}, not {:?}", expect.codes));
            }
            if code == 0 && expect.never_ready {
                wrong.push("ready, from facts that do not say so".into());
            }
            wrong
        }
    }
}

fn stderr(seen: &Seen, expect: &Expect) -> Vec<String> {
    let text = String::from_utf8_lossy(&seen.stderr);
    let mut wrong = Vec::new();
    let errors = text.lines().filter(|line| line.starts_with("error:")).count();
    if let End::Code(code @ (2 | 4)) = seen.end.0 {
        if text.trim().is_empty() && !expect.silent {
            wrong.push(format!("exit code {code} without a word"));
        }
        if code == 2 && !seen.stdout.is_empty() {
            wrong.push("refused, and half done: something on standard output".into());
        }
    }
    if errors > 1 {
        wrong.push(format!("{errors} lines that begin with `error:`"));
    }
    if let Some(line) = text.lines().find(|line| line.len() > LONGEST_LINE) {
        wrong.push(format!("a line of {} bytes on standard error", line.len()));
    }
    if let Some(word) =
        ["panicked", "thread '", "RUST_BACKTRACE", "stack overflow", "memory allocation of"].iter().find(|word| text.contains(**word))
    {
        wrong.push(format!("`{word}` on standard error"));
    }
    wrong.extend(raw(&text).map(|what| format!("{what} on standard error")));
    wrong
}

fn stdout(seen: &Seen, expect: &Expect, documented: &Documented) -> Option<String> {
    let text = String::from_utf8_lossy(&seen.stdout);
    if text.is_empty() || seen.end.0 == End::Endless || matches!(seen.end.0, End::Signal(_)) {
        return None;
    }
    if seen.stdout.len() > LONGEST_OUTPUT {
        return Some("an endless output: more than 4 MiB".into());
    }
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    match expect.output {
        Output::Text => raw(&text).map(|what| format!("{what} on standard output")),
        Output::Json => json(&text).err().map(|error| format!("no JSON: {error}")),
        Output::Report => match json(&text) {
            Ok(value) => documented.report.misfit(&value).map(|why| format!("not of the schema: {why}")),
            Err(error) => Some(format!("no JSON: {error}")),
        },
        Output::JsonLines => text.lines().find_map(|line| json(line).err().map(|error| format!("no JSON: {error}: {line:?}"))),
        Output::Yaml | Output::Lost => None,
    }
}

/// A character of an outside text that does something to a terminal, or a line that it forged.
fn raw(text: &str) -> Option<String> {
    let bad = |c: &char| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c) || ('\u{2066}'..='\u{2069}').contains(c);
    if let Some(c) = text.chars().find(bad) {
        return Some(format!("a raw {:?}", c));
    }
    text.lines().any(|line| line.trim_start().starts_with(FORGED)).then(|| "a forged line".to_owned())
}

/// That what is wrong is seen as such: one run of each kind.
pub(crate) fn selftest(documented: &Documented) {
    let good = || Seen { end: (End::Code(0), 5 << 10), stdout: b"fine\n".to_vec(), ..Seen::default() };
    let expect = || Expect::of("check");
    let said = |seen: Seen, expect: Expect| wrong(&seen, &expect, documented).join("; ");
    assert_eq!(said(good(), expect()), "");
    let rows: [(&str, Seen, Expect); 13] = [
        ("exit code 101", Seen { end: (End::Code(101), 0), ..good() }, expect()),
        ("exit code 0, not", good(), expect().codes(&[2])),
        ("signal 6", Seen { end: (End::Signal(6), 0), ..good() }, expect()),
        ("did not end", Seen { end: (End::Endless, 0), ..good() }, expect()),
        ("300 MiB", Seen { end: (End::Code(0), 300 << 10), ..good() }, expect()),
        ("without a word", Seen { end: (End::Code(4), 0), ..good() }, expect()),
        ("half done", Seen { end: (End::Code(2), 0), stderr: b"error: x\n".to_vec(), ..good() }, expect()),
        ("2 lines", Seen { stderr: b"error: x\nerror: y\n".to_vec(), ..good() }, expect()),
        ("raw", Seen { stdout: b"a\x1b[31m\n".to_vec(), ..good() }, expect()),
        ("forged", Seen { stdout: b"a\nFORGED\n".to_vec(), ..good() }, expect()),
        ("no JSON", good(), expect().output(Output::Json)),
        ("not of the schema", Seen { stdout: b"{}".to_vec(), ..good() }, expect().output(Output::Report)),
        ("ready", good(), Expect { never_ready: true, ..expect() }),
    ];
    for (what, seen, expect) in rows {
        let said = said(seen, expect);
        assert!(said.contains(what), "{what}: {said:?}");
    }
}
