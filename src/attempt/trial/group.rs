//! Processes that end together.

use super::{LOOK, is_over};
use crate::attempt::ending;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long buildkitd may take to end by itself.
pub(super) const FAREWELL: Duration = Duration::from_secs(5);

/// A child that leads a process group; the group ends with this.
pub(super) struct Group(pub(super) Child);

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(i32::MAX))
    }

    pub(super) fn wait_until(&mut self, end: Instant) -> Option<ExitStatus> {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if !is_over(end) => sleep(LOOK),
                _ => return None,
            }
        }
    }

    /// Lets it end in its own way, so that it takes its mounts along.
    pub(super) fn farewell(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGTERM);
        self.leave();
    }

    /// Waits until it is gone, whatever comes meanwhile.
    fn leave(&mut self) {
        let end = Instant::now() + FAREWELL;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < end {
            sleep(LOOK);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            if ending::has_come() {
                self.farewell();
            }
            let _ = killpg(self.pid(), Signal::SIGKILL);
            self.leave();
        }
    }
}
