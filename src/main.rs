//! The command line of buildkit-preflight.

/// Runs before Rust's runtime, which hides a closed standard output.
// SAFETY: an entry of .init_array is a pointer to a function that takes no argument it needs and returns.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = buildkit_preflight::cli::note_closed_stdout;

fn main() {
    let code = buildkit_preflight::cli::run();
    // SAFETY: ends this process at once. What was printed is written, and nothing else waits for the runtime's end.
    unsafe { libc::_exit(code.into()) }
}
