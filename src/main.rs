//! The command line of buildkit-preflight.

use std::process::ExitCode;

/// Runs before Rust's runtime, which hides a closed standard output.
// SAFETY: an entry of .init_array is a pointer to a function that takes no argument it needs and returns.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = buildkit_preflight::cli::note_closed_stdout;

fn main() -> ExitCode {
    buildkit_preflight::cli::run()
}
