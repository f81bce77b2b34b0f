//! Steps as they are done and told, and the lives of the processes that do them.

use super::cleanup;
use crate::attempt::probe::sys;
use crate::attempt::probe::wire::Line;
use crate::fact::{Errno, Step, StepOutcome, StepResult};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::{Pid, write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// How a step went: `Err` ends the probe.
pub(super) type Outcome = Result<(), Stop>;

/// The step failed and was told.
pub(super) struct Stop;

/// Asks to be killed with the parent; a parent that is gone already is one by hand.
pub(super) fn die_with_parent() {
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
}

/// Waits for a process of ours, and tells if a signal ended it.
pub(super) fn wait(child: Pid) {
    if let Ok(WaitStatus::Signaled(_, signal, _)) = cleanup::wait(child) {
        tell(&Line::Killed(signal as i32));
    }
}

/// Ends a process that was forked: its parent has told, or will tell, all that is to be told.
pub(super) fn leave(outcome: Outcome) -> ! {
    // What is told is written at once, so nothing waits to be flushed.
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(i32::from(outcome.is_err())) }
}

/// One line to the parent. A parent that listens no more is no reason to leave something behind.
pub(super) fn tell(line: &Line) {
    let _ = try_to_tell(line);
}

/// The same, for who wants to know whether it was heard.
pub(super) fn try_to_tell(line: &Line) -> nix::Result<()> {
    write(std::io::stdout().as_fd(), &line.to_bytes()).map(drop)
}

/// Errors that a filter or a security module likes to give.
fn is_refusal(errno: nix::errno::Errno) -> bool {
    matches!(errno, nix::errno::Errno::EPERM | nix::errno::Errno::EACCES | nix::errno::Errno::ENOSYS)
}

pub(super) fn raw(error: std::io::Error) -> nix::errno::Errno {
    error.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw)
}

/// The steps that are left out, as bits by their place in [`Step::ALL`].
static LEFT_OUT: AtomicU32 = AtomicU32::new(0);

/// Leaves steps out from here on: each is told as if it had worked.
pub(super) fn leave_out(steps: &[Step]) {
    LEFT_OUT.store(steps.iter().fold(0, |bits, step| bits | 1 << *step as u32), Ordering::Relaxed);
}

/// Whether a step is left out; then it is told.
pub(super) fn is_left_out(step: Step) -> bool {
    let is = LEFT_OUT.load(Ordering::Relaxed) >> step as u32 & 1 == 1;
    if is {
        Report::new(step, Instant::now()).worked(Some("left out".into()));
    }
    is
}

/// A step that is one unshare(2).
pub(super) fn namespace(step: Step, flag: CloneFlags) -> Outcome {
    if is_left_out(step) {
        return Ok(());
    }
    let report = Report::new(step, Instant::now());
    unshare(flag).map_err(|errno| report.clone().refused(errno, None, || sys::unshare_is_filtered(flag.bits())))?;
    report.worked(None);
    Ok(())
}

/// A step that is one mount(2).
pub(super) fn mounting(
    step: Step,
    source: Option<&str>,
    target: &str,
    kind: Option<&str>,
    flags: MsFlags,
    options: Option<&str>,
) -> Outcome {
    if is_left_out(step) {
        return Ok(());
    }
    let report = Report::new(step, Instant::now());
    mount(source, target, kind, flags, options).map_err(|errno| report.clone().refused(errno, None, sys::mount_is_filtered))?;
    report.worked(None);
    Ok(())
}

/// A step that has begun.
#[derive(Clone)]
pub(super) struct Report {
    step: Step,
    started: Instant,
    filtered: Option<bool>,
}

impl Report {
    pub(super) fn new(step: Step, started: Instant) -> Self {
        Report { step, started, filtered: None }
    }

    /// The step failed; where that may be a filter's answer, it is found out.
    pub(super) fn refused(mut self, errno: nix::errno::Errno, detail: Option<String>, is_filtered: impl FnOnce() -> bool) -> Stop {
        self.filtered = is_refusal(errno).then(is_filtered);
        self.failed(errno, detail)
    }

    pub(super) fn worked(self, detail: Option<String>) {
        self.end(StepOutcome::Worked, None, detail);
    }

    pub(super) fn failed(self, errno: nix::errno::Errno, detail: Option<String>) -> Stop {
        self.end(StepOutcome::Failed, Some(errno), detail);
        Stop
    }

    pub(super) fn end(self, outcome: StepOutcome, errno: Option<nix::errno::Errno>, detail: Option<String>) {
        tell(&Line::Step(StepResult {
            step: self.step,
            outcome,
            errno: errno.map(|errno| Errno(errno as i32)),
            detail,
            filtered: self.filtered,
            micros: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        }));
    }
}
