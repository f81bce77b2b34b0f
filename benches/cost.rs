//! What `check` costs, beside `rootlesskit true`, the cheapest tool that also tries.
//!
//! System calls, peak memory and sizes do not depend on the machine's load. CPU does, so it is a ratio; with `--counts` it is left
//! out, and so is all that takes long. Ends with a line that says how many bounds hold.

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Runs for the median of CPU.
const RUNS: usize = 40;
/// Of so many counts the least is taken, since threads that wait for each other add a call or two; of peaks the highest.
const COUNTS: usize = 3;
const USER: u32 = 7000;
/// A user's PATH as login makes it, so that the figures do not depend on who runs this.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const CALLS_PROBED: u64 = 950;
const CALLS_READ: u64 = 200;
/// 5 MiB.
const PEAK_KIB: u64 = 5120;
/// 16 MiB, whatever the log's size.
const EXPLAIN_KIB: u64 = 16 << 10;
const IMAGES_BINARY: u64 = 6_000_000;
/// A sixth: 9 ms where rootlesskit takes 55.
const PERCENT_OF_PEER: u64 = 17;

/// What one command costs.
struct Cost {
    name: &'static str,
    microseconds: u64,
    peak_kib: u64,
    system_calls: u64,
}

/// What was counted, and the most that it may be.
struct Bound {
    what: &'static str,
    is: u64,
    most: u64,
}

