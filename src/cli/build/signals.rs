//! Signals that ask a build to end.

use crate::cli::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Those that a terminal, a shell or a pipeline's runner send.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on they do not end this process.
    pub(super) fn new() -> Result<Self, Error> {
        let signal = |kind| signal(kind).map_err(|error| Error::Io(format!("could not wait for signals: {error}")));
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one, and gives its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}
