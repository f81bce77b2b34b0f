//! Directories of the machine: buildctl sends them through the API server.

use super::fixtures::{NAMESPACE, daemon};
use super::registry::digest;
use super::run::{Output, Started, build, command, leaving_nothing};
use crate::cluster::{Cluster, REGISTRY};
use crate::image::tool;
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory with a Dockerfile that has a RUN step, this script.
pub(crate) fn directory(cluster: &Cluster, name: &str, script: &str) -> PathBuf {
    let dir = cluster.dir.join("directories").join(name);
    fs::create_dir_all(&dir).expect("mkdir");
    fs::copy("/bin/busybox", dir.join("busybox")).expect("busybox-static");
    fs::set_permissions(dir.join("busybox"), fs::Permissions::from_mode(0o755)).expect("chmod");
    let dockerfile = format!("FROM scratch\nCOPY . /\nRUN [\"/busybox\", \"sh\", \"-c\", \"{script}\"]\n");
    fs::write(dir.join("Dockerfile"), dockerfile).expect("write");
    dir
}

fn image(tag: &str) -> String {
    format!("{REGISTRY}/local:{tag}")
}

fn local(cluster: &Cluster, dir: &Path, image: &str, more: &[&str]) -> Output {
    let dir = dir.display().to_string();
    leaving_nothing(cluster, || build(cluster, &[&["-n", NAMESPACE, &dir, "--image", image], more].concat()))
}

pub(crate) fn a_directory_is_sent(cluster: &Cluster) {
    daemon(cluster);
    let dir = directory(cluster, "app", "/busybox ls /");
    fs::write(dir.join("wanted"), "").expect("write");
    fs::write(dir.join("unwanted"), "").expect("write");
    fs::write(dir.join(".dockerignore"), "unwanted\n").expect("write");
    let built = local(cluster, &dir, &image("1"), &[]).done();
    let pushed = digest(cluster, &image("1")).expect("it was pushed");
    assert!(built.out.starts_with(&format!("pushed {}@{pushed} in ", image("1"))), "{}", built.out);
    assert!(built.err.contains("wanted\n") && !built.err.contains("unwanted"), "{}", built.err);

    let built = local(cluster, &dir, &image("2"), &["--no-push", "--format", "json"]).done();
    assert_eq!((&built.json()["outcome"], &built.json()["job"]), (&"done".into(), &serde_json::Value::Null));
    assert_eq!(digest(cluster, &image("2")), None);

    let secret = directory(cluster, "secret", "/busybox cat /run/secrets/a /run/secrets/b");
    let text = fs::read_to_string(secret.join("Dockerfile")).expect("read");
    fs::write(secret.join("Dockerfile"), text.replace("RUN", "RUN --mount=type=secret,id=a --mount=type=secret,id=b")).expect("write");
    fs::write(secret.join("b.txt"), "from-a-file\n").expect("write");
    let file = format!("id=b,src={}", secret.join("b.txt").display());
    let built = local(cluster, &secret, &image("3"), &["--secret", "id=a,env=TOKEN", "--secret", &file]).done();
    assert!(built.err.contains("the-token") && built.err.contains("from-a-file"), "{}", built.err);
}

pub(crate) fn what_goes_wrong_is_named(cluster: &Cluster) {
    daemon(cluster);
    let failing = directory(cluster, "failing", "exit 7");
    let built = local(cluster, &failing, &image("failing"), &[]);
    assert_eq!((built.code, built.out.as_str()), (Some(1), ""), "{}", built.err);
    assert!(built.err.contains("exit code: 7") && built.err.ends_with("error: buildctl failed: exit status: 1\n"), "{}", built.err);

    let dir = failing.display().to_string();
    let mut without = command(cluster, &["-n", NAMESPACE, &dir, "--image", &image("x")]);
    without.env("PATH", "/usr/bin:/bin");
    let built = Started::new(without).ended();
    assert!(built.code == Some(1) && built.err.contains("buildctl is not in the PATH"), "{}", built.err);

    for (more, code, says) in [
        (&["-n", NAMESPACE, "--builder", "tcp://nobody:1234", &dir][..], 2, "there is no Service builds/nobody"),
        (&["-n", NAMESPACE, "--builder", "tcp://buildkitd:99", &dir], 2, "has no port 99"),
        (&["-n", "default", "--builder", "tcp://buildkitd.builds:1234", "/nowhere"], 2, "/nowhere: No such file"),
        (&["-n", NAMESPACE, "--tls", "nobody", &dir], 2, "there is no Secret nobody"),
        (&["-n", NAMESPACE, "--timeout", "3s", &directory(cluster, "slow", "/busybox sleep 3600").display().to_string()], 1, "--timeout"),
    ] {
        let built = leaving_nothing(cluster, || build(cluster, &[more, &["--image", &image("x")]].concat()));
        assert!(built.code == Some(code) && built.err.contains(says) && built.out.is_empty(), "{says}: {}", built.err);
    }
}

pub(crate) fn one_that_is_interrupted_ends_in_the_builder_too(cluster: &Cluster) {
    daemon(cluster);
    let slow = directory(cluster, "slow", "/busybox echo begun; /busybox sleep 3600").display().to_string();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let started = Started::new(command(cluster, &["-n", NAMESPACE, &slow, "--image", &image("slow")]));
        started.says("begun");
        let ended = started.signalled(signal);
        assert!(ended.code == Some(1) && ended.err.contains(&format!("ended by {signal}: the build is cancelled")), "{}", ended.err);
        super::interruptions::no_step_runs(cluster);
    }
}

/// The way to the builder leads through the API server.
pub(crate) fn a_connection_that_is_cut_is_named(cluster: &Cluster) {
    daemon(cluster);
    let slow = directory(cluster, "slow", "/busybox echo begun; /busybox sleep 3600").display().to_string();
    let started = Started::new(command(cluster, &["-n", NAMESPACE, &slow, "--image", &image("cut")]));
    started.says("begun");
    cluster.stop_api_server();
    let ended = started.ended();
    cluster.start_api_server();
    let words = ["error: buildctl failed: exit status: 1; ", "the API server", "could not be reached"];
    assert!(ended.code == Some(1) && words.iter().all(|word| ended.err.contains(word)), "{:?} {}", ended.code, ended.err);
    super::interruptions::no_step_runs(cluster);
}

/// The machine's tools.
pub(crate) fn path() -> String {
    let tools = tool("buildctl");
    format!("{}:/usr/bin:/bin", tools.parent().expect("a directory").display())
}
