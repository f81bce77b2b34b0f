//! What an agent costs that has nothing to do.

use crate::agent::{self, process};
use crate::canary::says;
use crate::cluster::Cluster;
use crate::processes::wait;
use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const LENGTH: Duration = Duration::from_secs(180);

/// Bounds: of memory in KiB (5.7 MiB), and of CPU time in the whole of [`LENGTH`].
const RSS: u64 = 5836;
const ANONYMOUS: u64 = 1024;
const THREADS: u64 = 2;
/// Requests of each agent and canary: whether its word stands is asked after 5, 10, 20, 40 and 80 s, each a quarter sooner or later,
/// and by then two of these are over.
const REQUESTS: usize = 6;
const CPU: Duration = Duration::from_millis(20);

struct Start {
    at: Instant,
    requests: usize,
    processes: Vec<(&'static str, i32, Duration)>,
}

static START: Mutex<Option<Start>> = Mutex::new(None);

fn requests(cluster: &Cluster) -> usize {
    cluster.audit("buildkit-preflight/").len()
}

/// CPU time of all threads (proc(5), the first number of schedstat, in nanoseconds).
fn cpu(pid: i32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("a process").flatten();
    let time = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(threads.map(time).sum())
}

fn status(pid: i32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_else(|| panic!("no {field}"))
}

/// From here on the steps in between leave the agents alone.
pub(crate) fn begins(cluster: &Cluster) {
    agent::deployed(cluster);
    // One that comes after its canary has answered need not look whether that will.
    says(cluster, "node1", "procmount", "ready", "Proven");
    says(cluster, "node2", "procmount", "not-ready", "Seccomp");
    cluster.kubectl(&["rollout", "restart", "-n", agent::NAMESPACE, "daemonset/agent"]).expect("kubectl rollout restart");
    agent::rolled_out(cluster);
    let processes = ["node1", "node2"].map(|node| (node, process(node)));
    let processes = processes.map(|(node, pid)| (node, pid, cpu(pid))).to_vec();
    *START.lock().expect("no panic") = Some(Start { at: Instant::now(), requests: requests(cluster), processes });
}

pub(crate) fn costs_next_to_nothing(cluster: &Cluster) {
    let start = START.lock().expect("no panic").take().unwrap_or_else(|| panic!("it did not begin: run all steps"));
    wait("three minutes have passed", LENGTH.as_secs() + 1, || if start.at.elapsed() >= LENGTH { Ok(()) } else { Err("not yet".into()) });
    let length = start.at.elapsed();
    let asked = requests(cluster) - start.requests;
    println!("        {asked} requests of two agents and two canaries");
    assert!(asked <= 4 * REQUESTS, "{asked} requests in {length:?}");
    for (node, pid, before) in start.processes {
        assert_eq!(process(node), pid, "the same process");
        let (rss, anonymous, threads) = (status(pid, "VmRSS"), status(pid, "RssAnon"), status(pid, "Threads"));
        let used = cpu(pid).saturating_sub(before).mul_f64(LENGTH.as_secs_f64() / length.as_secs_f64());
        println!(
            "        {node}: {rss} KiB, {anonymous} KiB of them anonymous, {threads} threads, {} ms of CPU in 3 min",
            used.as_millis()
        );
        assert!(rss <= RSS && anonymous <= ANONYMOUS && threads <= THREADS && used <= CPU);
    }
}
