use super::markdown::{code, head, list, table, yes};
use crate::fact::{Place, Raise, Row, SYSCTLS, SysctlRow, rows};

/// Where each fact comes from.
pub(super) fn sources() -> String {
    let about = "What `buildkit-preflight facts` prints, and what each fact is read from. In a pod some files tell of the image or of the\n\
        pod's own namespace: the third column says in which places a fact tells of the node. A *captured* fact is in a directory that\n\
        `facts --capture` made. A change of a *watched* fact makes the agent prove again within seconds. No verdict\n\
        hangs on a fact that *informs*: only `facts` reads it.";
    let row =
        |row: Row| [code(row.id()), row.source.to_string(), places(row.places), yes(row.captured), yes(row.watched), yes(row.informs)];
    head("Sources of facts", "src/fact/source.rs", about)
        + &table(["fact", "read from", "tells of the node in", "captured", "watched", "informs"], rows().map(row))
}

/// The sysctls that are read, and those that may be set.
pub(super) fn sysctls() -> String {
    let about = "The sysctls that decide over unprivileged user namespaces. [`tune`](../tune.md) may set those with an entry in the column\n\
        *tune may*; no other sysctl is ever written, and no value is ever lowered.";
    let tune = |row: &SysctlRow| match row.tunable {
        Some(Raise::Switch) => "set it to 1",
        Some(Raise::Limit) => "raise it",
        None => "-",
    };
    let row = |row: &SysctlRow| [code(row.name), row.meaning.to_owned(), tune(row).to_owned(), places(row.places), row.source.to_owned()];
    head("Sysctls", "src/fact/sysctl.rs", about)
        + &table(["sysctl", "meaning", "tune may", "tells of the node in", "source"], SYSCTLS.iter().map(row))
}

fn places(places: &[Place]) -> String {
    list(places.iter().map(|place| place.title().to_owned()))
}
