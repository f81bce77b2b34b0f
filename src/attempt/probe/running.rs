//! A child that is under way: waiting for its end, and reading what it told.

use super::child;
use super::wire::Line;
use crate::attempt::ending;
use crate::fact::{End, Probe, Step, StepResult};
use crate::text::shorten;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long a child that was killed may take to be gone.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Whether all writers of a pipe are gone before a time is over, or a signal has come that is held. Nothing wakes for what they write.
fn closed_within(pipe: &impl AsFd, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // Rounded up: a rest of less than a millisecond is no reason to spin.
        let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::empty())], timeout) {
            Ok(0) => return false,
            Err(nix::errno::Errno::EINTR) if ending::has_come() => return false,
            Err(nix::errno::Errno::EINTR) => {}
            _ => return true,
        }
    }
}

/// What lies in a pipe. A writer that hangs must not make the reader wait.
fn available(pipe: &mut (impl Read + AsFd), closed: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8192);
    if closed {
        let _ = pipe.read_to_end(&mut bytes);
    } else {
        let readable = |pipe: &_| matches!(poll(&mut [PollFd::new(AsFd::as_fd(pipe), PollFlags::POLLIN)], PollTimeout::ZERO), Ok(1));
        let mut buffer = [0; 4096];
        while readable(pipe) {
            match pipe.read(&mut buffer) {
                Ok(n @ 1..) => bytes.extend(&buffer[..n]),
                _ => break,
            }
        }
    }
    bytes
}

/// A child that is under way, the leader of a process group of its own.
pub(super) struct Running<'a> {
    child: Child,
    scratch: Option<PathBuf>,
    /// Whether it was made; nothing is known before the first step is begun.
    made: Option<bool>,
    killed: Option<i32>,
    probe: &'a mut Probe,
}

impl<'a> Running<'a> {
    pub(super) fn new(child: Child, probe: &'a mut Probe) -> Self {
        Running { child, scratch: None, made: None, killed: None, probe }
    }

    /// Waits until all processes of the child are gone, or ends them; then reads what they told,
    /// which is far less than a pipe holds. Gives what it wrote on standard error.
    pub(super) fn follow(mut self, deadline: Duration) -> String {
        let (Some(mut stdout), Some(mut stderr)) = (self.child.stdout.take(), self.child.stderr.take()) else { return String::new() };
        let in_time = closed_within(&stderr, deadline);
        if !in_time {
            // All that the child started is in its process group; a helper that runs as another user may refuse.
            let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX));
            let _ = killpg(group, Signal::SIGKILL);
        }
        // What hangs in the kernel is left behind.
        let gone = in_time || closed_within(&stderr, LAST_WORDS);
        let exit = if gone { self.child.wait().ok() } else { None };
        for line in available(&mut stdout, gone).split_inclusive(|byte| *byte == b'\n') {
            self.hear(line);
        }
        let words = String::from_utf8_lossy(&available(&mut stderr, gone)).trim().to_owned();
        let next = self.next_step();
        let words_end = shorten(&words);
        self.probe.end = match (in_time, self.killed.or_else(|| exit.and_then(|exit| exit.signal()))) {
            (false, _) => End::TimedOut(next),
            (true, Some(signal)) => End::Killed { signal, step: next },
            (true, None) if exit.is_some_and(|exit| exit.success()) => std::mem::replace(&mut self.probe.end, End::Completed),
            (true, None) => End::NotRun(match exit {
                Some(exit) => format!("the probe ended without a result ({exit}): {words_end}"),
                None => "waiting for the probe failed".to_owned(),
            }),
        };
        if let Some(scratch) = self.scratch.take() {
            let is_made = self.made == Some(true);
            crate::read::bounded(LAST_WORDS, move || child::remove_left(&scratch, is_made));
        }
        words
    }

    fn hear(&mut self, line: &[u8]) {
        match Line::parse(line) {
            Some(Line::Step(result)) => self.probe.steps.push(result),
            Some(Line::MapSource(source)) => self.probe.map_source = Some(source),
            Some(Line::Scratch(path)) => self.scratch = Some(path.into()),
            Some(Line::Made(made)) => self.made = Some(made),
            Some(Line::Clean) => self.scratch = None,
            Some(Line::Killed(signal)) => self.killed = Some(signal),
            Some(Line::NotRun(why)) => self.probe.end = End::NotRun(why),
            None => {}
        }
    }

    /// The step that was under way: the first of the plan after the last one that was told.
    fn next_step(&self) -> Step {
        if self.scratch.is_some() && self.made.is_none() {
            return Step::StateDir;
        }
        let last = self.probe.steps.last().map(|result: &StepResult| result.step);
        let in_own_pod = self.probe.steps.iter().any(|result| result.step.is_of_own_pod());
        let mut steps = self.probe.plan.steps().filter(|step| in_own_pod || !step.is_of_own_pod());
        let next = steps.find(|step| last.is_none_or(|last| *step > last));
        next.or(last).unwrap_or(Step::Hostname)
    }
}
