//! `tune` on real Debian kernels in qemu: what it changes, what it refuses, what it leaves when it is stopped halfway.
//!
//! A test is one script of `guest/` for each boot that it takes; the script leaves files, and they are judged here. See
//! README.md.
//!
//! `KERNEL=6.1`, `TEST="parts of names"`, `RUNS=2` (of each fault) and `SET=ci` choose. Needs root, `make tools` and a static build: `make tune` sees to it.

mod attacks;
mod containers;
mod disk;
mod faults;
#[path = "../support/guest/mod.rs"]
mod guest;
mod healthy;
mod policy;
mod raises;
mod reboot;
mod refused;
mod run;
mod seen;
#[path = "../support/mod.rs"]
mod support;
mod sysctls;
mod war;

use seen::Seen;
use std::process::ExitCode;

/// Where nothing is chosen.
const KERNELS: [&str; 3] = ["5.10", "6.1", "7.2"];
/// That of CI.
const CI_KERNEL: &str = "6.1";
/// How often each call that writes meets each fault.
const RUNS: &str = "20";

/// What is run and judged.
struct Test {
    name: &'static str,
    when: When,
    /// For each boot a script and its words.
    steps: &'static [&'static str],
    /// Says what was measured.
    judge: fn(&mut Seen) -> String,
}

#[derive(Clone, Copy, PartialEq)]
enum When {
    Always,
    /// Only with `SET=ci`, and only without.
    Ci,
    All,
    /// As `All`, but not on this kernel.
    AllBut(&'static str),
}
use When::{All, AllBut, Always, Ci};

const fn test(name: &'static str, when: When, steps: &'static [&'static str], judge: fn(&mut Seen) -> String) -> Test {
    Test { name, when, steps, judge }
}

/// In the order in which they run. CI has each kind once.
const TESTS: &[Test] = &[
    test("healthy", All, &["healthy.sh build"], healthy::judge),
    test("healthy", Ci, &["healthy.sh"], healthy::plain),
    test("raises-clone", All, &["raises.sh raise kernel/unprivileged_userns_clone=0"], raises::clone),
    test("raises-max", All, &["raises.sh raise-user user/max_user_namespaces=0"], raises::max),
    test("raises-both", Always, &["raises.sh raise-user kernel/unprivileged_userns_clone=0 user/max_user_namespaces=0"], raises::both),
    // On 5.10 root has two by itself: with that limit no container starts.
    test("raises-mnt", AllBut("5.10"), &["raises.sh raise-user user/max_mnt_namespaces=2"], raises::mnt),
    test("raises-enough", All, &["raises.sh raise-user kernel/unprivileged_userns_clone=0 user/max_user_namespaces=5000"], raises::enough),
    test("refused-context", Always, &["refused.sh no-capability other-capabilities read-only no-path nested"], refused::judge),
    test("attacks", Always, &["attacks.sh"], attacks::judge),
    test("policy", Always, &["policy.sh"], policy::judge),
    test("faults", All, &["faults.sh RUNS all"], faults::judge),
    test("faults", Ci, &["faults.sh 1 some"], faults::judge),
    test("war-file", Always, &["war.sh 99-other.conf"], war::file),
    test("war-no-file", All, &["war.sh -"], war::no_file),
    // Last of all: what a boot finds is what this one leaves.
    test("reboot", Always, &["reboot.sh persist", "reboot.sh forget", "reboot.sh end"], reboot::judge),
];

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn main() -> ExitCode {
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    let ci = environment("SET").is_some_and(|set| set == "ci");
    let names = environment("TEST").unwrap_or_default();
    let named = |test: &Test| names.is_empty() || names.split_whitespace().any(|part| test.name.contains(part));
    let runs = environment("RUNS").unwrap_or_else(|| RUNS.to_owned());
    let wanted = |test: &&Test| named(test) && if ci { matches!(test.when, Always | Ci) } else { test.when != Ci };
    let chosen = |test: &Test| run::Chosen {
        name: test.name,
        not_on: if let AllBut(kernel) = test.when { Some(kernel) } else { None },
        steps: test.steps.iter().map(|step| step.replace("RUNS", &runs)).collect(),
        judge: test.judge,
    };
    let tests: Vec<_> = TESTS.iter().filter(wanted).map(chosen).collect();
    if tests.is_empty() {
        eprintln!("tune: no test is called like {names}");
        return ExitCode::from(2);
    }
    let kernels = match environment("KERNEL") {
        Some(kernel) => vec![kernel],
        None if ci => vec![CI_KERNEL.to_owned()],
        None => KERNELS.map(str::to_owned).to_vec(),
    };
    run::run(&kernels, &tests)
}
