use super::Error;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// To be called before Rust's runtime starts, which opens /dev/null in the place of a closed
/// standard output: the result would go nowhere and nobody would be told.
pub extern "C" fn note_closed_stdout() {
    let closed = nix::fcntl::fcntl(std::io::stdout(), nix::fcntl::FcntlArg::F_GETFD).is_err();
    STDOUT_CLOSED.store(closed, Ordering::Relaxed);
}

/// Prints a result. A reader that has seen enough and closed its end is no error.
pub(super) fn print(text: &str) -> Result<(), Error> {
    if STDOUT_CLOSED.load(Ordering::Relaxed) {
        return Err(Error::Io("standard output is closed, so the result has nowhere to go".into()));
    }
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Io(format!("could not write to standard output: {error}"))),
        _ => Ok(()),
    }
}
