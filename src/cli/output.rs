//! What is printed: results on standard output, all else on standard error.

use super::Error;
use crate::report::Style;
use crate::text;
use clap::ValueEnum;
use nix::fcntl::OFlag;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// To be called before Rust's runtime starts, which opens /dev/null in the place of a closed standard output, and takes one that
/// is open only for reading for one that is written: the result would go nowhere and nobody would be told.
pub extern "C" fn note_closed_stdout() {
    let takes_output = nix::fcntl::fcntl(std::io::stdout(), nix::fcntl::FcntlArg::F_GETFL)
        .is_ok_and(|flags| OFlag::from_bits_truncate(flags).intersection(OFlag::O_ACCMODE) != OFlag::O_RDONLY);
    STDOUT_CLOSED.store(!takes_output, Ordering::Relaxed);
}

/// Looks whether standard output was open for writing when this process began.
///
/// # Errors
/// It was not.
pub(super) fn is_open() -> Result<(), Error> {
    if STDOUT_CLOSED.load(Ordering::Relaxed) {
        return Err(Error::Io("standard output is closed or cannot be written, so the result has nowhere to go".into()));
    }
    Ok(())
}

/// Prints a result.
pub(super) fn print(text: &str) -> Result<(), Error> {
    is_open()?;
    let mut stdout = std::io::stdout().lock();
    was_printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Prints one more result of several. False where the reader has closed its end, so that nobody waits for the next one.
#[cfg(feature = "cli")]
pub(super) fn print_more(text: &str) -> Result<bool, Error> {
    is_open()?;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    let is_read = !written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
    was_printed(written).map(|()| is_read)
}

/// Prints a value as JSON, piece by piece: one of some megabytes is in memory once.
#[cfg(feature = "cli")]
pub(super) fn print_json(value: &impl Serialize) -> Result<(), Error> {
    is_open()?;
    let mut to = json_into(std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock()));
    let written = serde_json::to_writer_pretty(&mut to, value).map_err(std::io::Error::from);
    was_printed(written.and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush()))
}

/// Takes JSON in pieces that are text, as serde writes them, of which a terminal shows all.
#[cfg(feature = "cli")]
pub(super) fn json_into(to: impl Write) -> impl Write {
    Harmless(to)
}

#[cfg(feature = "cli")]
struct Harmless<W>(W);

#[cfg(feature = "cli")]
impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        if piece.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte == b'\n') {
            self.0.write_all(piece)?;
        } else {
            self.0.write_all(text::json(String::from_utf8_lossy(piece).into_owned()).as_bytes())?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// How a table for whoever looks at standard output looks.
#[cfg(feature = "cli")]
pub(super) fn style() -> Style {
    Style { colour: is_coloured(&std::io::stdout()), width: width() }
}

/// Makes an error of a result that could not be printed. A reader that has seen enough and closed its end is no error.
pub(super) fn was_printed(written: std::io::Result<()>) -> Result<(), Error> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Io(format!("could not write to standard output: {error}"))),
        _ => Ok(()),
    }
}

/// Says something beside the result, in one line: what it is, and what is said. It may contain texts of anybody, so it is escaped
/// and bounded here. Where standard error takes nothing, the exit code still tells.
pub(super) fn say(what: &str, said: &str) {
    let said = text::line(said);
    #[cfg(feature = "cli")]
    let said = super::plugin::as_called(&said);
    say_all(&format!("{what}{said}\n"));
}

/// The same for what is neither a result nor an error, unless the user wants only those.
pub(super) fn note(what: &str, said: &str) {
    if !is_quiet() {
        say(what, said);
    }
}

