//! Doing what a builder does, in one child process.
//!
//! The child is started by exec, by a path that AppArmor treats as the builder's (see
//! [`executable`]), tells each step in a line on its standard output, and has a process group of
//! its own, so that one signal ends it and all that it started. [`child`] is what it does.

pub mod child;
mod sys;
mod wire;

use super::host;
use crate::fact::{Builder, End, Plan, Probe, Step, StepResult};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use wire::Line;

/// Where the builder's image has rootlesskit, and the agent's image this program under that name.
const ROOTLESSKIT: &str = "/usr/bin/rootlesskit";

/// How long a child that was killed may take to be gone.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What to try, and where.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to imitate.
    pub plan: Plan,
    /// Where scratch files may be made; `None` if it is not known.
    pub state_dir: Option<PathBuf>,
    /// The user to become first, for root.
    pub become_uid: Option<u32>,
    /// Whether to go on with the own ID alone where no range or helper is at hand.
    pub own_id_fallback: bool,
    /// Whether fuse-overlayfs counts only if its programs are here.
    pub needs_fuse_programs: bool,
    /// How long it may take.
    pub deadline: Duration,
}

/// Runs a probe to its end, or ends it.
pub fn run(request: &Request, uid: u32) -> Probe {
    let executable = executable();
    let mut probe = Probe {
        plan: request.plan,
        executable: executable.display().to_string(),
        uid: request.become_uid.unwrap_or(uid),
        map_source: None,
        end: End::Completed,
        steps: Vec::new(),
    };
    let mut command = Command::new(&executable);
    command.arg("probe").args(request.arguments()).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match sys::die_with_us(&mut command).spawn() {
        Ok(child) => Running { child, scratch: None, killed: None, probe: &mut probe }.follow(request.deadline),
        Err(error) => probe.end = End::NotRun(format!("could not start {}: {error}", executable.display())),
    }
    probe
}

impl Request {
    /// The child's command line; `buildkit-preflight probe --help` explains it.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--child".to_owned()];
        let mut flag = |set: bool, name: &str| arguments.extend(set.then(|| name.to_owned()));
        flag(self.plan.builder == Builder::Rootful, "--rootful");
        flag(self.plan.process_sandbox, "--process-sandbox");
        flag(self.own_id_fallback, "--own-id-fallback");
        flag(self.needs_fuse_programs, "--needs-fuse-programs");
        arguments.extend(self.become_uid.map(|uid| format!("--become-uid={uid}")));
        arguments.extend(self.state_dir.as_ref().map(|dir| format!("--state-dir={}", dir.display())));
        arguments
    }
}

/// The path to start the child by. AppArmor attaches profiles by the path of the executable, in
/// unconfined containers too, so the probe must go by the path that rootlesskit has in a builder's
/// image. That path is this program's own if both are one file (a hard link in the agent's image)
/// or equal ones.
fn executable() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    if same_program(&own, Path::new(ROOTLESSKIT)) { ROOTLESSKIT.into() } else { own }
}

fn same_program(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(x), Ok(y)) = (a.metadata(), b.metadata()) else { return false };
    let one_file = x.dev() == y.dev() && x.ino() == y.ino();
    one_file || x.len() == y.len() && std::fs::read(a).is_ok_and(|x| std::fs::read(b).is_ok_and(|y| x == y))
}

/// Whether all writers of a pipe are gone before a time is over. Nothing wakes for what they write.
fn closed_within(pipe: &impl AsFd, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        // Rounded up: a rest of less than a millisecond is no reason to spin.
        let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::empty())], timeout) {
            Ok(0) => return false,
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

/// A child that is under way.
struct Running<'a> {
    child: Child,
    scratch: Option<PathBuf>,
    killed: Option<i32>,
    probe: &'a mut Probe,
}

impl Running<'_> {
    /// Waits until all processes of the child are gone, or ends them; then reads what they told,
    /// which is far less than a pipe holds.
    fn follow(mut self, deadline: Duration) {
        let (Some(mut stdout), Some(mut stderr)) = (self.child.stdout.take(), self.child.stderr.take()) else { return };
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
        let next = self.next_step();
        self.probe.end = match (in_time, self.killed.or_else(|| exit.and_then(|exit| exit.signal()))) {
            (false, _) => End::TimedOut(next),
            (true, Some(signal)) => End::Killed { signal, step: next },
            (true, None) if exit.is_some_and(|exit| exit.success()) => std::mem::replace(&mut self.probe.end, End::Completed),
            (true, None) => {
                let words = String::from_utf8_lossy(&available(&mut stderr, true)).trim().to_owned();
                End::NotRun(format!("the probe ended without a result: {}", host::shorten(&words)))
            }
        };
        if let Some(scratch) = self.scratch.take() {
            host::bounded(LAST_WORDS, move || child::remove_scratch(&scratch));
        }
    }

    fn hear(&mut self, line: &[u8]) {
        match Line::parse(line) {
            Some(Line::Step(result)) => self.probe.steps.push(result),
            Some(Line::MapSource(source)) => self.probe.map_source = Some(source),
            Some(Line::Scratch(path)) => self.scratch = Some(path.into()),
            Some(Line::Clean) => self.scratch = None,
            Some(Line::Killed(signal)) => self.killed = Some(signal),
            Some(Line::NotRun(why)) => self.probe.end = End::NotRun(why),
            None => {}
        }
    }

    /// The step that was under way: the first of the plan after the last one that was told.
    fn next_step(&self) -> Step {
        let last = self.probe.steps.last().map(|result: &StepResult| result.step);
        let mut steps = self.probe.plan.steps();
        let next = steps.find(|step| last.is_none_or(|last| *step > last));
        next.or(last).unwrap_or(Step::Hostname)
    }
}
