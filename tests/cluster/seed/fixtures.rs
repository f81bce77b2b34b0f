//! What builds need around them: servers, repositories, a daemon.

use super::git::{self, Git};
use super::registry::{self, PRIVATE};
use crate::admission::rendered;
use crate::agent;
use crate::cluster::{Cluster, REGISTRY};
use crate::images::BUILDER;
use crate::processes::wait;
use std::sync::OnceLock;

/// Where the daemon is, and builds run.
pub(crate) const NAMESPACE: &str = "builds";

/// Servers and repositories; the cluster's processes end with it.
pub(crate) struct Fixtures {
    pub(crate) git: Git,
    /// Commits of the repository `app`, by the names of branches and tags that lead to them.
    pub(crate) first: String,
}

/// Builds an image whose file `/message` tells which commit and which Dockerfile it is of.
const DOCKERFILE: &str = "FROM scratch
COPY busybox message /
RUN [\"/busybox\", \"sh\", \"-c\", \"/busybox echo built of $(/busybox cat /message)\"]
";

/// With stages, an argument and a secret.
const OPTIONS: &str = "FROM scratch AS base
COPY busybox /
FROM base AS greeting
ARG WHO=nobody
RUN --mount=type=secret,id=token [\"/busybox\", \"sh\", \"-c\", \"/busybox echo hello $WHO, $(/busybox cat /run/secrets/token)\"]
FROM base AS last
RUN [\"/busybox\", \"echo\", \"the last stage\"]
";

/// Starts the servers at the first call.
pub(crate) fn fixtures(cluster: &Cluster) -> &'static Fixtures {
    static FIXTURES: OnceLock<Fixtures> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        registry::start(cluster);
        let git = Git::start(cluster);
        let first = repositories(&git);
        let ready = |name: &str, url: &str, wanted: u16| {
            cluster.processes.ready(name, || match cluster.api.fetch(url) {
                Ok((status, _)) if status == wanted => Ok(()),
                other => Err(format!("{other:?}")),
            });
        };
        ready("private-registry", &format!("http://{PRIVATE}/v2/"), 401);
        ready("git-http", &format!("{}/info/refs?service=git-upload-pack", Git::url("app")), 200);
        Fixtures { git, first }
    })
}

/// `app` with a branch, a tag, other Dockerfiles and a directory of its own; `with-submodule`, whose submodule is `app`. Gives the
/// first commit of `app`.
fn repositories(git: &Git) -> String {
    let app = git.repository("app");
    app.busybox("busybox");
    app.write("message", "first\n");
    app.write("Dockerfile", DOCKERFILE);
    let first = app.commit("master", "the first");
    app.git(&["tag", "v1"]);
    app.git(&["push", "--quiet", "origin", "v1"]);
    app.write("message", "feature\n");
    app.commit("feature", "a branch");
    app.git(&["reset", "--quiet", "--hard", &first]);
    app.write("message", "master\n");
    app.write("docker/Other.Dockerfile", DOCKERFILE.replace("built of", "other, built of"));
    app.busybox("sub/busybox");
    app.write("sub/message", "sub\n");
    app.write("sub/Dockerfile", DOCKERFILE);
    // For what is interrupted: it goes on for longer than any test.
    app.write("slow/Dockerfile", "FROM scratch\nCOPY busybox /\nRUN [\"/busybox\", \"sleep\", \"3600\"]\n");
    app.write("failing/Dockerfile", "FROM scratch\nCOPY busybox /\nRUN [\"/busybox\", \"sh\", \"-c\", \"exit 7\"]\n");
    for dir in ["options", "slow", "failing"] {
        app.busybox(&format!("{dir}/busybox"));
    }
    app.write("options/Dockerfile", OPTIONS);
    app.commit("master", "more");

    let outer = git.repository("with-submodule");
    outer.git(&["submodule", "--quiet", "add", &Git::url("app"), "lib"]);
    outer.write("Dockerfile", DOCKERFILE.replace("COPY busybox message", "COPY lib/busybox lib/message"));
    outer.commit("master", "with a submodule");
    first
}

/// The agent, and a builder that is ready.
pub(crate) fn daemon(cluster: &Cluster) -> &'static Fixtures {
    agent::deployed(cluster);
    if cluster.kubectl(&["get", "-n", NAMESPACE, "deployment/buildkitd"]).is_err() {
        cluster.apply(&rendered(cluster, &["--namespace", NAMESPACE]).0);
    }
    let status = cluster.kubectl(&["rollout", "status", "-n", NAMESPACE, "deployment/buildkitd", "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}\n{}", cluster.kubectl(&["describe", "pods", "-n", NAMESPACE]).unwrap_or_default()));
    fixtures(cluster)
}

/// The builder's pod.
pub(crate) fn builder(cluster: &Cluster) -> String {
    let pods = cluster.get(&["pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=buildkitd"]);
    let mut pods = pods["items"].as_array().expect("a list").iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    pods.next().and_then(|pod| pod["metadata"]["name"].as_str()).expect("a pod").to_owned()
}

/// The builder forgets what it has built: what is built again says again what it says.
pub(crate) fn forget(cluster: &Cluster) {
    let done = cluster.exec(NAMESPACE, &builder(cluster), &["buildctl", "prune", "--all"]);
    done.unwrap_or_else(|error| panic!("{error}"));
}

/// The fixtures themselves, from a pod with the image of clients: as its user, without a privilege.
pub(crate) fn answer(cluster: &Cluster) {
    let fixtures = fixtures(cluster);
    cluster.apply(&format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: client}}
spec: {{containers: [{{name: client, image: '{BUILDER}', command: [sleep, infinity]}}]}}
"
    ));
    cluster.pod_ready("default", "client");
    let run = |script: &str| cluster.exec("default", "client", &["sh", "-c", script]);
    let does = |script: &str| run(script).unwrap_or_else(|error| panic!("{script}: {error}"));
    wait("a clone over HTTP", 30, || run(&format!("rm -rf /tmp/app && git clone -q {} /tmp/app", Git::url("app"))));
    assert_eq!(does("cat /tmp/app/message"), "master\n");
    let with = does(&format!("git clone -q --recurse-submodules {} /tmp/with && cat /tmp/with/lib/message", Git::url("with-submodule")));
    assert_eq!(with, "master\n");

    let private = Git::private_url("app");
    let refused = run(&format!("GIT_TERMINAL_PROMPT=0 git ls-remote {private} 2>&1")).expect_err("it asks for a password");
    assert!(refused.contains("could not read Username"), "{refused}");
    let known = private.replace("http://", &format!("http://{}:{}@", git::USER.0, git::USER.1));
    assert!(does(&format!("git ls-remote {known} refs/tags/v1")).starts_with(&fixtures.first));

    let ssh = format!("GIT_SSH_COMMAND='ssh -i /tmp/key -o UserKnownHostsFile=/tmp/known' git ls-remote {} 2>&1", Git::ssh_url("app"));
    does(&format!("printf '{}' > /tmp/known", fixtures.git.known_hosts.replace('\n', "\\n")));
    assert!(run(&ssh).expect_err("no key").contains("Permission denied"));
    does(&format!("umask 077; cat > /tmp/key << END\n{}END\n", fixtures.git.key));
    assert!(does(&ssh).contains(&fixtures.first));

    for (registry, answer) in [(REGISTRY, "200"), (PRIVATE, "401")] {
        let seen = run(&format!("wget -S -q -O - http://{registry}/v2/ 2>&1"));
        assert!(seen.as_ref().unwrap_or_else(|seen| seen).contains(answer), "{registry}: {seen:?}");
    }
    cluster.delete(&["pod/client"]);
}