/// The same for text that is made to be printed as it is.
pub(super) fn say_all(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Whether to colour what goes to a stream, as users know it (no-color.org, bixense.com/clicolors), `TERM=dumb` included. The order
/// is that of anstream, by which clap goes.
pub(super) fn is_coloured(stream: &impl IsTerminal) -> bool {
    use anstyle_query::{clicolor, clicolor_force, is_ci, no_color, term_supports_color};
    if no_color() {
        return false;
    }
    let may = || clicolor() != Some(false) && (term_supports_color() || clicolor() == Some(true) || is_ci());
    // A 0 forces nothing, as with CLICOLOR.
    let forced = clicolor_force() && std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    forced || may() && stream.is_terminal()
}

/// How many columns standard output has, if it is a terminal.
#[cfg(feature = "cli")]
fn width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into())
}

/// The image's program runs where nobody looks at a terminal, or `kubectl logs` does.
#[cfg(not(feature = "cli"))]
fn width() -> Option<usize> {
    None
}

static QUIET: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Whether the user wants only results and errors.
pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// How much a command logs that has a log of its own.
pub(super) fn log_level(asked: LevelFilter) -> LevelFilter {
    match (VERBOSE.load(Ordering::Relaxed), is_quiet()) {
        (true, _) => asked.max(LevelFilter::DEBUG),
        (false, true) => asked.min(LevelFilter::ERROR),
        (false, false) => asked,
    }
}

/// How much is said beside the result.
#[cfg(feature = "cli")]
#[derive(Debug, clap::Args)]
pub(super) struct Loudness {
    /// Print only the result and errors: no notes, no warnings, no progress
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = OF_ALL)]
    quiet: bool,
    /// Also print each request to the Kubernetes API, on standard error (`agent`: log as with --log-level debug)
    #[arg(long, short, global = true, help_heading = OF_ALL)]
    verbose: bool,
}

#[cfg(feature = "cli")]
const OF_ALL: &str = "Options of all commands";

#[cfg(feature = "cli")]
impl Loudness {
    /// From now on. A command that has a log of its own has its own lines there.
    pub(super) fn set(&self, has_own_log: bool) {
        use tracing_subscriber::layer::{Layer, SubscriberExt};
        use tracing_subscriber::util::SubscriberInitExt;
        QUIET.store(self.quiet, Ordering::Relaxed);
        VERBOSE.store(self.verbose, Ordering::Relaxed);
        if self.verbose && !has_own_log {
            let ours = tracing_subscriber::filter::Targets::new().with_target("buildkit_preflight", tracing::Level::DEBUG);
            let lines = tracing_subscriber::fmt::layer().with_target(false).without_time().with_ansi(false).with_writer(|| Escaped);
            tracing_subscriber::registry().with(lines.with_filter(ours)).init();
        }
    }
}

/// Takes lines for people on standard error. They may contain texts of anybody.
#[cfg(feature = "cli")]
struct Escaped;

#[cfg(feature = "cli")]
impl Write for Escaped {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        say("", String::from_utf8_lossy(line).trim());
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Takes lines of JSON for standard error, where they may come to a terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line).into_owned();
        std::io::stderr().write_all(text::json(text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        Log
    }
}

/// A text for people, with the name by which they called this program.
#[cfg(feature = "cli")]
fn named(text: String) -> String {
    super::plugin::as_called(&text).into_owned()
}

#[cfg(not(feature = "cli"))]
fn named(text: String) -> String {
    text
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
    /// Prints a value; `table` is the form for people, in some style.
    pub(super) fn print(self, value: &impl Serialize, table: impl Fn(Style) -> String) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Io(format!("could not write the report: {error}"));
        let json = || Ok::<_, Error>(text::json(serde_json::to_string_pretty(value).map_err(|error| failed(&error))? + "\n"));
        let text = match self {
            Format::Table => named(table(Style { colour: is_coloured(&std::io::stdout()), width: width() })),
            Format::Json => json()?,
            #[cfg(feature = "cli")]
            Format::Yaml => match serde_saphyr::to_string(value).map_err(|error| failed(&error))? {
                yaml if text::is_harmless(&yaml) => yaml,
                // It leaves marks of direction as they are. JSON is YAML.
                _ => json()?,
            },
        };
        print(&text)
    }
}
