//! Files that are not ordinary.

use super::Action;
use super::did::{did, exists, is, nothing};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(super) const ACTIONS: &[Action] = &[
    Action {
        id: "fifo",
        first: |at| did("make a named pipe", mkfifo(&at.join("pipe"), Mode::S_IRWXU).map_err(Into::into)),
        second: nothing,
        third: |at| is("a named pipe", &did("look at a named pipe", fs::metadata(at.join("pipe")))?.file_type().is_fifo(), &true),
    },
    Action {
        id: "links",
        first: |at| did("make a dangling link", symlink("/nowhere/at/all", at.join("dangling"))),
        second: |at| did("make a link", symlink("dangling", at.join("again"))),
        third: |at| {
            let target = |name| did("read a link", fs::read_link(at.join(name)));
            is("target of a link", &(target("dangling")?, target("again")?), &("/nowhere/at/all".into(), "dangling".into()))
        },
    },
    Action {
        id: "long-names",
        first: nothing,
        second: |at| {
            did("make a name of 240 bytes", fs::write(at.join("n".repeat(LONG)), "x"))?;
            did("make a deep path", fs::create_dir_all(deep(at)))
        },
        third: |at| is("a long name", &(exists(&at.join("n".repeat(LONG))) && exists(&deep(at))), &true),
    },
    Action {
        id: "names-not-utf8",
        first: nothing,
        second: |at| did("make a name that is not UTF-8", fs::write(latin(at), "x")),
        third: |at| is("a name that is not UTF-8", &exists(&latin(at)), &true),
    },
    Action {
        id: "times",
        first: |at| did("write a file", fs::write(at.join("old"), "x")),
        second: |at| {
            did("set a file's time", File::options().write(true).open(at.join("old")).and_then(|file| file.set_modified(long_ago())))
        },
        third: |at| {
            let found = did("look at a file", fs::metadata(at.join("old")).and_then(|file| file.modified()))?;
            is("a file's time", &found, &long_ago())
        },
    },
];

/// The longest name may have 255 bytes, and fuse-overlayfs has marks of its own in front of some.
const LONG: usize = 240;

fn deep(at: &Path) -> PathBuf {
    (0..40).fold(at.to_owned(), |path, _| path.join("directory-of-a-deep-path"))
}

fn latin(at: &Path) -> PathBuf {
    at.join(OsStr::from_bytes(b"caf\xe9"))
}

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}
