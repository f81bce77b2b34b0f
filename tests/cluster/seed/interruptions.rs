//! Builds that do not come to their end: interrupted by their user, or by what happens to the builder, the node or the connection.

use super::cases;
use super::fixtures::{NAMESPACE, builder, daemon};
use super::git::Git;
use super::page::{template, usage};
use super::registry::digest;
use super::run::{Output, Started, build_text, command, file, leaving_nothing};
use crate::cluster::{Cluster, REGISTRY};
use crate::processes::wait;
use nix::sys::signal::Signal;

/// A build that goes on until it is interrupted.
fn slow(cluster: &Cluster, name: &str) -> Started {
    let text = usage(&Git::url("app"), &image(name)) + "    - name: DIRECTORY\n      value: /workspace/slow\n";
    let path = file(cluster, "slow.yaml", &text).display().to_string();
    let started = Started::new(command(cluster, &["-n", NAMESPACE, "-f", &path]));
    started.says("\"sleep\", \"3600\"");
    wait("its step runs", 60, || step_runs(cluster).then_some(()).ok_or_else(|| "it does not".to_owned()));
    started
}

fn image(name: &str) -> String {
    format!("{REGISTRY}/interrupted:{name}")
}

fn step_runs(cluster: &Cluster) -> bool {
    let seen = cluster.exec(
        NAMESPACE,
        &builder(cluster),
        &["sh", "-c", "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done 2> /dev/null"],
    );
    seen.unwrap_or_else(|error| panic!("{error}")).lines().any(|line| line.trim_end().ends_with("/busybox sleep 3600"))
}

/// Nothing of a build that was interrupted goes on in the builder.
pub(crate) fn no_step_runs(cluster: &Cluster) {
    wait("no step runs", 30, || (!step_runs(cluster)).then_some(()).ok_or_else(|| "one does".to_owned()));
}

fn fails(ended: &Output, words: &[&str]) {
    assert!(ended.code == Some(1) && ended.out.is_empty(), "{:?} {}", ended.code, ended.err);
    assert!(words.iter().all(|word| ended.err.contains(word)), "{words:?}: {}", ended.err);
}

pub(crate) fn a_signal_leaves_nothing(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    for signal in cases([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP], 1) {
        let ended = leaving_nothing(cluster, || slow(cluster, "signal").signalled(signal));
        fails(&ended, &[&format!("ended by {signal}: job/"), "and its pod are deleted"]);
        no_step_runs(cluster);
    }
    // At any other moment: while sources are fetched, and before there is a Job.
    for moment in ["created job/", "==> git-source"] {
        let path = file(cluster, "slow.yaml", &usage(&Git::url("app"), &image("early"))).display().to_string();
        let ended = leaving_nothing(cluster, || {
            let started = Started::new(command(cluster, &["-n", NAMESPACE, "-f", &path]));
            started.says(moment);
            started.signalled(Signal::SIGINT)
        });
        fails(&ended, &["ended by SIGINT"]);
    }
    let waiting = leaving_nothing(cluster, || {
        let url = Git::url("app");
        let started =
            Started::new(command(cluster, &["-n", NAMESPACE, "--git", &url, "--image", &image("x"), "--profile", "userns", "--wait"]));
        started.says("waiting for a node");
        started.signalled(Signal::SIGINT)
    });
    fails(&waiting, &["ended by SIGINT: nothing was created"]);
}

pub(crate) fn a_builder_that_is_killed_is_named(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let running = slow(cluster, "killed");
    cluster.delete(&["-n", NAMESPACE, "pod", &builder(cluster), "--wait=false"]);
    let ended = running.ended();
    fails(&ended, &["error: ", "build-and-push", "Unavailable", "hint: buildctl has lost its builder"]);
    daemon(cluster);
}

pub(crate) fn a_node_that_is_drained_is_named(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let running = slow(cluster, "drained");
    let drained = cluster.kubectl(&[
        "drain",
        "node1",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--force",
        "--grace-period=5",
        "--timeout=60s",
    ]);
    let ended = running.ended();
    cluster.kubectl(&["uncordon", "node1"]).expect("kubectl uncordon");
    drained.unwrap_or_else(|error| panic!("{error}"));
    fails(&ended, &["error: "]);
    assert!(["evicted", "deleted", "Evict"].iter().any(|word| ended.err.contains(word)), "{}", ended.err);
    daemon(cluster);
    wait("nothing is left", 30, || {
        let jobs = cluster.get(&["jobs", "-n", NAMESPACE]);
        if jobs["items"].as_array().is_some_and(Vec::is_empty) { Ok(()) } else { Err(jobs.to_string()) }
    });
}

/// The API server goes away while a build is followed: no line is lost and none comes twice.
pub(crate) fn an_api_server_that_is_away_is_waited_for(cluster: &Cluster) {
    daemon(cluster);
    let steps = format!(
        "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {{name: counts}}
spec:
  steps:
  - name: count
    image: {}
    command: [sh, -c, 'for i in $(seq 100); do echo line $i; sleep 0.2; done']
",
        crate::images::BUILDER
    );
    let path = file(cluster, "counts.yaml", &steps).display().to_string();
    let started = Started::new(command(cluster, &["-n", NAMESPACE, "-f", &path]));
    started.says("line 10\n");
    cluster.stop_api_server();
    started.says("could not be reached");
    cluster.start_api_server();
    let ended = started.ended().done();
    let lines: Vec<_> = ended.err.lines().filter(|line| line.starts_with("line ")).collect();
    let wanted: Vec<_> = (1..=100).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, wanted, "{}", ended.err);
}

pub(crate) fn one_that_fails_says_why(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let text = usage(&Git::url("app"), &image("failing"));
    let failing = text.clone() + "    - name: DIRECTORY\n      value: /workspace/failing\n";
    let ended = leaving_nothing(cluster, || build_text(cluster, &failing, &[]));
    fails(&ended, &["error: ", "build-and-push", "exit code: 7"]);
    assert_eq!(digest(cluster, &image("failing")), None);
    let slow = text.replace("spec:\n", "spec:\n  timeout: 5s\n") + "    - name: DIRECTORY\n      value: /workspace/slow\n";
    fails(&leaving_nothing(cluster, || build_text(cluster, &slow, &[])), &["error: ", "time"]);
    no_step_runs(cluster);
    let json = leaving_nothing(cluster, || build_text(cluster, &failing, &["--format", "json"]));
    assert_eq!((json.code, &json.json()["outcome"]), (Some(1), &"failed".into()), "{}", json.err);
    assert!(json.json()["message"].as_str().is_some_and(|why| why.contains("build-and-push")), "{}", json.out);
}
