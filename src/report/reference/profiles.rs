use super::markdown::{code, head, table, yes};
use crate::fact::Builder;
use crate::profile::{Confinement, PROFILES, Prover, Row, Shape};

/// The ways to run buildkitd, and what each pod asks for.
pub(super) fn page() -> String {
    let about = "A profile is a way to run buildkitd: which image, and in a pod of which shape. Rank 1 is the best one to have;\n\
        `render builder --profile auto` takes the best profile that nodes are ready for.";
    let rows = PROFILES.iter().map(|row| [name(row), row.rank.to_string(), row.title.to_owned(), prover(row).to_owned()]);
    let shapes = PROFILES.iter().map(shape);
    head("Profiles", "src/profile/table.rs", about)
        + &table(["profile", "rank", "what it is", "who proves it"], rows)
        + "\n## Shapes\n\nWhat the builder's pod of each profile asks for. The agent or canary that proves a profile asks for the same.\n"
        + &table(
            ["profile", "user", "privileged", "seccomp", "AppArmor", "`procMount`", "`hostUsers`", "process sandbox", "state dir"],
            shapes,
        )
}

/// The id; the first row is what commands take where none is named.
fn name(row: &Row) -> String {
    let default = if row.prover == Prover::Agent { " (default)" } else { "" };
    code(row.id) + default
}

fn prover(row: &Row) -> &'static str {
    match row.prover {
        Prover::Agent => "the agent on every node",
        Prover::Canary => "a canary, where such a pod would start",
        Prover::OptionalCanary => "a canary, where an operator asks for it; builders need not wait for its proof",
    }
}

fn shape(row: &Row) -> [String; 9] {
    let Shape { user, privileged, seccomp, apparmor, proc_mount, host_users, process_sandbox, state, .. } = &row.shape;
    let confinement = |confinement: &Option<Confinement>| confinement.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let image = if row.builder == Builder::Rootless { "rootless image" } else { "rootful image" };
    [
        code(row.id),
        format!("{user}, {image}"),
        yes(*privileged),
        confinement(seccomp),
        confinement(apparmor),
        proc_mount.to_string(),
        code(host_users),
        yes(*process_sandbox),
        code(&state.path),
    ]
}
