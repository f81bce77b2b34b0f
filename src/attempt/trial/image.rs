//! What the trial builds.

use super::archive;
use crate::behaviour::{Behaviour, find};
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What all files of the context but the program say, so that a step knows them again.
const CONTEXT: &str = "context";

/// Its image has this program alone: one layer of files that BuildKit copies, and three steps over it.
pub(super) fn dockerfile(behaviours: &[&Behaviour]) -> String {
    let mut out = "FROM scratch AS other\nCOPY file /built\n\
        FROM scratch AS copied\nCOPY file /kept/copied\nCOPY --chown=1000:1000 --chmod=750 file /kept/owned\n\
        COPY --from=other /built /kept/built\n\
        FROM scratch\nCOPY program /program\nCOPY --from=copied / /\n"
        .to_owned();
    let ids: String = behaviours.iter().fold(String::new(), |ids, behaviour| ids + ", \"" + behaviour.id + "\"");
    for layer in ["first", "second", "third"] {
        let mounts = if layer == "second" { mounts(behaviours) } else { String::new() };
        let _ = writeln!(out, "RUN {mounts}[\"/program\", \"behave\", \"{layer}\"{ids}]");
    }
    out
}

/// Options of `RUN` for the behaviours that are about mounts.
const MOUNTS: [(&str, &str); 4] = [
    ("mount-cache", "--mount=type=cache,target=/mounted/cache"),
    ("mount-bind", "--mount=type=bind,target=/mounted/bind"),
    ("mount-tmpfs", "--mount=type=tmpfs,target=/mounted/tmpfs"),
    ("mount-secret", "--mount=type=secret,id=file,target=/mounted/secret,required=true"),
];

fn mounts(behaviours: &[&Behaviour]) -> String {
    let wanted = MOUNTS.iter().filter(|(id, _)| behaviours.iter().any(|behaviour| behaviour.id == *id));
    wanted.fold(String::new(), |all, (_, option)| all + option + " ")
}

/// Writes the context.
pub(super) fn write(context: &Path, behaviours: &[&Behaviour]) -> std::io::Result<()> {
    fs::copy("/proc/self/exe", context.join("program"))?;
    fs::set_permissions(context.join("program"), Permissions::from_mode(0o755))?;
    fs::write(context.join("file"), CONTEXT)?;
    fs::write(context.join("Dockerfile"), dockerfile(behaviours))
}

/// What must be in the exported layers: by behaviour, a name's end, and whether a file of it is as wanted.
type Wanted = (&'static str, &'static str, fn(&archive::Entry) -> bool);

const WANTED: [Wanted; 6] = [
    ("write-files", "write-files/object", |entry| entry.size == 4),
    ("remove-file", "remove-file/.wh.list", |_| true),
    ("change-owner", "change-owner/new", |entry| (entry.user, entry.group) == (1000, 1000)),
    ("set-id-bits", "set-id-bits/setuid", |entry| entry.mode == 0o4755),
    ("file-capability", "file-capability/new", |entry| entry.has_capability),
    ("fifo", "fifo/pipe", |entry| entry.kind == b'6'),
];

/// The behaviours whose work is not in the archive, each with what is missing.
pub(super) fn missing(path: &Path, behaviours: &[&Behaviour]) -> std::io::Result<Vec<(&'static Behaviour, String)>> {
    let entries = archive::entries(path)?;
    let promised = WANTED.iter().filter(|(id, ..)| behaviours.iter().any(|behaviour| behaviour.id == *id));
    let lost = promised.filter(|(_, name, is)| !entries.iter().any(|entry| entry.name.ends_with(name) && is(entry)));
    Ok(lost.filter_map(|(id, name, _)| Some((find(id)?, format!("{name} is not in the exported image as it was made")))).collect())
}
