//! `check` on this machine itself: as root, as several users, on bad disks, with helpers that hang.
//!
//! Each test changes what it needs in a mount namespace of its own. Needs root.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const USER: u32 = 7000;
/// A user that no other test is: limits on processes count all of a user's.
const LONELY_USER: u32 = 7001;

/// A directory that every user can enter, with the binary and files to mount over those of /etc.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        let place = Place { dir };
        fs::copy(env!("CARGO_BIN_EXE_buildkit-preflight"), place.path("buildkit-preflight")).expect("copy");
        fs::write(place.path("passwd"), format!("root:x:0:0::/root:/bin/sh\ntester:x:{USER}:{USER}::/home/tester:/bin/sh\n"))
            .expect("write");
        fs::write(place.path("subids"), "tester:500000:65536\n").expect("write");
        fs::create_dir(place.path("state")).expect("mkdir");
        fs::set_permissions(place.path("state"), fs::Permissions::from_mode(0o777)).expect("chmod");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line in a mount namespace where the test's users and ranges are those of /etc.
    /// `setup` is shell, run there as root with the place as the current directory.
    fn command(&self, uid: u32, setup: &str, arguments: &str) -> Command {
        let users = "mount --bind passwd /etc/passwd; for f in subuid subgid; do touch /etc/$f; mount --bind subids /etc/$f; done";
        let user = format!("setpriv --reuid {uid} --regid {uid} --clear-groups --");
        let line = format!("set -e; {users}; {setup}\nexec {user} env HOME=\"$PWD\" ./buildkit-preflight {arguments}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &line]).current_dir(self.dir.path()).env_remove("XDG_DATA_HOME");
        command
    }

    fn check(&self, uid: u32, setup: &str, arguments: &str) -> (Option<i32>, Value) {
        let output = self.command(uid, setup, &format!("check --format json --state-dir state {arguments}")).output().expect("unshare");
        let Output { status, stdout, stderr } = output;
        let report = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)));
        assert_eq!(fs::read_dir(self.path("state")).expect("state").count(), 0, "nothing is left in the state dir");
        (status.code(), report)
    }
}

fn profile(report: &Value) -> (&str, &str, &str) {
    let profile = &report["profiles"][0];
    let text = |key: &str| profile[key].as_str().unwrap_or_default();
    (text("verdict"), text("evidence"), text("snapshotter"))
}

/// The causes of warnings.
fn warnings(report: &Value) -> Vec<&str> {
    let findings = report["profiles"][0]["findings"].as_array().expect("findings");
    findings.iter().filter(|finding| finding["outcome"] == "warn").filter_map(|finding| finding["cause"].as_str()).collect()
}

