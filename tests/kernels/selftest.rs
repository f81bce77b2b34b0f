//! The harness's own test, at the start of each run: what `check` leaves behind must come out as a disagreement.

use crate::cell::Cell;
use crate::compare::{Agreement, compare};
use crate::outcome;
use serde_json::json;
use std::fs;

/// Feeds logs of a cell that agrees, with and without a trace in one of the places where traces are looked for.
pub(crate) fn traces_are_seen() {
    let cell =
        Cell::read(json!({"id": "selftest", "kernel": "0", "profile": "no-process-sandbox", "boot": {}, "settings": {}, "context": {}}));
    let cell = cell.expect("a cell");
    let dir = tempfile::tempdir().expect("temp dir");
    let ready = r#"{"profiles": [{"verdict": "ready", "evidence": "proven", "snapshotter": "overlayfs", "causes": []}]}"#;
    let check = format!("@uid 1000\n@predicted {ready}\n@report {ready}\n@left ");
    let build = "@uid 1000\n@proven-left \n@snapshotter overlayfs\n@buildctl 0\n@built uid=0(root)";
    let compared = |check: &str, build: &str| {
        for (part, log) in [("check", check), ("build", build)] {
            fs::write(dir.path().join(format!("{part}.log")), log).expect("write");
        }
        compare(&cell, &outcome::read(dir.path(), "0"))
    };
    assert_eq!(compared(&check, build), Agreement::Agree);
    let trace = "+ 99 98 0:50 / /mnt rw - tmpfs tmpfs rw";
    for (check, build) in [
        (format!("{check}{trace}"), build.to_owned()),
        (format!("{check}\n@node-left {trace}"), build.to_owned()),
        (check.clone(), build.replace("@proven-left ", &format!("@proven-left {trace}"))),
    ] {
        let seen = compared(&check, &build);
        assert!(matches!(&seen, Agreement::Disagree(why) if why.contains(trace)), "a trace is not seen: {seen:?}\n{check}\n{build}");
    }
}
