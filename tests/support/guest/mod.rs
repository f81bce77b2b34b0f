//! Guests: Debian kernels in qemu, for tests that need a node of their own to change and to reboot.
//!
//! A test makes a root disk ([`disk::root`]) with what it needs beside Debian's programs, a script `/guest/main.sh` among
//! it; a work disk from a directory ([`disk::make`]), which is `/disk` in the guest; takes a kernel ([`kernel::get`]); and
//! starts a guest ([`boot::Guest`]) with them. A work disk that is given to a second guest holds what the first wrote.
//!
//! The guest's first program (`init`) makes the machine a plain node and runs main.sh, which talks to the host by the
//! functions of `node.sh`: `begin ID`, `end ID`, `tell trouble TEXT`.
//!
//! Included by path, and not a part of `support`: most tests have no guests.

pub(crate) mod boot;
mod debian;
pub(crate) mod disk;
pub(crate) mod kernel;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where kernels and packages are cached, and disks are made.
pub(crate) fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kernels")
}

/// What a program makes of its standard input.
fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap_or_else(|error| panic!("{program}: {error}")).stdout
    })
}
