//! The target of this program's name.

#![no_main]

use buildkit_preflight::fuzzing::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

/// Found while it is compiled.
const TARGET: Target = {
    let mut number = 0;
    while !is_same(TARGETS[number].0.as_bytes(), env!("CARGO_BIN_NAME").as_bytes()) {
        number += 1;
    }
    TARGETS[number]
};

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

fuzz_target!(|bytes: &[u8]| (TARGET.1)(bytes));
