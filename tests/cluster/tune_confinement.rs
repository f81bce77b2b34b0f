//! Neither container of the agent's pod can do the other's part: seen from inside, with all that confines them.

use crate::agent::{self, PREFIX};
use crate::cluster::Cluster;
use crate::processes::wait;
use crate::tune::{Pod, deployed};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::SystemTime;

/// Writes a sysctl below a directory as it is already: one that does no harm, and is not a namespace's own.
fn write(root: &str) -> String {
    format!("value=$(cat {root}/kernel/printk_ratelimit) && echo $value > {root}/kernel/printk_ratelimit")
}

/// The line of a field of /proc/PID/status.
fn status(pid: i32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The mounts of a process that can be written: place, type, and what of the file system is mounted there.
fn writable(pid: i32) -> Vec<(String, String, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("a process");
    let mounts = text.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let [_, _, _, root, place, options, ..] = mount.split(' ').collect::<Vec<_>>()[..] else { return None };
        let is_writable = options.split(',').any(|option| option == "rw");
        is_writable.then(|| (place.to_owned(), file_system.split(' ').next().unwrap_or_default().to_owned(), root.to_owned()))
    });
    mounts.collect()
}

/// The same of /proc alone: what of the kernel can be written at all.
fn writable_proc(pid: i32) -> Vec<(String, String)> {
    let mounts = writable(pid).into_iter();
    mounts.filter(|(_, file_system, _)| file_system == "proc").map(|(place, _, root)| (place, root)).collect()
}

fn refused(result: Result<String, String>, errno: &str) {
    assert!(result.as_ref().is_err_and(|error| error.contains(errno)), "not {errno}: {result:?}");
}

const READ_ONLY: &str = "Read-only file system";

pub(crate) fn the_agent_sets_nothing(cluster: &Cluster) {
    deployed(cluster);
    let pod = Pod::on(cluster, "node1");
    let (agent, tune) = (pod.process("agent"), pod.process("tune"));
    // The control: where it is meant to be written, it can be.
    pod.shell("tune", &write("/host/proc/sys")).unwrap_or_else(|error| panic!("{error}"));

    refused(pod.shell("agent", &write("/proc/sys")), READ_ONLY);
    refused(pod.shell("agent", "ls /host"), "No such file or directory");
    assert_eq!(writable_proc(agent), [("/proc".to_owned(), "/".to_owned())]);
    assert!(writable(agent).iter().all(|(place, ..)| !place.starts_with("/host") && !place.starts_with("/run")));
    for script in
        ["touch /run/buildkit-preflight/new", "rm /run/buildkit-preflight/tuned.json", "echo > /run/buildkit-preflight/tuned.json"]
    {
        refused(pod.shell("agent", script), READ_ONLY);
    }

    // If it had those mounts, it still had not the rights.
    for (field, is) in [("Uid", "1000 1000 1000 1000"), ("CapEff", "0000000000000000"), ("CapPrm", "0000000000000000")] {
        assert_eq!(status(agent, field), is, "{field}");
    }
    let as_agent = |script: &str| {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--setuid=1000", "--setgid=1000", "--target", &tune.to_string()]);
        let output = command.args(["/bin/sh", "-c", script]).output().expect("nsenter");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(text) } else { Err(text) }
    };
    assert!(as_agent("cat /host/proc/sys/kernel/printk_ratelimit").is_ok());
    refused(as_agent(&write("/host/proc/sys")), "Permission denied");
}

/// The files of a container that let somebody in at the API server, by what they hold.
fn credentials(root: &Path, dir: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(dir)).into_iter().flatten().flatten() {
        let place = format!("{dir}{}", entry.file_name().to_string_lossy());
        // What the kernel makes up.
        if ["proc", "sys", "host/proc"].contains(&place.as_str()) {
            continue;
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            credentials(root, &format!("{place}/"), found);
        } else if kind.is_file() && entry.metadata().is_ok_and(|meta| meta.len() < 100_000) {
            let text = fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            // A token, a certificate's key, a kubeconfig.
            let is_token = text.starts_with("eyJ") && text.matches('.').count() == 2;
            if is_token || text.contains("PRIVATE KEY") || text.contains("kind: Config") || place.ends_with("/token") {
                found.push(place);
            }
        }
    }
}

