//! What hangs, what is killed, and what is left of it.

use crate::place::{Place, USER, processes_in, profile};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A newuidmap that waits for a line that never comes.
const BLOCKING_HELPER: &str = "mkfifo never; mkdir bin; printf '#!/bin/sh\\nexec cat '$PWD'/never\\n' > bin/newuidmap; chmod 755 bin/newuidmap; export PATH=$PWD/bin:$PATH";

#[test]
fn a_helper_that_hangs_ends_at_the_deadline() {
    let place = Place::new();
    let (code, report) = place.check(USER, BLOCKING_HELPER, "--deadline 500ms");
    assert_eq!((code, profile(&report).0), (Some(3), "unknown"), "{report:#}");
    assert_eq!(report["facts"]["probes"][0]["end"]["timed-out"], "uid-map", "{report:#}");
    until("all are gone", || processes_in(place.dir.path()).is_empty());
}

#[test]
fn the_probe_dies_with_its_parent() {
    let place = Place::new();
    let mut command = place.command(USER, BLOCKING_HELPER, "check --state-dir state --deadline 10m");
    let mut check = command.stdout(Stdio::null()).spawn().expect("unshare");
    // The helper is the last process of the chain: once it runs, all do.
    until("the helper runs", || processes_in(place.dir.path()).len() >= 4);
    check.kill().expect("kill");
    check.wait().expect("wait");
    until("all are gone", || processes_in(place.dir.path()).is_empty());
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let place = Place::new();
    let mut command = place.command(USER, BLOCKING_HELPER, "check --state-dir state --deadline 10m");
    let check = command.stdout(Stdio::null()).spawn().expect("unshare");
    until("the helper runs", || processes_in(place.dir.path()).len() >= 4);
    assert_eq!(fs::read_dir(place.path("state")).expect("state").count(), 1, "the scratch directory");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(check.id()).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("kill");
    assert!(!check.wait_with_output().expect("wait").status.success());
    until("all are gone", || processes_in(place.dir.path()).is_empty());
    assert_eq!(fs::read_dir(place.path("state")).expect("state").count(), 0);
}

#[test]
fn a_state_dir_whose_server_never_answers_is_unknown() {
    // The device stays open without anybody who reads it.
    let setup = "exec 3<> /dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other silent state";
    let place = Place::new();
    let mut command = place.command(0, setup, "check --format json --state-dir state --deadline 500ms");
    let mut check = command.stdout(Stdio::null()).spawn().expect("unshare");
    let end = Instant::now() + Duration::from_secs(60);
    let status = loop {
        match check.try_wait().expect("wait") {
            Some(status) => break status,
            None if Instant::now() > end => {
                check.kill().expect("kill");
                panic!("it waits for the server");
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert_eq!(status.code(), Some(3));
}

/// What lies in a state dir.
fn left_in(state: &Path) -> Vec<String> {
    fs::read_dir(state).expect("state").flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn wherever_a_signal_comes_nothing_is_left() {
    let place = Place::new();
    let state = place.path("state");
    // The calls by which a scratch directory is made, used and removed, of the probe and of the one who started it.
    let calls = [
        ("mkdir", 8),
        ("flock", 1),
        ("fchdir", 1),
        ("rt_sigprocmask", 4),
        ("rt_sigaction", 8),
        ("prctl", 4),
        ("unshare", 2),
        ("mount", 4),
        ("unlinkat", 9),
        ("rmdir", 1),
        ("write", 6),
        ("poll", 1),
    ];
    let check = ["./buildkit-preflight", "check", "--state-dir", "state", "--deadline", "60s"];
    let whole = Command::new(check[0]).args(&check[1..]).current_dir(place.dir.path()).output().expect("runs");
    assert!(whole.status.success(), "without a signal it is ready: {whole:?}");
    let mut hits = 0;
    for signal in ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGALRM", "SIGKILL"] {
        for (call, times) in calls {
            for nth in (1..=times).filter(|nth| times < 5 || nth % 2 == 1 || signal == "SIGTERM") {
                let inject = format!("inject={call}:signal={signal}:when={nth}");
                let mut strace = Command::new("strace");
                strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
                let status = strace.args(check).current_dir(place.dir.path()).stdout(Stdio::null()).stderr(Stdio::null()).status();
                hits += usize::from(!status.expect("strace: run `make packages`").success());
                until("all are gone", || processes_in(place.dir.path()).is_empty());
                if signal == "SIGKILL" {
                    // It comes to the probe and to the one who would tidy up after it.
                    let next = Command::new(place.path("buildkit-preflight")).args(["check", "--state-dir"]).arg(&state).output();
                    assert!(next.expect("runs").status.success());
                }
                assert_eq!(left_in(&state), [""; 0], "{signal} at the {nth}. {call}");
            }
        }
    }
    assert!(hits > 50, "{hits} were ended by it");
}

#[test]
fn what_a_kill_left_the_next_run_removes_and_nothing_that_lives() {
    let place = Place::new();
    let state = place.path("state");
    let start = |place: &Place| {
        let mut command = place.command(USER, BLOCKING_HELPER, "check --state-dir state --deadline 10m");
        let check = command.stdout(Stdio::null()).spawn().expect("unshare");
        until("the helper runs", || processes_in(place.dir.path()).len() >= 4);
        check
    };
    // Children first: one whose parent is gone may be woken.
    let kill_all = || {
        for pid in processes_in(place.dir.path()).into_iter().rev() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().expect("a pid")), nix::sys::signal::Signal::SIGKILL);
        }
    };
    let mut killed = start(&place);
    // A stopped process can't tidy up after one that is killed.
    for pid in processes_in(place.dir.path()) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().expect("a pid")), nix::sys::signal::Signal::SIGSTOP);
    }
    kill_all();
    killed.wait().expect("wait");
    until("all are gone", || processes_in(place.dir.path()).is_empty());
    let dead = left_in(&state);
    assert_eq!(dead.len(), 1, "a scratch directory was left: {dead:?}");
    fs::remove_dir_all(place.path("bin")).expect("rm");
    fs::remove_file(place.path("never")).expect("rm");
    let mut living = start(&place);
    let scratch = left_in(&state);
    assert!(scratch.len() == 1 && scratch != dead, "{dead:?}, then {scratch:?}");
    let root = Command::new("./buildkit-preflight").args(["check", "--state-dir", "state"]).current_dir(place.dir.path()).output();
    assert!(root.expect("runs").status.success());
    assert_eq!(left_in(&state), scratch, "root removes nothing that lives");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(living.id().try_into().expect("a pid")), nix::sys::signal::Signal::SIGTERM)
        .expect("kill");
    living.wait().expect("wait");
    until("all are gone", || processes_in(place.dir.path()).is_empty());
    assert_eq!(left_in(&state), [""; 0]);
}

