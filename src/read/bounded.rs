//! Work that may never return: a server of a mount may be gone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// How many threads hang, as far as anybody waited for them.
static HANGING: AtomicUsize = AtomicUsize::new(0);
/// So many may: one that runs for months must not leave one behind at each look at the same dead mount.
const MAY_HANG: usize = 4;

/// The stack for such work in bytes, whatever RUST_MIN_STACK says: with less than some pages, a thread ends the process.
const STACK: usize = 512 * 1024;

/// Does something that may never return, and waits for it no longer than `limit`; not at all where too much hangs already.
pub(crate) fn bounded<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if HANGING.load(Ordering::Relaxed) >= MAY_HANG {
        return None;
    }
    let (sender, receiver) = mpsc::channel();
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = Arc::clone(&work);
    let take = |work: &Mutex<Option<_>>| work.lock().ok().and_then(|mut work| work.take());
    // Who comes second, the thread with its result or the one who gave it up, sees that the other was there.
    let settled = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&settled);
    // A thread that hangs ends with the process: waits for a dead server can be killed.
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let Some(work) = take(&taken) else { return };
        let _ = sender.send(work());
        if done.swap(true, Ordering::AcqRel) {
            HANGING.fetch_sub(1, Ordering::Relaxed);
        }
    });
    // No thread is to be had; few things hang, and then the user ends it.
    let Ok(_) = thread else { return take(&work).map(|work| work()) };
    receiver.recv_timeout(limit).ok().or_else(|| {
        HANGING.fetch_add(1, Ordering::Relaxed);
        if settled.swap(true, Ordering::AcqRel) {
            HANGING.fetch_sub(1, Ordering::Relaxed);
            return receiver.try_recv().ok();
        }
        None
    })
}