#[test]
fn root_is_ready_and_writes_the_maps_itself() {
    let (code, report) = Place::new().check(0, "", "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    let probe = &report["facts"]["probes"][0];
    assert_eq!((probe["mapSource"].as_str(), probe["uid"].as_u64()), (Some("root"), Some(1000)));
}

#[test]
fn root_can_judge_privileged_and_rootful_builders_too() {
    for name in ["privileged", "rootful"] {
        let (code, report) = Place::new().check(0, "", &format!("--profile {name}"));
        assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    }
}

#[test]
fn a_user_with_a_range_is_ready_without_a_word() {
    let (code, report) = Place::new().check(USER, "", "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    assert_eq!(report["facts"]["probes"][0]["mapSource"], "helpers");
    assert!(warnings(&report).is_empty(), "{report:#}");
}

#[test]
fn a_user_without_a_range_is_ready_with_a_warning() {
    let (code, report) = Place::new().check(USER, "echo other:500000:65536 > subids", "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    assert!(warnings(&report).contains(&"subid-config"), "{report:#}");
}

#[test]
fn a_user_without_helpers_is_ready_with_a_warning() {
    let unprivileged = "mkdir bin; cp /usr/bin/new[ug]idmap bin; chmod 755 bin/*; export PATH=$PWD/bin:$PATH";
    // Nothing but what the command line itself needs.
    let missing = "mkdir bin; ln -s /usr/bin/setpriv /usr/bin/env bin; export PATH=$PWD/bin";
    for setup in [unprivileged, missing] {
        let (code, report) = Place::new().check(USER, setup, "");
        assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
        assert!(warnings(&report).contains(&"idmap-helper"), "{report:#}");
    }
}

#[test]
fn without_proc_nothing_is_claimed() {
    let (code, report) = Place::new().check(0, "umount --lazy /proc", "");
    assert_eq!((code, profile(&report).0, profile(&report).1), (Some(3), "unknown", "predicted"), "{report:#}");
    assert!(report["facts"]["kernel"]["known"].is_string(), "uname(2) needs no /proc");
}

#[test]
fn a_full_disk_is_no_limit_on_namespaces() {
    let (code, report) = Place::new().check(
        0,
        "mount -t tmpfs -o size=64k full state; ! head -c 100k /dev/zero > state/filler 2> /dev/null; rm -f state/none",
        "",
    );
    assert_eq!((code, profile(&report).0), (Some(1), "not-ready"), "{report:#}");
    assert_eq!(report["profiles"][0]["causes"][0], "disk-space");
}

#[test]
fn a_state_dir_that_a_user_cannot_write_says_nothing_of_a_pods_volume() {
    for setup in ["chmod 755 state", "mount --bind state state; mount -o remount,bind,ro state"] {
        let (code, report) = Place::new().check(USER, setup, "");
        assert_eq!((code, profile(&report).0), (Some(3), "unknown"), "{report:#}");
        assert!(report["profiles"][0]["reason"].as_str().expect("a reason").contains("state dir"), "{report:#}");
    }
}

#[test]
fn a_state_dir_on_an_overlay_falls_back() {
    let setup = "mkdir l u w; mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w state; chmod 777 state";
    let (code, report) = Place::new().check(0, setup, "");
    let (verdict, evidence, snapshotter) = profile(&report);
    assert_eq!((code, verdict, evidence), (Some(0), "ready", "probed"), "{report:#}");
    assert!(["native", "fuse-overlayfs"].contains(&snapshotter), "{report:#}");
    assert!(warnings(&report).contains(&"overlay-backing-fs"), "{report:#}");
}

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
fn scarcity_a_chroot_and_a_full_home_are_no_verdicts() {
    let chroot = "mkdir root; mount --rbind / root; mount --make-rprivate root; exec chroot root \"$PWD/buildkit-preflight\" check --format json --state-dir \"$PWD/state\" #";
    let full_home = "mount -t tmpfs -o size=8k,mode=777 full state; head -c 100k /dev/zero > state/filler 2> /dev/null || true; exec setpriv --reuid 7000 --regid 7000 --clear-groups env HOME=$PWD/state ./buildkit-preflight check --format json\n";
    let no_probe = full_home.replace("check ", "check --no-probe ");
    for (uid, setup) in [(USER, no_probe.as_str()), (LONELY_USER, "prlimit --pid $$ --nproc=3"), (0, chroot), (USER, full_home)] {
        let (code, report) = Place::new().check(uid, setup, "");
        assert_eq!((code, profile(&report).0), (Some(3), "unknown"), "{setup}: {report:#}");
        assert!(report["profiles"][0]["reason"].is_string());
    }
}

#[test]
fn root_of_a_nested_user_namespace_maps_what_there_is() {
    // As a container of LXD, or a pod with `hostUsers: false` that runs as root.
    let nested = r#"
        mkfifo done; unshare --user sh -c 'read line < done' & holder=$!
        until [ "$(readlink /proc/$holder/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do :; done
        for map in uid_map gid_map; do echo 0 100000 65536 > /proc/$holder/$map; done
        code=0
        nsenter --user --target $holder --setuid 0 --setgid 0 ./buildkit-preflight check --format json --state-dir state || code=$?
        echo > done; wait $holder; exit $code
        "#;
    let (code, report) = Place::new().check(0, nested, "");
    assert_eq!((code, profile(&report).0, profile(&report).1), (Some(0), "ready", "probed"), "{report:#}");
}

#[test]
fn a_short_range_is_ready_with_a_warning() {
    let (code, report) = Place::new().check(USER, "echo tester:500000:3 > subids", "");
    assert_eq!((code, profile(&report).0), (Some(0), "ready"), "{report:#}");
    assert!(warnings(&report).contains(&"subid-config"), "{report:#}");
}

#[test]
fn a_caller_that_ignores_its_children_gets_the_same_answer() {
    let ignoring = "trap '' CHLD";
    let (code, report) = Place::new().check(0, ignoring, "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
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

#[test]
fn the_probe_leaves_no_mount_and_no_user_namespace() {
    let place = Place::new();
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let of_ours = |line: &&str| line.contains(&place.dir.path().display().to_string());
    let look = || (mounts().lines().filter(of_ours).map(str::to_owned).collect::<Vec<_>>(), processes_in(place.dir.path()));
    let before = look();
    for uid in [0, USER] {
        let (code, _) = place.check(uid, "", "--profile no-process-sandbox --profile privileged");
        assert_eq!(code, Some(0));
    }
    assert_eq!(look(), before);
}

#[test]
fn by_hand_the_probe_tells_each_step() {
    let place = Place::new();
    let output = place.command(USER, "", "probe --state-dir state --process-sandbox").output().expect("unshare");
    let lines: Vec<Value> =
        BufReader::new(&output.stdout[..]).lines().map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect();
    let steps: Vec<_> = lines.iter().filter_map(|line| line["step"]["step"].as_str()).collect();
    for step in ["user-namespace", "uid-map", "private-root", "overlay", "pid-namespace", "proc", "hostname"] {
        assert!(steps.contains(&step), "{step} in {steps:?}");
    }
    assert_eq!(lines.last().and_then(Value::as_str), Some("clean"));
    assert_eq!(fs::read_dir(place.path("state")).expect("state").count(), 0);
}

/// Processes that were started in a directory.
fn processes_in(dir: &Path) -> Vec<u32> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(dir))).collect()
}

/// Waits for a state; the bound is only for a test that fails.
fn until(what: &str, state: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !state() {
        assert!(Instant::now() < end, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}
