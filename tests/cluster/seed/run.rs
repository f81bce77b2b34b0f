//! The command `build`, and what is in the cluster before and after it.

use super::fixtures::{NAMESPACE, forget};
use crate::agent;
use crate::cluster::Cluster;
use crate::processes::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Output {
    /// It must have gone well.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.err, self.out);
        self
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

/// `build` as the administrator, with these arguments behind it.
pub(crate) fn command(cluster: &Cluster, arguments: &[&str]) -> Command {
    let mut command = Command::new(agent::program());
    command.arg("build").args(arguments);
    command.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", &cluster.dir).env("PATH", super::local::path()).stdin(Stdio::null());
    command.env("TOKEN", "the-token");
    command
}

/// One that runs; its messages go to a file.
pub(crate) struct Started {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Started {
    pub(crate) fn new(mut command: Command) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let [out, err] = ["out", "err"].map(|name| std::env::temp_dir().join(format!("build-{}-{number}.{name}", std::process::id())));
        command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
        Started { child: command.spawn().expect("the program"), out, err }
    }

    /// Waits until it has said something.
    pub(crate) fn says(&self, text: &str) {
        wait(&format!("it says {text:?}"), 90, || {
            let said = fs::read_to_string(&self.err).expect("a file");
            if said.contains(text) { Ok(()) } else { Err(said) }
        });
    }

    /// Sends it a signal, and waits for its end.
    pub(crate) fn signalled(self, signal: Signal) -> Output {
        kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a process ID")), signal).expect("kill");
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Output {
        let status = wait("it ends", 180, || {
            let ended = self.child.try_wait().expect("wait");
            ended.ok_or_else(|| fs::read_to_string(&self.err).expect("a file"))
        });
        let read = |path: &PathBuf| fs::read_to_string(path).expect("a file");
        let output = Output { code: status.code(), out: read(&self.out), err: read(&self.err) };
        for path in [&self.out, &self.err] {
            let _ = fs::remove_file(path);
        }
        output
    }
}

/// Runs it to its end.
pub(crate) fn build(cluster: &Cluster, arguments: &[&str]) -> Output {
    Started::new(command(cluster, arguments)).ended()
}

/// Builds a text as `--file`, where the daemon is and has built nothing yet, with these arguments behind it.
pub(crate) fn build_text(cluster: &Cluster, text: &str, arguments: &[&str]) -> Output {
    forget(cluster);
    let path = file(cluster, "build.yaml", text).display().to_string();
    build(cluster, &[&["-n", NAMESPACE, "-f", &path], arguments].concat())
}

/// Does something that must leave nothing behind.
pub(crate) fn leaving_nothing<T>(cluster: &Cluster, act: impl FnOnce() -> T) -> T {
    let before = objects(cluster, NAMESPACE);
    let done = act();
    // What the program deletes is gone when it ends.
    assert_eq!(objects(cluster, NAMESPACE), before);
    done
}

impl Drop for Started {
    /// One that a failed test leaves is ended as its user would end it.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a process ID")), Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

/// Writes a file that a build is read from, and gives its path.
pub(crate) fn file(cluster: &Cluster, name: &str, text: &str) -> PathBuf {
    let dir = cluster.dir.join("files");
    fs::create_dir_all(&dir).expect("mkdir");
    fs::write(dir.join(name), text).expect("write");
    dir.join(name)
}

/// The names of all objects of a namespace that a build could leave behind.
pub(crate) fn objects(cluster: &Cluster, namespace: &str) -> BTreeSet<String> {
    let kinds = "jobs,pods,secrets,configmaps,persistentvolumeclaims,serviceaccounts,services,roles,rolebindings,networkpolicies";
    let names = cluster.kubectl(&["get", kinds, "-n", namespace, "-o", "name"]).unwrap_or_else(|error| panic!("{error}"));
    names.lines().map(str::to_owned).collect()
}