/// Runs something in the network of a process.
fn in_network_of<T: Send>(pid: i32, act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let network = File::open(format!("/proc/{pid}/ns/net")).expect("a process");
            setns(network, CloneFlags::CLONE_NEWNET).expect("setns");
            act()
        });
        thread.join().expect("no panic")
    })
}

pub(crate) fn tune_has_no_way_to_the_api(cluster: &Cluster) {
    deployed(cluster);
    let pod = Pod::on(cluster, "node1");
    let (agent, tune) = (pod.process("agent"), pod.process("tune"));
    let found = |pid: i32| {
        let mut found = Vec::new();
        credentials(Path::new(&format!("/proc/{pid}/root")), "", &mut found);
        found
    };
    let with_token = found(agent);
    assert!(with_token.len() == 1 && with_token[0].starts_with("var/run/secrets/"), "the control: {with_token:?}");
    assert_eq!(found(tune), [""; 0]);
    // Nor does it see the other's process, in whose files it is.
    let processes = pod.shell("tune", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").expect("processes");
    assert!(processes.contains("buildkit-preflight tune ") && !processes.contains("buildkit-preflight agent"), "{processes}");

    let environment = fs::read_to_string(format!("/proc/{tune}/environ")).expect("a process");
    let names: Vec<_> = environment.split_terminator('\0').filter_map(|entry| entry.split_once('=')).map(|(name, _)| name).collect();
    // Where the API server is, Kubernetes tells each container.
    let names: Vec<_> = names.into_iter().filter(|name| !name.starts_with("KUBERNETES_")).collect();
    assert!(names.iter().all(|name| ["PATH", "HOME", "USER", "HOSTNAME", "NODE_NAME"].contains(name)), "{names:?}");
    assert!(!environment.contains("eyJ"), "{environment}");

    let before = agent::node(cluster, "node1");
    // The containers of a pod share its ports.
    let as_agent = "agent --node node1 --listen 127.0.0.1:18080";
    for ours in ["cleanup node1", as_agent] {
        let ours = pod.shell("tune", &format!("/usr/bin/buildkit-preflight {ours}"));
        assert!(ours.as_ref().is_err_and(|error| error.contains("no access to the API server")), "{ours:?}");
    }
    let label = json!({"metadata": {"labels": {format!("{PREFIX}/tuned"): "true"}}}).to_string();
    let event =
        json!({"metadata": {"name": "forged"}, "involvedObject": {"kind": "Node", "name": "node1"}, "reason": "SysctlSet"}).to_string();
    for (method, path, body) in [
        ("GET", "api/v1/nodes/node1", ""),
        ("PATCH", "api/v1/nodes/node1/status", label.as_str()),
        ("PATCH", "api/v1/nodes/node1", label.as_str()),
        ("POST", "api/v1/namespaces/default/events", event.as_str()),
    ] {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let url = format!("https://10.96.0.1/{path}");
        let answer = in_network_of(tune, || cluster.api.request_as_nobody(method, &url, kind, body));
        assert!(matches!(answer, Ok((401 | 403, _))), "{method} {path}: {answer:?}");
    }
    let now = agent::node(cluster, "node1");
    assert_eq!(now["metadata"]["labels"], before["metadata"]["labels"]);
}

pub(crate) fn tune_is_root_without_privilege(cluster: &Cluster) {
    deployed(cluster);
    for node in ["node1", "node2"] {
        let pod = Pod::on(cluster, node);
        let tune = pod.process("tune");
        for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status(tune, field), "0000000000000000", "{node}: {field}");
        }
        for (field, is) in [("Uid", "0 0 0 0"), ("Gid", "0 0 0 0"), ("NoNewPrivs", "1"), ("Seccomp", "2")] {
            assert_eq!(status(tune, field), is, "{node}: {field}");
        }
        for script in ["touch /new", "touch /etc/new", "touch /usr/bin/new", &write("/proc/sys")] {
            refused(pod.shell("tune", script), READ_ONLY);
        }
        let [own, host] =
            [("/proc", "/"), ("/host/proc/sys/kernel", "/sys/kernel")].map(|(place, root)| (place.to_owned(), root.to_owned()));
        let mut proc = writable_proc(tune);
        proc.sort_unstable();
        assert_eq!(proc, [host, own], "{node}");
        // What else of a disk can be written is the pod's own.
        let uid = pod.object()["metadata"]["uid"].as_str().expect("a uid").to_owned();
        let disk =
            writable(tune).into_iter().filter(|(_, _, root)| root.len() > 1 && !root.starts_with("/sys") && !root.starts_with("/null"));
        let disk: BTreeMap<_, _> = disk.map(|(place, _, root)| (place, root)).collect();
        assert_eq!(disk.keys().collect::<Vec<_>>(), ["/dev/termination-log", "/etc/hosts", "/run/buildkit-preflight"], "{node}");
        assert!(disk.values().all(|root| root.contains(&uid)), "{node}: {disk:?}");
    }
}

