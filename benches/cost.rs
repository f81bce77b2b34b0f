//! What `check` costs, beside `rootlesskit true`, the cheapest tool that also tries.
//!
//! CPU is user and system time of the whole process tree, the median of many runs; system calls are
//! counted by strace. Ends with an error if a bound is broken that does not depend on the machine's load.

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RUNS: usize = 40;
const USER: u32 = 7000;
/// A user's PATH as login makes it, so that the figures do not depend on who runs this.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const SYSTEM_CALLS: u64 = 800;
const PEAK_KIB: i64 = 6 * 1024;
const BINARY_BYTES: u64 = 7_500_000;
/// CPU of `rootlesskit true` against that of `check`, at least.
const CHEAPER: f64 = 5.0;

/// What one command costs.
struct Cost {
    name: &'static str,
    milliseconds: f64,
    peak_kib: i64,
    system_calls: u64,
}

fn main() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = repository.join(std::env::var_os("STATIC_BINARY").expect("STATIC_BINARY names a static build: run `make bench`"));
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
    let install = |from: PathBuf, name: &str| {
        let to = dir.path().join(name);
        fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}: run `make bench`", from.display()));
        to
    };
    let preflight = install(binary.clone(), "buildkit-preflight");
    let rootlesskit = install(repository.join("target/tools/rootlesskit"), "rootlesskit");

    let check: &[&str] = &["check", "--state-dir", state.to_str().expect("UTF-8")];
    let probed = cost("check", dir.path(), &preflight, check);
    let read = cost("check --no-probe", dir.path(), &preflight, &[check, &["--no-probe"]].concat());
    let peer = cost("rootlesskit true", dir.path(), &rootlesskit, &["true"]);

    println!("{:<18} {:>8} {:>14} {:>10}", "", "CPU ms", "system calls", "peak MiB");
    for cost in [&probed, &read, &peer] {
        println!("{:<18} {:>8.2} {:>14} {:>10.1}", cost.name, cost.milliseconds, cost.system_calls, cost.peak_kib as f64 / 1024.0);
    }
    let size = fs::metadata(&binary).expect("the binary").len();
    let cheaper = peer.milliseconds / probed.milliseconds;
    println!("static binary      {:.2} MB\nrootlesskit true takes {cheaper:.1} times the CPU of check", size as f64 / 1e6);

    let mut broken = Vec::new();
    let mut bound = |holds: bool, what: &str| broken.extend((!holds).then(|| what.to_owned()));
    bound(probed.system_calls <= SYSTEM_CALLS, "system calls of check");
    bound(probed.peak_kib <= PEAK_KIB, "peak memory of check");
    bound(size <= BINARY_BYTES, "size of the binary");
    bound(cheaper >= CHEAPER, "CPU of check against rootlesskit's");
    if !broken.is_empty() {
        eprintln!("over the bound: {}", broken.join(", "));
        std::process::exit(1);
    }
}

fn cost(name: &'static str, dir: &Path, program: &Path, arguments: &[&str]) -> Cost {
    let mut times = Vec::new();
    let mut peak_kib = 0;
    for _ in 0..RUNS {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(dir)
            .env("HOME", dir)
            .env("PATH", PATH)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .uid(USER)
            .gid(USER);
        let usage = wait(command.spawn().expect("the program starts").id());
        let seconds = |time: libc::timeval| time.tv_sec as f64 * 1000.0 + time.tv_usec as f64 / 1000.0;
        times.push(seconds(usage.ru_utime) + seconds(usage.ru_stime));
        peak_kib = peak_kib.max(usage.ru_maxrss);
    }
    times.sort_by(f64::total_cmp);
    Cost { name, milliseconds: times[RUNS / 2], peak_kib, system_calls: system_calls(dir, program, arguments) }
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
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-u", "tester", "-o"]).arg(&out).arg(program).args(arguments);
    let done =
        strace.current_dir(dir).env("HOME", dir).env("PATH", PATH).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("strace");
    assert!(done.success(), "the program succeeds under strace");
    let table = fs::read_to_string(&out).expect("strace's table");
    let total = table.lines().rfind(|line| line.ends_with("total")).expect("a total");
    total.split_whitespace().nth(3).and_then(|calls| calls.parse().ok()).expect("a number of calls")
}