/// A static build that a variable of the environment names.
fn built(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names a static build: run `make cost` or `make bench`"));
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn main() -> ExitCode {
    let counts_only = std::env::args().any(|argument| argument == "--counts");
    let runs = if counts_only { 0 } else { RUNS };
    let (binary, images) = (built("STATIC_BINARY"), built("NODE_BINARY"));
    let dir = tempfile::tempdir().expect("temp dir");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    // An ordinary user with a range, in a mount namespace of this process's own.
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace: needs root");
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).expect("make / private");
    let over = |name: &str, text: &str| {
        let (file, target) = (dir.path().join(name), Path::new("/etc").join(name));
        fs::write(&file, text).expect("write");
        if !target.exists() {
            fs::write(&target, "").expect("write");
        }
        mount(Some(&file), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("bind mount");
    };
    over("passwd", &format!("root:x:0:0::/root:/bin/sh\ntester:x:{USER}:{USER}::/home/tester:/bin/sh\n"));
    over("subuid", "tester:500000:65536\n");
    over("subgid", "tester:500000:65536\n");
    let state = dir.path().join("state");
    fs::create_dir(&state).expect("mkdir");
    std::os::unix::fs::chown(&state, Some(USER), Some(USER)).expect("chown");
    let install = |from: &Path, name: &str| {
        let to = dir.path().join(name);
        fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}: run `make cost`", from.display()));
        to
    };
    let (whole, node) = (install(&binary, "whole"), install(&images, "buildkit-preflight"));
    let rootlesskit = install(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/rootlesskit"), "rootlesskit");

    let check: &[&str] = &["check", "--state-dir", state.to_str().expect("UTF-8")];
    let no_probe = &[check, &["--no-probe"]].concat();
    let cost = |name, program: &Path, arguments: &[&str]| cost(name, runs, dir.path(), program, arguments);
    let probed = cost("check", &node, check);
    let read = cost("check --no-probe", &node, no_probe);
    let peoples = [cost("check, the whole program", &whole, check), cost("check --no-probe, the same", &whole, no_probe)];
    let peer = cost("rootlesskit true", &rootlesskit, &["true"]);

    println!("{:<28} {:>12} {:>10}", "", "system calls", "peak MiB");
    for cost in [&probed, &read, &peoples[0], &peoples[1], &peer] {
        println!("{:<28} {:>12} {:>10.1}", cost.name, cost.system_calls, cost.peak_kib as f64 / 1024.0);
    }
    let size = |path: &Path| fs::metadata(path).expect("the binary").len();
    println!("the image's binary {:.2} MB, the whole one {:.2} MB", size(&images) as f64 / 1e6, size(&binary) as f64 / 1e6);
    let mut bounds = vec![
        Bound { what: "system calls of check", is: probed.system_calls.max(peoples[0].system_calls), most: CALLS_PROBED },
        Bound { what: "system calls of check --no-probe", is: read.system_calls.max(peoples[1].system_calls), most: CALLS_READ },
        Bound { what: "peak memory of the image's check in KiB", is: probed.peak_kib, most: PEAK_KIB },
        Bound { what: "bytes of the image's binary", is: size(&images), most: IMAGES_BINARY },
    ];
    let logs = [("without line ends", "x"), ("of messages", "newuidmap: write to uid_map failed: Operation not permitted\n")];
    for (what, text) in logs {
        let peak = peak_of_log(dir.path(), &whole, text);
        println!("explain of a log of 1 GiB {what}: {:.1} MiB", peak as f64 / 1024.0);
        bounds.push(Bound { what: "peak memory of explain in KiB", is: peak, most: EXPLAIN_KIB });
    }
    if !counts_only {
        let of_peer = |cost: &Cost| 100 * cost.microseconds / peer.microseconds;
        let (probed, read) = (of_peer(&probed), of_peer(&read));
        println!(
            "CPU: check takes {probed} % of what rootlesskit true takes ({:.1} ms), without the probe {read} %",
            peer.microseconds as f64 / 1000.0
        );
        bounds.push(Bound { what: "CPU of check in percent of rootlesskit true", is: probed, most: PERCENT_OF_PEER });
    }
    close(&bounds)
}

/// The closing line, after one for each bound that is broken.
fn close(bounds: &[Bound]) -> ExitCode {
    let (hold, broken): (Vec<_>, Vec<_>) = bounds.iter().partition(|bound| bound.is <= bound.most);
    for Bound { what, is, most } in &broken {
        println!("over the bound: {what}: {is}, at most {most}");
    }
    println!("cost: {} bounds hold, {} broken", hold.len(), broken.len());
    ExitCode::from(u8::from(!broken.is_empty()))
}

/// A command as the user whose files are mounted here.
fn command(dir: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env("HOME", dir).env("PATH", PATH).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn cost(name: &'static str, runs: usize, dir: &Path, program: &Path, arguments: &[&str]) -> Cost {
    let mut times: Vec<_> = (0..runs).map(|_| microseconds(command(dir, program).args(arguments).uid(USER).gid(USER))).collect();
    times.sort_unstable();
    Cost {
        name,
        microseconds: times.get(runs / 2).copied().unwrap_or_default(),
        peak_kib: (0..COUNTS).map(|_| peak_kib(dir, program, arguments)).max().expect("a peak"),
        system_calls: (0..COUNTS).map(|_| system_calls(dir, program, arguments)).min().expect("a count"),
    }
}

/// CPU of a command and of all that it waited for.
fn microseconds(command: &mut Command) -> u64 {
    #[expect(clippy::zombie_processes, reason = "it is waited for by wait4(2), which tells what it used")]
    let child = command.spawn().expect("the program starts");
    let usage = wait(child.id());
    let microseconds = |time: libc::timeval| u64::try_from(time.tv_sec * 1_000_000 + time.tv_usec).expect("a time");
    microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
}

/// The most memory that one of the processes had, by time(1): a process that this one forks counts this one's memory as its own.
fn peak_kib(dir: &Path, program: &Path, arguments: &[&str]) -> u64 {
    let out = dir.join("time");
    fs::write(&out, "").expect("write");
    std::os::unix::fs::chown(&out, Some(USER), Some(USER)).expect("chown");
    let mut time = command(dir, Path::new("/usr/bin/time"));
    time.args(["--format", "%M", "--output"]).arg(&out).arg(program).args(arguments).uid(USER).gid(USER);
    assert!(time.status().expect("time: run `make packages`").success(), "the program succeeds");
    fs::read_to_string(&out).expect("time's answer").trim().parse().expect("a number of KiB")
}

/// The same of `explain`, for a log of 1 GiB of one text again and again.
fn peak_of_log(dir: &Path, program: &Path, text: &str) -> u64 {
    let out = dir.join("time");
    let piece = text.repeat((1 << 20) / text.len());
    let mut time = command(dir, Path::new("/usr/bin/time"));
    time.args(["--format", "%M", "--output"]).arg(&out).arg(program).args(["explain", "-"]).stdin(Stdio::piped());
    let mut child = time.spawn().expect("time: run `make packages`");
    let mut stdin = child.stdin.take().expect("piped");
    (0..1 << 10).for_each(|_| stdin.write_all(piece.as_bytes()).expect("it reads to the end"));
    drop(stdin);
    child.wait().expect("it ends");
    let told = fs::read_to_string(&out).expect("time's answer");
    told.lines().last().and_then(|peak| peak.trim().parse().ok()).expect("a number of KiB")
}

/// Waits for a child and gives what it and all that it waited for have used.
fn wait(pid: u32) -> libc::rusage {
    let mut status = 0;
    // SAFETY: a rusage is numbers, for which zero is a value; wait4 writes to two places that live here.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let pid = libc::pid_t::try_from(pid).expect("a pid");
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        assert_eq!(status, 0, "the program succeeds");
        usage
    }
}

/// Counts by strace as root, since a user's own would take the helpers their privileges.
fn system_calls(dir: &Path, program: &Path, arguments: &[&str]) -> u64 {
    let out = dir.join("strace");
    let mut strace = command(dir, Path::new("/usr/bin/strace"));
    strace.args(["-f", "-c", "-u", "tester", "-o"]).arg(&out).arg(program).args(arguments);
    assert!(strace.status().expect("strace: run `make packages`").success(), "the program succeeds under strace");
    let table = fs::read_to_string(&out).expect("strace's table");
    let total = table.lines().rfind(|line| line.ends_with("total")).expect("a total");
    total.split_whitespace().nth(3).and_then(|calls| calls.parse().ok()).expect("a number of calls")
}
