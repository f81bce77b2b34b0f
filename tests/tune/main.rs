//! `tune` on real Debian kernels in qemu: what it changes, what it refuses, what it leaves when it is stopped halfway.
//!
//! A test is one script of `guest/` for each boot that it takes; the script leaves files, and they are judged here. See
//! README.md.
//!
//! `KERNEL=6.1`, `TEST="parts of names"`, `RUNS=2` (of each fault) and `SET=ci` choose, and then what stands behind
//! `cargo test ... --`, as usual: part of a name, `--list`. Needs root, `make tools` and a static build: `make tune` sees to it.

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

use libtest_mimic::{Arguments, Conclusion, Trial};
use seen::Seen;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

/// Where nothing is chosen.
const KERNELS: [&str; 3] = ["5.10", "6.1", "7.2"];
/// That of CI.
const CI_KERNEL: &str = "6.1";
/// How often each call that writes meets each fault.
const RUNS: &str = "20";

/// What is run and judged.
#[derive(Clone, Copy)]
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

impl When {
    fn has(self, ci: bool, series: &str) -> bool {
        match self {
            Always => true,
            Ci => ci,
            All => !ci,
            AllBut(kernel) => !ci && kernel != series,
        }
    }
}

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

/// The tests that are chosen, of each kernel. Its guests start when the first of them is run.
fn trials(arguments: &Arguments) -> Vec<Trial> {
    let ci = environment("SET").is_some_and(|set| set == "ci");
    let names = environment("TEST").unwrap_or_default();
    let named = |test: &Test| names.is_empty() || names.split_whitespace().any(|part| test.name.contains(part));
    let kernels = match environment("KERNEL") {
        Some(kernel) => vec![kernel],
        None if ci => vec![CI_KERNEL.to_owned()],
        None => KERNELS.map(str::to_owned).to_vec(),
    };
    let mut trials = Vec::new();
    for series in kernels {
        // Tests share boots: what is filtered out must be known before the first is run.
        let filtered_out = |test: &Test| arguments.is_filtered_out(&Trial::test(test.name, || Ok(())).with_kind(&series));
        let wanted = |test: &&Test| test.when.has(ci, &series) && named(test) && !filtered_out(test);
        let tests: Vec<_> = TESTS.iter().filter(wanted).copied().collect();
        let outs = Arc::new(LazyLock::new({
            let (series, tests) = (series.clone(), tests.clone());
            move || run::run(&series, &tests)
        }));
        trials.extend(tests.into_iter().map(|test| {
            let outs = Arc::clone(&outs);
            Trial::test(test.name, move || run::judge(&test, &outs)).with_kind(&series)
        }));
    }
    trials
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = trials(&arguments);
    if trials.is_empty() {
        // This must not look as if all had passed.
        eprintln!("tune: no test is left to run");
        return ExitCode::from(2);
    }
    if arguments.list {
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    let Conclusion { num_passed, num_failed, .. } = libtest_mimic::run(&arguments, trials);
    println!("tune: {num_passed} passed, {num_failed} failed");
    if num_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
