//! Hostile inputs: whatever a flag, a file, an answer, a signal or a stream is, the program says what it was, or ends as its
//! help tells; it never dies, hangs, fills the memory, leaves something, or prints raw what others wrote.
//!
//! A kind makes inputs; each is a line of shell in a directory of its own; `oracle` says what is wrong about what was seen.
//! `KIND="part of a name"`, `CASE=number`, `SEED=n` and `SET=ci` choose. What went wrong is kept in `target/hostile/`, with a script
//! that tries it again. Needs root: `make hostile`.

mod api;
mod commands;
mod facts;
mod flags;
mod kubeconfigs;
mod oracle;
mod peers;
mod run;
mod schema;
mod server;
mod signals;
mod streams;
mod trace;
mod trees;
mod world;
mod writes;

use oracle::{Documented, wrong};
use run::{Input, Place};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Processes that compute at a time.
const WORKERS: usize = 2;
/// Processes that wait for something at a time.
const WAITERS: usize = 12;
const SEED: u64 = 14;

/// A way to be hostile.
struct Kind {
    name: &'static str,
    /// How many of its inputs CI tries, spread over all.
    ci: usize,
    workers: usize,
    inputs: fn(&mut fastrand::Rng) -> Vec<Input>,
}

const fn kind(name: &'static str, ci: usize, workers: usize, inputs: fn(&mut fastrand::Rng) -> Vec<Input>) -> Kind {
    Kind { name, ci, workers, inputs }
}

const KINDS: &[Kind] = &[
    kind("flags-taken", 150, 4, |_| flags::taken()),
    kind("flags-refused", 150, WORKERS, |_| flags::refused()),
    kind("flags-values", 150, WORKERS, |_| flags::values()),
    kind("facts-cut", 60, WORKERS, |_| facts::cut()),
    kind("facts-types", 200, WORKERS, |_| facts::types()),
    kind("facts-bytes", 60, WORKERS, facts::bytes),
    kind("facts-texts", 44, WORKERS, |_| facts::texts()),
    kind("facts-places", 27, WAITERS, |_| facts::places()),
    kind("trees-damaged", 100, WORKERS, |_| trees::damaged()),
    kind("trees-places", 40, WORKERS, |_| trees::places()),
    kind("machine-files", 40, WORKERS, |_| trees::live()),
    kind("signals-probed", 100, WORKERS, |_| signals::probed()),
    kind("signals-read", 60, WORKERS, |_| signals::read()),
    kind("signals-inherited", 42, WORKERS, |_| signals::inherited()),
    kind("streams", 100, WORKERS, |_| streams::streams()),
    kind("environments", 100, WORKERS, |_| streams::environments()),
    kind("limits", 100, WORKERS, |_| streams::limits()),
    kind("kubeconfigs-damaged", 60, WAITERS, |_| kubeconfigs::damaged()),
    kind("kubeconfigs-fields", 60, WAITERS, |_| kubeconfigs::fields()),
    kind("kubeconfigs-plugins", 40, WAITERS, |_| kubeconfigs::plugins()),
    kind("kubeconfigs-places", 16, WAITERS, |_| kubeconfigs::places()),
    kind("api-statuses", 80, WORKERS, |_| api::statuses()),
    kind("api-bodies", 80, WORKERS, |_| api::bodies()),
    kind("api-wires", 60, WAITERS, |_| api::wires()),
    kind("api-agents", 30, WAITERS, |_| api::agents()),
    kind("agents-provers", 20, WAITERS, |_| peers::sockets()),
    kind("agents-tuned", 20, WAITERS, |_| peers::tuned()),
    kind("agents-accounts", 20, WAITERS, |_| peers::accounts()),
    kind("provers", 17, WAITERS, |_| peers::provers()),
    kind("writes-pairs", 60, WORKERS, |_| writes::pairs()),
    kind("writes-triples", 20, WORKERS, writes::triples),
];

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = environment("STATIC_BINARY").map(|path| root.join(path)).filter(|path| path.exists());
    built.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_buildkit-preflight")))
}

/// Tries all inputs of a kind; how many there were, and how many went wrong.
fn try_all(kind: &Kind, seed: u64, place: &Place, documented: &Documented) -> (usize, usize) {
    let inputs: Vec<_> = (kind.inputs)(&mut fastrand::Rng::with_seed(seed)).into_iter().enumerate().collect();
    let ci = environment("SET").is_some_and(|set| set == "ci");
    let case: Option<usize> = environment("CASE").map(|case| case.parse().expect("CASE is a number"));
    let step = if ci { inputs.len().div_ceil(kind.ci).max(1) } else { 1 };
    let chosen: Vec<_> = inputs.into_iter().filter(|(n, _)| case.map_or(n % step == 0, |case| *n == case)).collect();
    let (next, bad) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..kind.workers {
            scope.spawn(|| {
                while let Some((n, input)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let id = format!("{}-{n}", kind.name);
                    let seen = place.run(&id, input);
                    if case.is_some() {
                        println!("{}\n{seen:#?}", input.line);
                    }
                    let wrong = wrong(&seen, &input.expect, documented);
                    if wrong.is_empty() {
                        place.clear(&id);
                    } else {
                        let again = place.keep(&id, input);
                        bad.lock().expect("no panic").push((*n, input.what.clone(), wrong.join("; "), again));
                    }
                }
            });
        }
    });
    let mut bad = bad.into_inner().expect("no panic");
    bad.sort();
    // Where root's checks make their scratch, unless they are told where.
    for left in ["/var/lib", "/tmp"].iter().flat_map(|dir| world::scratch_in(Path::new(dir))) {
        let _ = std::fs::remove_dir_all(&left);
        bad.push((usize::MAX, "one of them".into(), "left a scratch directory".into(), left));
    }
    for (n, what, wrong, again) in &bad {
        let what: String = what.chars().take(200).flat_map(char::escape_debug).collect();
        println!("wrong: {what}: {wrong}\n       again: sh {} (or KIND={} CASE={n} make hostile)", again.display(), kind.name);
    }
    println!("{:<24} {:>6} inputs {:>5} wrong", kind.name, chosen.len(), bad.len());
    (chosen.len(), bad.len())
}

fn main() -> ExitCode {
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    world::enter();
    let seed = environment("SEED").map_or(SEED, |seed| seed.parse().expect("SEED is a number"));
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/hostile");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("mkdir");
    let place = Place { program: program(), dir };
    let documented = world::documented(&place.program);
    oracle::selftest(&documented);
    world::look(&place);
    println!("hostile: {} is tried, SEED={seed}", place.program.display());
    let unknown = flags::unknown(&documented);
    for flag in &unknown {
        println!("wrong: {flag}");
    }
    let names = environment("KIND").unwrap_or_default();
    let named = KINDS.iter().filter(|kind| names.is_empty() || names.split_whitespace().any(|part| kind.name.contains(part)));
    let (tried, bad) =
        named.map(|kind| try_all(kind, seed, &place, &documented)).fold((0, unknown.len()), |all, one| (all.0 + one.0, all.1 + one.1));
    println!("hostile: {tried} inputs, {bad} wrong");
    if tried == 0 {
        // This must not look as if all were well.
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(bad > 0))
}
