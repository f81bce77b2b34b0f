//! Layers over layers.

use super::Action;
use super::did::{Done, did, exists, is, nothing};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

pub(super) const ACTIONS: &[Action] = &[
    Action {
        id: "write-files",
        first: |at| did("write a file", fs::write(at.join("source"), "code")),
        second: |at| did("copy a file of a lower layer", fs::copy(at.join("source"), at.join("object")).map(drop)),
        third: |at| says(at, "object", "code"),
    },
    Action {
        id: "change-file",
        first: |at| did("write a file", fs::write(at.join("conf"), "port")),
        second: |at| {
            let appended = OpenOptions::new().append(true).open(at.join("conf")).and_then(|mut file| file.write_all(b"=80"));
            did("append to a file of a lower layer", appended)?;
            did("change the mode of a file of a lower layer", fs::set_permissions(at.join("conf"), Permissions::from_mode(0o755)))
        },
        third: |at| says(at, "conf", "port=80"),
    },
    Action {
        id: "remove-file",
        first: |at| did("write a file", fs::write(at.join("list"), "old").and_then(|()| fs::write(at.join("lock"), "old"))),
        second: |at| {
            did("remove a file of a lower layer", fs::remove_file(at.join("list")).and_then(|()| fs::remove_file(at.join("lock"))))?;
            did("make it again", fs::write(at.join("lock"), "new"))
        },
        third: |at| says(at, "lock", "new").and_then(|()| gone(at, "list")),
    },
    Action {
        id: "remove-directory",
        first: |at| {
            let made = fs::create_dir_all(at.join("cache/deep")).and_then(|()| fs::write(at.join("cache/deep/file"), "old"));
            did("make a directory", made)
        },
        second: |at| {
            did("remove a directory of a lower layer", fs::remove_dir_all(at.join("cache")))?;
            did("make it again", fs::create_dir(at.join("cache")).and_then(|()| fs::write(at.join("cache/new"), "new")))
        },
        third: |at| says(at, "cache/new", "new").and_then(|()| gone(at, "cache/deep")),
    },
    Action {
        id: "rename-file",
        first: |at| did("write a file", fs::write(at.join("new"), "pem")),
        second: |at| did("rename a file of a lower layer", fs::rename(at.join("new"), at.join("pem"))),
        third: |at| says(at, "pem", "pem").and_then(|()| gone(at, "new")),
    },
    Action {
        id: "rename-directory",
        first: |at| {
            did("make a directory", fs::create_dir_all(at.join("one/deep")).and_then(|()| fs::write(at.join("one/deep/code"), "code")))
        },
        second: |at| {
            did("rename a directory of a lower layer", move_directory(&at.join("one"), &at.join("two")))?;
            did("make it again", fs::create_dir(at.join("one")))
        },
        third: |at| says(at, "two/deep/code", "code").and_then(|()| gone(at, "one/deep")),
    },
    Action {
        id: "rename-new-directory",
        first: |at| did("make a directory", fs::create_dir(at.join("modules"))),
        second: |at| {
            did("make a directory", fs::create_dir(at.join("modules/.new")).and_then(|()| fs::write(at.join("modules/.new/index"), "js")))?;
            did("rename a directory of this layer", fs::rename(at.join("modules/.new"), at.join("modules/left")))
        },
        third: |at| says(at, "modules/left/index", "js").and_then(|()| gone(at, "modules/.new")),
    },
    Action {
        id: "replace-directory",
        first: |at| {
            did("make a directory", fs::create_dir_all(at.join("old/deep")).and_then(|()| fs::create_dir(at.join("new"))))?;
            did("write a file", fs::write(at.join("new/version"), "2").and_then(|()| fs::write(at.join("data"), "file")))
        },
        second: |at| {
            did("remove a directory of a lower layer", fs::remove_dir_all(at.join("old")))?;
            did("make a link in its place", symlink("new", at.join("old")))?;
            did("remove a file of a lower layer", fs::remove_file(at.join("data")))?;
            did("make a directory in its place", fs::create_dir(at.join("data")).and_then(|()| fs::write(at.join("data/x"), "x")))
        },
        third: |at| says(at, "old/version", "2").and_then(|()| says(at, "data/x", "x")),
    },
    Action {
        id: "hard-link",
        first: |at| {
            did("write a file", fs::write(at.join("one"), "1").and_then(|()| fs::write(at.join("lone"), "3")))?;
            did("make a hard link", fs::hard_link(at.join("one"), at.join("two")))
        },
        second: |at| did("link a file of a lower layer", fs::hard_link(at.join("lone"), at.join("linked"))),
        third: |at| {
            says(at, "linked", "3").and_then(|()| says(at, "two", "1"))?;
            let links = did("look at a hard link", fs::metadata(at.join("linked")))?.nlink();
            is("number of hard links", &links, &2)
        },
    },
    Action {
        id: "package-manager",
        first: |at| did("write a file", fs::write(at.join("status"), "old")),
        second: |at| {
            let mut file = did("write a temporary file", File::create(at.join("status-new")))?;
            did("write a temporary file", file.write_all(b"new"))?;
            did("lock a file", file.lock())?;
            did("sync a file", file.sync_all())?;
            did("link a file of a lower layer", fs::hard_link(at.join("status"), at.join("status-old")))?;
            did("rename over a file of a lower layer", fs::rename(at.join("status-new"), at.join("status")))?;
            did("remove a link to a file of a lower layer", fs::remove_file(at.join("status-old")))
        },
        third: |at| says(at, "status", "new").and_then(|()| gone(at, "status-old")),
    },
    Action { id: "multi-stage", first: nothing, second: nothing, third: |at| says(at, "../../kept/built", "context") },
    Action { id: "copy-context", first: nothing, second: nothing, third: |at| says(at, "../../kept/copied", "context") },
];

/// As mv(1) does it.
fn move_directory(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.raw_os_error() == Some(libc::EXDEV) => {
            copy_tree(from, to)?;
            fs::remove_dir_all(from)
        }
        renamed => renamed,
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy_tree(&entry.path(), &to)? } else { fs::copy(entry.path(), to).map(drop)? }
    }
    Ok(())
}

/// Whether a file has this text.
fn says(at: &Path, name: &str, wanted: &str) -> Done {
    let text = did("read a file in the next layer", fs::read_to_string(at.join(name)))?;
    is("text of a file", &text.as_str(), &wanted)
}

fn gone(at: &Path, name: &str) -> Done {
    is("what was removed is there", &exists(&at.join(name)), &false)
}