#[test]
fn what_was_named_and_does_not_answer_is_said() {
    let place = Place::new();
    // Each in a process and with a mount of its own, all at once: they wait.
    let commands = [
        ("check --root dead0 --deadline 500ms", "waited 0.5 s"),
        ("check --root dead1/below --deadline 500ms", "waited 0.5 s"),
        ("check --facts dead2/facts.json", "dead2/facts.json: waited 10 s"),
        ("tune --facts dead3/facts.json", "dead3/facts.json: waited 10 s"),
        ("facts --capture dead4/new", "dead4/new: waited 10 s"),
        ("facts --capture new", "rootlesskit on the PATH: waited 10 s"),
    ];
    let run = |(n, (arguments, _)): (usize, &(&str, &str))| {
        let mount = "mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other silent";
        let path = if *arguments == "facts --capture new" { "env PATH=$PWD/dead5:$PATH" } else { "" };
        format!(
            "mkdir dead{n}; (exec 3<> /dev/fuse; {mount} dead{n}; code=0; timeout -s KILL 60 {path} ./buildkit-preflight {arguments} > out{n} 2>&1 || code=$?; echo $code > code{n}) &"
        )
    };
    let lines: Vec<_> = commands.iter().enumerate().map(run).collect();
    place.command(0, &format!("{}\nwait; exit 0", lines.join("\n")), "").output().expect("unshare");
    let text = |name: String| fs::read_to_string(place.path(&name)).expect("written");
    for (n, (arguments, says)) in commands.iter().enumerate() {
        let out = text(format!("out{n}"));
        assert_eq!(text(format!("code{n}")).trim(), "4", "{arguments}: {out}");
        assert!(out.starts_with("error: ") && out.contains(says) && out.lines().count() == 1, "{arguments}: {out}");
    }
    assert!(!place.path("new").exists(), "nothing is written before all is read");
}

#[test]
fn a_signal_removes_nothing_where_the_probe_made_nothing() {
    let place = Place::new();
    for name in ["source", "work", "upper"] {
        fs::create_dir(place.path(name)).expect("mkdir");
    }
    fs::write(place.path("source/file"), "mine").expect("write");
    for path in [place.dir.path().to_owned(), place.path("source"), place.path("work"), place.path("upper"), place.path("source/file")] {
        std::os::unix::fs::chown(path, Some(USER), Some(USER)).expect("chown");
    }
    let setup = format!("chmod 755 state; chown 0 state; {BLOCKING_HELPER}");
    let check = place.command(USER, &setup, "check --state-dir state --deadline 10m").stdout(Stdio::null()).spawn().expect("unshare");
    until("the helper runs", || processes_in(place.dir.path()).len() >= 4);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(check.id()).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("kill");
    check.wait_with_output().expect("wait");
    until("all are gone", || processes_in(place.dir.path()).is_empty());
    assert_eq!(fs::read_to_string(place.path("source/file")).expect("the user's file"), "mine");
    assert!(place.path("work").is_dir() && place.path("upper").is_dir());
}

/// Waits for a state; the bound is only for a test that fails.
fn until(what: &str, state: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !state() {
        assert!(Instant::now() < end, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}
