//! Verdict against reality: real Debian kernels in qemu, real containers, real rootless BuildKit builds.
//!
//! Each cell of cells.json is a kernel, settings of a node and a container's security context. In the cell's container
//! `check` is run, in an identical one the build; they must agree. See README.md here.
//!
//! `KERNEL=6.1`, `CELL=id` (several: with spaces between), `CELLS=file` and `SET=ci` choose cells. `MUTATE=yes` shows
//! which steps of the probe they need. `JOBS=1` runs one guest at a time. Behind `cargo test ... --` part of a cell's id
//! chooses, too, and `--list` prints what is chosen. Needs root, `make tools` and a static build:
//! `make kernels` sees to it.

mod boot;
mod cell;
mod compare;
mod disk;
mod expected;
#[path = "../support/guest/mod.rs"]
mod guest;
mod mutations;
mod outcome;
mod report;
mod run;
mod select;
mod selftest;
mod selinux;
mod spec;
#[path = "../support/mod.rs"]
mod support;

use libtest_mimic::Arguments;
use std::path::PathBuf;
use std::process::ExitCode;

/// The repository.
fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cells = match select::cells(&arguments) {
        Ok(cells) => cells,
        Err(message) => {
            eprintln!("kernels: {message}");
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        return libtest_mimic::run(&arguments, cells.iter().map(select::trial).collect()).exit_code();
    }
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    selftest::traces_are_seen();
    run::run(cells)
}
