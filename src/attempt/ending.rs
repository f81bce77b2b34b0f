//! Signals that end this process, held until what it made is removed.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use std::sync::atomic::{AtomicI32, Ordering};

/// The signals that people and supervisors end a process by.
pub(super) const ENDING: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn catch(signal: libc::c_int) {
    CAUGHT.store(signal, Ordering::Relaxed);
}

/// Whether a signal has come that is held: what is under way is to be given up.
pub(super) fn has_come() -> bool {
    CAUGHT.load(Ordering::Relaxed) != 0
}

/// While this lives, such a signal is noted in place of its default action; then that follows. Signals that somebody else
/// asked for, as an agent does, stay theirs.
pub(super) struct Held(Vec<(Signal, SigAction)>);

impl Held {
    pub(super) fn new() -> Self {
        let action = SigAction::new(SigHandler::Handler(catch), SaFlags::SA_RESTART, SigSet::empty());
        let mut held = Vec::new();
        for signal in ENDING {
            // SAFETY: the handler stores a number.
            match unsafe { sigaction(signal, &action) } {
                Ok(before) if matches!(before.handler(), SigHandler::SigDfl) => held.push((signal, before)),
                Ok(before) => {
                    // SAFETY: puts back what was there.
                    let _ = unsafe { sigaction(signal, &before) };
                }
                Err(_) => {}
            }
        }
        Held(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for (signal, before) in &self.0 {
            // SAFETY: puts back the default action.
            let _ = unsafe { sigaction(*signal, before) };
        }
        if let Ok(signal) = Signal::try_from(CAUGHT.swap(0, Ordering::Relaxed)) {
            let _ = raise(signal);
        }
    }
}
