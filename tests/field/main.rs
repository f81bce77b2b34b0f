//! Reports from the field as small inputs: what `check` says of each beside what is so. See README.md here.
//!
//! `CASES=directory` names another directory of the same form, `SET=ci` chooses the cases of ci.json, `JOBS=1` runs one case
//! at a time. Behind `cargo test ... --` part of a name chooses, too, and `--list` prints what is chosen. Needs root, `make tools`
//! and a static build: `make field` sees to it.

mod answer;
mod case;
mod cluster;
mod container;
mod expect;
mod facts;
mod fuse;
mod keys;
mod node;
mod prose;
mod row;
mod run;
#[path = "../support/runtime/mod.rs"]
mod runtime;
mod select;
#[path = "../agent/server.rs"]
#[allow(dead_code, reason = "the agent's own tests ask more of it")]
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tree;

use libtest_mimic::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cases = match select::cases(&arguments) {
        Ok(cases) => cases,
        Err(message) => {
            eprintln!("field: {message}");
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        return libtest_mimic::run(&arguments, cases.iter().map(select::trial).collect()).exit_code();
    }
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    // Before there are threads: mounts of cases are nobody else's, and go with this process.
    fuse::open_to_all();
    run::run(&cases)
}
