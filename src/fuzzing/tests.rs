use super::{TARGETS, Target};
use fastrand::Rng;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many changed seeds each target gets.
const CHANGED: usize = 600;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder().join("seeds").join(target)).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).expect("a seed")).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// A seed, changed in some places as a fuzzer would.
fn changed(rng: &mut Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    const WORDS: [&[u8]; 14] = [
        b"\0",
        b"\n",
        b"\"",
        b"\\",
        b"\x1b[31m",
        b"\xff\xfe",
        b"4294967296",
        b"-1",
        b"99999999999999999999",
        b":",
        b"=",
        b"{}",
        b"[",
        "\u{202e}".as_bytes(),
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..rng.usize(1..=8) {
        let at = rng.usize(0..=bytes.len());
        let end = rng.usize(at..=bytes.len().min(at + 16));
        match rng.u8(0..6) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..end, WORDS[rng.usize(0..WORDS.len())].iter().copied())),
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(0..8),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let twice = bytes[at..end].repeat(2);
                drop(bytes.splice(at..end, twice));
            }
            _ => {
                let from = rng.usize(0..=other.len());
                drop(bytes.splice(at..end, other[from..other.len().min(from + 32)].iter().copied()));
            }
        }
    }
    bytes
}

fn run((name, target): &Target) {
    let mut rng = Rng::with_seed(18);
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "fuzz/seeds/{name} has no seed");
    seeds.iter().for_each(|seed| target(seed));
    target(b"");
    for number in 0..CHANGED {
        let (seed, other) = (&seeds[number % seeds.len()], &seeds[rng.usize(0..seeds.len())]);
        let input = changed(&mut rng, seed, other);
        let outcome = std::panic::catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "{name} panics for {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn targets_hold_for_the_seeds_and_for_changes_of_them() {
    TARGETS.iter().for_each(run);
}

#[test]
fn each_target_is_one_of_cargo_fuzz() {
    let manifest: toml::Table = toml::from_str(&fs::read_to_string(folder().join("Cargo.toml")).expect("a manifest")).expect("TOML");
    let bins: BTreeSet<_> = manifest["bin"].as_array().expect("targets").iter().filter_map(|bin| bin["name"].as_str()).collect();
    assert_eq!(bins, TARGETS.iter().map(|(name, _)| *name).collect());
    let seeds: BTreeSet<_> = fs::read_dir(folder().join("seeds")).expect("seeds").flatten().map(|entry| entry.file_name()).collect();
    assert!(seeds.iter().all(|name| bins.iter().any(|bin| *name == **bin)), "{seeds:?}");
}