/// Files with names and contents that a program could take for orders, open, and with a time of the last look at them that
/// is long past. Whoever reads one changes that time.
fn decoys(pod: &Pod) -> Vec<(PathBuf, File)> {
    let orders = r#"{"apply": true, "only": ["user.max_user_namespaces"], "changes": [{"sysctl": "user.max_user_namespaces", "from": 0, "to": 5, "at": "2026-01-01T00:00:00Z"}]}"#;
    let names = ["tuned.json", "tuned.new.json", "tune.json", "orders.json", "config.yaml", "60-buildkit-preflight.conf", ".env"];
    let make = |name: &str| {
        let path = pod.shared.join(name);
        let new = pod.shared.join("decoy");
        fs::write(&new, orders).expect("write");
        fs::rename(&new, &path).expect("rename");
        let file = File::open(&path).expect("a file");
        file.set_times(FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH)).expect("utimensat");
        (path, file)
    };
    names.map(make).into()
}

fn was_read(file: &File) -> bool {
    file.metadata().expect("a file").accessed().expect("a time") != SystemTime::UNIX_EPOCH
}

pub(crate) fn tune_obeys_its_command_line_alone(cluster: &Cluster) {
    deployed(cluster);
    let pod = Pod::on(cluster, "node2");
    pod.status_was_read();
    let (first, said) = (pod.process("tune"), fs::read_to_string(pod.status_file()).expect("a status"));
    let command_line = fs::read(format!("/proc/{first}/cmdline")).expect("a process");
    let decoys = decoys(&pod);
    // The kubelet starts it again, and it looks at all that it looks at.
    kill(Pid::from_raw(first), Signal::SIGTERM).expect("kill");
    wait("another process has written its status", 60, || {
        let now = fs::read_to_string(pod.status_file()).unwrap_or_default();
        if now == said { Ok(()) } else { Err(now) }
    });
    let second = pod.process("tune");
    assert!(second != first && fs::read(format!("/proc/{second}/cmdline")).expect("a process") == command_line);
    assert_eq!(pod.log_of_tune(), "");
    for (path, file) in &decoys[1..] {
        assert!(!was_read(file), "{} was read", path.display());
    }
    fs::read(&decoys[1].0).expect("a decoy");
    assert!(was_read(&decoys[1].1), "the control: reading shows");
    for (path, _) in &decoys[1..] {
        fs::remove_file(path).expect("rm");
    }

    // No option comes from the environment, as those of the agent's own do.
    let help = |command: &str| pod.shell("tune", &format!("/usr/bin/buildkit-preflight {command} --help")).expect("help");
    assert!(help("agent").contains("[env: NODE_NAME"), "the control");
    assert!(!help("tune").contains("[env:"), "{}", help("tune"));
    let plan = |environment: &str| pod.shell("tune", &format!("{environment} /usr/bin/buildkit-preflight tune --plan --format json"));
    let orders = "TUNE_APPLY=1 BUILDKIT_PREFLIGHT_APPLY=1 APPLY=true ONLY=user.max_user_namespaces PROFILE=rootful CLAP_ARGS=--apply";
    assert_eq!(plan(&format!("env {orders}")), plan("env -i NODE_NAME=node2"));
}
