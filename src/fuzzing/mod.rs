//! What fuzzers call: one function for each parser of texts that somebody else wrote. Each takes any bytes, and panics where what was
//! read has not the properties that its readers rely on.
//!
//! `fuzz/` has a target of cargo-fuzz for each row of [`TARGETS`]; `cargo test --lib fuzzing` runs the same functions over the seeds of
//! `fuzz/seeds/`, and over changes of them. A new target is a function and a row here, a `[[bin]]` of its name in `fuzz/Cargo.toml`,
//! and a seed or more.

mod facts;
mod files;
mod logs;
mod objects;
#[cfg(test)]
mod tests;

use crate::text::{is_harmless, line};
use std::fmt::Display;

/// A target's name, and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("os-release", |bytes| text(bytes, files::os_release)),
    ("kernel-release", |bytes| text(bytes, files::kernel_release)),
    ("mountinfo", |bytes| text(bytes, files::mountinfo)),
    ("uid-map", |bytes| text(bytes, files::uid_map)),
    ("subuid", |bytes| text(bytes, files::subuid)),
    ("runtime-version", |bytes| text(bytes, files::runtime_version)),
    ("status", |bytes| text(bytes, files::status)),
    ("sysctl-d", |bytes| text(bytes, files::sysctl_d)),
    ("lsm-label", |bytes| text(bytes, files::lsm_label)),
    ("facts", |bytes| text(bytes, facts::facts)),
    ("report", |bytes| text(bytes, facts::report)),
    ("redact", |bytes| text(bytes, facts::redact)),
    ("log", logs::log),
    ("kubeconfig", objects::kubeconfig),
    ("build-yaml", |bytes| text(bytes, objects::build)),
    ("pod-yaml", |bytes| text(bytes, objects::pod)),
    ("arguments", |bytes| text(bytes, objects::arguments)),
];

/// Most of what is parsed is text by then.
fn text(bytes: &[u8], parse: fn(&str)) {
    match str::from_utf8(bytes) {
        Ok(text) => parse(text),
        Err(_) => parse(&String::from_utf8_lossy(bytes)),
    }
}

/// That a message, as people get to see it, is one line of a bounded length that does nothing to a terminal.
fn is_shown(message: impl Display) {
    let message = message.to_string();
    let shown = line(&message);
    assert!(!message.is_empty(), "an error without a word");
    assert!(shown.chars().count() <= 1_010 && is_harmless(&shown) && !shown.contains('\n'), "{shown:?}");
}
