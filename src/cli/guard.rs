//! `check --guard`: what a pod's own init container says in front of the builder.

use super::exit::{NOT_READY, READY, UNKNOWN};
use super::{Error, output};
use crate::report::{Report, guard_message};
use std::fs::File;
use std::io::Write;

/// Where the kubelet reads the last words of a container, unless its manifest names another file.
const LAST_WORDS: &str = "/dev/termination-log";

/// Judges by `report`, which prints it. A pod that works, or of which nobody can tell, lets its builder start.
pub(super) fn run(report: impl FnOnce() -> Result<(Report, u8), Error>) -> Result<u8, Error> {
    let judged = report().inspect_err(|error| leave(&format!("the guard could not look at this pod: {error}")))?;
    match judged {
        (report, NOT_READY) => {
            report.profiles.iter().for_each(|profile| leave(&guard_message(profile)));
            Ok(NOT_READY)
        }
        (report, UNKNOWN) => {
            for why in report.profiles.iter().filter_map(|profile| profile.reason.as_ref()) {
                output::say("warning: unknown, so the builder is started: ", &why.to_string());
            }
            Ok(READY)
        }
        (_, code) => Ok(code),
    }
}

/// Leaves last words. A pod without such a file has none; the report says the same.
fn leave(words: &str) {
    let _ = File::options().write(true).truncate(true).open(LAST_WORDS).and_then(|mut file| file.write_all(words.as_bytes()));
}
