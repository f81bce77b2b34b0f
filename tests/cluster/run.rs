//! The third stage: starts the cluster, runs the steps on it, and tells what came of them.

use crate::cluster::Cluster;
use crate::inside;
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use std::fs;
use std::io::{IsTerminal, stdin};
use std::panic::{catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::LazyLock;
use std::time::Instant;

/// The agent's image on both nodes.
pub(crate) const AGENT: &str = "localhost/buildkit-preflight:test";

/// What is done, named by a sentence. It fails by a panic.
pub(crate) type Step = (&'static str, fn(&Cluster));

/// What the steps run on. It ends with this process.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(&dir(), &std::env::var(inside::CGROUP).expect("a cgroup"), AGENT));

fn dir() -> PathBuf {
    std::env::var_os(inside::DIR).expect("a working directory").into()
}

/// The command line, where STEP may stand for the filter. Steps run one after the other.
pub(crate) fn arguments() -> Arguments {
    let mut arguments = Arguments::from_args();
    arguments.filter = arguments.filter.or_else(|| std::env::var("STEP").ok().filter(|step| !step.is_empty()));
    arguments.test_threads = Some(1);
    arguments
}

/// Whether the cluster is to stay up after the steps.
pub(crate) fn keep() -> bool {
    std::env::var_os("KEEP").is_some_and(|keep| keep == "1")
}

pub(crate) fn trials(steps: &'static [Step]) -> impl Iterator<Item = Trial> {
    steps.iter().map(|(name, step)| Trial::test(*name, || run(*step)))
}

pub(crate) fn main(arguments: &Arguments, trials: Vec<Trial>) -> ExitCode {
    let start = Instant::now();
    let passed = if catch_unwind(|| LazyLock::force(&CLUSTER)).is_ok() {
        println!("cluster: up after {:.1} s", start.elapsed().as_secs_f64());
        let Conclusion { num_passed, num_failed, .. } = libtest_mimic::run(arguments, trials);
        println!("cluster: {} steps, {num_passed} passed, {num_failed} failed", num_passed + num_failed);
        num_failed == 0
    } else {
        println!("cluster: did not start");
        false
    };
    if !passed {
        save_logs();
    }
    if keep() {
        stay();
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One step, and how long it took.
fn run(step: fn(&Cluster)) -> Result<(), Failed> {
    let start = Instant::now();
    let result = catch_unwind(|| step(&CLUSTER));
    print!("({:.1} s) ", start.elapsed().as_secs_f64());
    if let Err(panic) = result {
        println!();
        report(&CLUSTER);
        // A step may have ended between two acts; the next one must not suffer for it.
        CLUSTER.behave_as_planned();
        if CLUSTER.request("GET", "/readyz", None, "", "").0 != 200 {
            let _ = catch_unwind(|| CLUSTER.start_api_server());
        }
        resume_unwind(panic);
    }
    Ok(())
}

/// What helps to see why a step failed.
fn report(cluster: &Cluster) {
    for node in &cluster.nodes {
        println!("{}", cluster.processes.tail(&node.kubelet_name()));
    }
    for arguments in [&["get", "pods", "-A", "-o", "wide"][..], &["get", "events", "-A", "--sort-by=.lastTimestamp"]] {
        let (Ok(text) | Err(text)) = cluster.kubectl(arguments);
        println!("--- kubectl {} ---\n{text}", arguments.join(" "));
    }
}

/// Keeps the logs of a run that failed, since the working directory vanishes.
fn save_logs() {
    let dir = dir();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("cluster-logs");
    let _ = fs::remove_dir_all(&target);
    let copied = Command::new("cp").arg("-r").arg(dir.join("logs")).arg(&target).status();
    let _ = fs::copy(dir.join(crate::control::AUDIT_LOG), target.join("audit.log"));
    if copied.is_ok_and(|status| status.success()) {
        println!("cluster: logs are in {}", target.display());
    }
}

/// Leaves the cluster up until Enter, or a signal to the first stage.
fn stay() {
    let pid = std::env::var(inside::PID).expect("a process ID");
    let path = std::env::var("PATH").expect("PATH");
    let kubeconfig = dir().join("certificates/admin.kubeconfig");
    println!("cluster: stays up. KUBECONFIG={}; a shell inside:", kubeconfig.display());
    println!("nsenter -t {pid} -n -m -p -i -u env KUBECONFIG={} PATH={path} bash", kubeconfig.display());
    if stdin().is_terminal() {
        println!("Enter ends it.");
        let _ = stdin().read_line(&mut String::new());
    } else {
        loop {
            std::thread::park();
        }
    }
}
