//! Builders that people have, as small manifests: `check -f` against what became of a real run of each.
//!
//! `CASES=directory` names another directory of the same form (see README.md here), `CASE=part,part` chooses. The closing line is
//! `pods: N, right R, wrong W, unknown U`; the exit code is 1 where one is wrong. The real runs are a suite of tests/cluster.

#[allow(dead_code, reason = "the real runs ask more of it")]
mod case;

use case::{Answer, Tally, cases, judged};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut tally = Tally::default();
    for case in cases() {
        let answer = Answer::of(Command::new(env!("CARGO_BIN_EXE_buildkit-preflight")), &[], &case.manifest());
        tally.count(&case.name(), &case.outcome, &judged(&case, &case.outcome, &answer));
    }
    if tally.close("pods") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
