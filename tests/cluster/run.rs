//! The third stage: starts the cluster, runs the steps on it, and tells what came of them.

use crate::cluster::Cluster;
use crate::inside;
use std::any::Any;
use std::fs;
use std::io::{IsTerminal, stdin};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The agent's image on both nodes.
pub(crate) const AGENT: &str = "localhost/buildkit-preflight:test";

/// What is done, named by a sentence. It fails by a panic.
pub(crate) type Step = (&'static str, fn(&Cluster));

pub(crate) fn main(steps: &[Step]) -> ExitCode {
    let dir = PathBuf::from(std::env::var_os(inside::DIR).expect("a working directory"));
    let cgroup = std::env::var(inside::CGROUP).expect("a cgroup");
    let wanted = std::env::var("STEP").unwrap_or_default();
    let keep = std::env::var_os("KEEP").is_some_and(|keep| keep == "1");

    let start = Instant::now();
    let Ok(cluster) = catch_unwind(|| Cluster::start(&dir, &cgroup, AGENT)) else {
        println!("cluster: did not start");
        save_logs(&dir);
        if keep {
            stay(&dir);
        }
        return ExitCode::FAILURE;
    };
    println!("cluster: up after {:.1} s", start.elapsed().as_secs_f64());

    let (mut run, mut failed) = (0, 0);
    for (name, step) in steps.iter().filter(|(name, _)| name.contains(&wanted)) {
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| step(&cluster)));
        let seconds = start.elapsed().as_secs_f64();
        run += 1;
        match result {
            Ok(()) => println!("ok      {name} ({seconds:.1} s)"),
            Err(panic) => {
                failed += 1;
                println!("FAILED  {name} ({seconds:.1} s): {}", message(&*panic));
                report(&cluster);
                // A step may have ended between two acts; the next one must not suffer for it.
                cluster.behave_as_planned();
                if cluster.request("GET", "/readyz", None, "", "").0 != 200 {
                    let _ = catch_unwind(AssertUnwindSafe(|| cluster.start_api_server()));
                }
            }
        }
    }
    println!("cluster: {run} steps, {} passed, {failed} failed", run - failed);
    if failed > 0 {
        save_logs(&dir);
    }
    if keep {
        stay(&dir);
    }
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What a panic says.
fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref().copied()).unwrap_or("a panic without a message")
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
fn save_logs(dir: &Path) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("cluster-logs");
    let _ = fs::remove_dir_all(&target);
    let copied = Command::new("cp").arg("-r").arg(dir.join("logs")).arg(&target).status();
    let _ = fs::copy(dir.join(crate::control::AUDIT_LOG), target.join("audit.log"));
    if copied.is_ok_and(|status| status.success()) {
        println!("cluster: logs are in {}", target.display());
    }
}

/// Leaves the cluster up until Enter, or a signal to the first stage.
fn stay(dir: &Path) {
    let pid = std::env::var(inside::PID).expect("a process ID");
    let path = std::env::var("PATH").expect("PATH");
    let kubeconfig = dir.join("certificates/admin.kubeconfig");
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
