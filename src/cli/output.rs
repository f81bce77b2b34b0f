use super::Error;
use clap::ValueEnum;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
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

/// How to print a result.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
    /// The same as YAML
    #[cfg(feature = "cli")]
    Yaml,
}

impl Format {
    /// Prints a value; `table` is the form for people, with or without colours.
    pub(super) fn print(self, value: &impl Serialize, table: impl Fn(bool) -> String) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Io(format!("could not write the report: {error}"));
        let text = match self {
            Format::Table => table(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()),
            Format::Json => serde_json::to_string_pretty(value).map_err(|error| failed(&error))? + "\n",
            #[cfg(feature = "cli")]
            Format::Yaml => serde_saphyr::to_string(value).map_err(|error| failed(&error))?,
        };
        print(&text)
    }
}
