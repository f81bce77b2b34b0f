//! `tune` on real Debian kernels in qemu: what it changes, what it refuses, what it leaves when it is stopped halfway.
//!
//! A test is one script of `guest/` for each boot that it takes; the script leaves files, and they are judged here. See
//! README.md.
//!
//! `KERNEL=6.1`, `TEST="part of a name"` and `SET=ci` choose. Needs root, `make tools` and a static build: `make tune` sees to it.

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
/// That of [`SET=ci`](TESTS).
const CI_KERNEL: &str = "6.1";

/// What is run and judged.
struct Test {
    name: &'static str,
    /// For each boot a script and its words.
    steps: &'static [&'static str],
    /// Those of CI in place of them; `None` if CI leaves the test out.
    ci: Option<&'static [&'static str]>,
    /// Says what was measured.
    judge: fn(&mut Seen) -> String,
}

impl Test {
    /// One that is the same for CI.
    const fn new(name: &'static str, steps: &'static [&'static str], judge: fn(&mut Seen) -> String) -> Self {
        Test { name, steps, ci: Some(steps), judge }
    }

    /// One whose kind CI sees in another.
    const fn more(name: &'static str, steps: &'static [&'static str], judge: fn(&mut Seen) -> String) -> Self {
        Test { name, steps, ci: None, judge }
    }
}

const TESTS: &[Test] = &[
    Test::new("no-switch", &["healthy.sh"], healthy::judge),
    Test::more("raises-clone", &["raises.sh raise kernel/unprivileged_userns_clone=0"], raises::clone),
    Test::more("raises-max", &["raises.sh raise-user user/max_user_namespaces=0"], raises::max),
    Test::new("raises-both", &["raises.sh raise-user kernel/unprivileged_userns_clone=0 user/max_user_namespaces=0"], raises::both),
    Test::more("raises-mnt", &["raises.sh raise-user user/max_mnt_namespaces=2"], raises::mnt),
    Test::more("raises-enough", &["raises.sh raise-user kernel/unprivileged_userns_clone=0 user/max_user_namespaces=5000"], raises::enough),
    Test::new("refused-context", &["refused.sh no-capability other-capabilities read-only no-path nested"], refused::judge),
    Test::new("attacks", &["attacks.sh"], attacks::judge),
    Test::new("policy", &["policy.sh"], policy::judge),
    Test { name: "faults", steps: &["faults.sh 20 all"], ci: Some(&["faults.sh 1 one"]), judge: faults::judge },
    Test::new("war-file", &["war.sh 99-other.conf"], war::file),
    Test::more("war-no-file", &["war.sh -"], war::no_file),
    // Last of all: what a boot finds is what this one leaves.
    Test::new("reboot", &["reboot.sh persist", "reboot.sh forget", "reboot.sh end"], reboot::judge),
];

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn main() -> ExitCode {
    assert!(nix::unistd::geteuid().is_root(), "needs root");
    let ci = environment("SET").is_some_and(|set| set == "ci");
    let part = environment("TEST").unwrap_or_default();
    let tests: Vec<_> = TESTS.iter().filter(|test| test.name.contains(&part)).filter_map(|test| chosen(test, ci)).collect();
    if tests.is_empty() {
        eprintln!("tune: no test has {part} in its name");
        return ExitCode::from(2);
    }
    let kernels = match environment("KERNEL") {
        Some(kernel) => vec![kernel],
        None if ci => vec![CI_KERNEL.to_owned()],
        None => KERNELS.map(str::to_owned).to_vec(),
    };
    run::run(&kernels, &tests)
}

fn chosen(test: &Test, ci: bool) -> Option<run::Chosen> {
    let steps = if ci { test.ci? } else { test.steps };
    Some(run::Chosen { name: test.name, steps, judge: test.judge })
}
