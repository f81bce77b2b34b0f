//! Builders in a pod with a user namespace: what their steps can see, and which IDs they have.

use crate::admission::rendered;
use crate::agent::label;
use crate::canary::{self, says};
use crate::cluster::{Cluster, REGISTRY};
use crate::images;
use crate::processes::wait;
use serde_json::Value;

/// A builder as `render builder` prints it, in a namespace of its own.
pub(crate) struct Builder<'a> {
    cluster: &'a Cluster,
    namespace: String,
}

impl<'a> Builder<'a> {
    /// Applies it, and waits until it is ready.
    pub(crate) fn start(cluster: &'a Cluster, namespace: &str, arguments: &[&str]) -> Self {
        let builder = Self::apply(cluster, namespace, arguments);
        builder.ready();
        builder
    }

    pub(crate) fn apply(cluster: &'a Cluster, namespace: &str, arguments: &[&str]) -> Self {
        let (manifests, _) = rendered(cluster, &[&["--namespace", namespace], arguments].concat());
        cluster.apply(&manifests);
        Builder { cluster, namespace: namespace.to_owned() }
    }

    pub(crate) fn ready(&self) {
        let status = self.cluster.kubectl(&["rollout", "status", "-n", &self.namespace, "deployment/buildkitd", "--timeout=110s"]);
        status.unwrap_or_else(|error| {
            let pods = self.cluster.kubectl(&["describe", "pods", "-n", &self.namespace]).unwrap_or_default();
            panic!("{error}\n{pods}")
        });
    }

    fn pods(&self) -> Vec<Value> {
        let list = self.cluster.get(&["pods", "-n", &self.namespace]);
        let pods = list["items"].as_array().expect("a list").iter();
        pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
    }

    fn pod(&self) -> Value {
        let is_running = |pod: &&Value| pod["status"]["phase"] == "Running";
        wait("a pod runs", 60, || self.pods().iter().find(is_running).cloned().ok_or_else(|| format!("{:?}", self.pods())))
    }

    pub(crate) fn node(&self) -> String {
        self.pod()["spec"]["nodeName"].as_str().expect("a node").to_owned()
    }

    /// Scales it up by one, and says why that one waits.
    pub(crate) fn one_more_is_pending(&self) -> String {
        self.scale(2);
        self.pending()
    }

    /// Why a pod waits for a node.
    fn pending(&self) -> String {
        wait("a pod waits for a node", 60, || {
            let pods = self.pods();
            let waits = |pod: &&Value| pod["status"]["phase"] == "Pending" && pod["spec"]["nodeName"].is_null();
            let pod = pods
                .iter()
                .find(waits)
                .ok_or_else(|| format!("none is pending: {:?}", pods.iter().map(|pod| &pod["status"]).collect::<Vec<_>>()))?;
            let conditions = pod["status"]["conditions"].as_array().ok_or("no conditions")?;
            let scheduled = conditions.iter().find(|condition| condition["type"] == "PodScheduled").ok_or("not looked at")?;
            scheduled["message"].as_str().filter(|message| !message.is_empty()).map(str::to_owned).ok_or_else(|| scheduled.to_string())
        })
    }

    fn scale(&self, number: usize) {
        let scaled = self.cluster.kubectl(&["scale", "-n", &self.namespace, "deployment/buildkitd", &format!("--replicas={number}")]);
        scaled.unwrap_or_else(|error| panic!("{error}"));
    }

    /// One is made anew.
    pub(crate) fn delete_pods(&self) {
        self.scale(1);
        self.cluster.delete(&["-n", &self.namespace, "pods", "--all"]);
    }

    /// Takes it away; nobody waits for the namespace.
    pub(crate) fn delete(self) {
        self.cluster.delete(&["-n", &self.namespace, "deployment/buildkitd"]);
        self.cluster.delete(&["-n", &self.namespace, "pods", "--all", "--wait=false"]);
        self.cluster.delete(&["namespace", &self.namespace, "--wait=false"]);
    }

    /// Runs a script in the builder's container.
    fn run(&self, script: &str) -> Result<String, String> {
        let pod = self.pod();
        let name = pod["metadata"]["name"].as_str().expect("a name");
        self.cluster.exec(&self.namespace, name, &["sh", "-c", script])
    }

    fn inside(&self, script: &str) -> String {
        self.run(script).unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Builds an image from scratch with busybox and one RUN step, a script; `output` is an option of buildctl.
    pub(crate) fn build(&self, name: &str, step: &str, output: &str) -> Result<String, String> {
        self.run(&format!("{}{}", prepare(name, step), command(name, output)))
    }
}

/// Makes the context of a build.
fn prepare(name: &str, step: &str) -> String {
    format!(
        "mkdir -p /tmp/{name} && cp /bin/busybox /tmp/{name} && cat > /tmp/{name}/step << 'END'\n{step}\nEND\n\
         printf 'FROM scratch\\nCOPY busybox step /\\nRUN [\"/busybox\", \"sh\", \"/step\"]\\n' > /tmp/{name}/Dockerfile\n"
    )
}

fn command(name: &str, output: &str) -> String {
    format!(
        "buildctl build --progress plain --frontend dockerfile.v0 --local context=/tmp/{name} --local dockerfile=/tmp/{name} {output} 2>&1"
    )
}

/// What a build step sees of the others: the command lines of all processes that it can list.
const LOOK: &str = "for process in /proc/[0-9]*; do tr '\\0' ' ' < $process/cmdline; echo; done 2> /dev/null; echo looked around";

/// Whether a step of the builder sees the process of another step that runs beside it.
fn sees_other_steps(builder: &Builder) -> bool {
    // A number that stands nowhere else.
    let marker = "sleep 86431";
    builder.inside(&format!("{}({} > /tmp/sleeps.log 2>&1 &)", prepare("sleeps", marker), command("sleeps", "")));
    // Before anybody else looks, it must be there: the builder's own container sees it.
    wait("the other step runs", 60, || {
        let all = builder.inside(LOOK);
        let runs = all.lines().any(|line| line.trim_end() == marker);
        if runs { Ok(()) } else { Err(format!("{all}\n{}", builder.run("cat /tmp/sleeps.log").unwrap_or_default())) }
    });
    let seen = builder.build("looks", LOOK, "").unwrap_or_else(|error| panic!("{error}"));
    assert!(seen.contains("looked around"), "{seen}");
    assert!(builder.inside(LOOK).lines().any(|line| line.trim_end() == marker), "it has run all the while");
    seen.lines().any(|line| line.trim_end().ends_with(marker))
}

/// The process mode of its worker, as buildkitd tells it.
fn process_mode(builder: &Builder) -> String {
    let workers = builder.inside("buildctl debug workers --verbose");
    let line = workers.lines().find(|line| line.contains("process-mode")).unwrap_or_else(|| panic!("{workers}"));
    line.split_whitespace().last().expect("a mode").to_owned()
}

pub(crate) fn steps_of_procmount_see_none_of_the_others(cluster: &Cluster) {
    canary::deployed(cluster);
    says(cluster, "node1", "procmount", "ready", "Proven");
    let nested = Builder::start(cluster, "nested", &["--profile", "procmount"]);
    assert_eq!(nested.node(), "node1", "the one node that is ready for it");
    assert_eq!(process_mode(&nested), "sandbox");
    assert_eq!(nested.inside("cat /proc/self/uid_map").split_whitespace().last(), Some("65536"));
    let push = format!("--output type=image,name={REGISTRY}/nested:1,push=true,registry.insecure=true");
    let log = nested.build("pushed", "echo $$ > /pid; cat /pid", &push).unwrap_or_else(|error| panic!("{error}"));
    // Its first process is the first of its PID namespace.
    assert!(log.lines().any(|line| line.trim_end().ends_with(" 1")), "{log}");
    assert!(cluster.image_in_registry("nested", "1"));
    assert!(!sees_other_steps(&nested), "a step sees another's process");
    nested.delete();

    let shared = Builder::start(cluster, "shared", &["--profile", "no-process-sandbox"]);
    assert_eq!(process_mode(&shared), "no-sandbox");
    assert!(sees_other_steps(&shared), "without a process sandbox it would see it");
    shared.delete();
}

/// A builder that needs more IDs than nodes give waits for one that gives them, with the range that its image has.
pub(crate) fn one_that_needs_more_ids_waits_for_a_node_that_gives_them(cluster: &Cluster) {
    canary::deployed(cluster);
    says(cluster, "node1", "procmount", "ready", "Proven");
    let large = Builder::apply(cluster, "large", &["--profile", "procmount", "--ids", "196608"]);
    let why = large.pending();
    assert!(why.contains("didn't match Pod's node affinity/selector"), "{why}");
    cluster.join("node7");
    let node = says(cluster, "node7", "procmount", "ready", "Proven");
    assert_eq!(label(&node, "pod-ids").as_deref(), Some("196608"));
    large.ready();
    assert_eq!(large.node(), "node7");
    assert_eq!(large.inside("cat /etc/subuid"), "user:100000:65536\n", "the image's own");
    assert_eq!(process_mode(&large), "sandbox");
    // What can't be unpacked with 65536 IDs in all.
    large.build("owned", "/busybox chown 65535:65535 /step && /busybox stat -c %u /step", "").unwrap_or_else(|error| panic!("{error}"));
    large.delete();
}

/// The privileged builder within a user namespace, also on a node where others may make none.
pub(crate) fn a_builder_of_userns_builds_where_its_canary_was(cluster: &Cluster) {
    canary::deployed(cluster);
    says(cluster, "node2", "userns", "ready", "Proven");
    images::import(cluster.node("node2"), &images::rootful(&cluster.dir.join("images")).pack());
    for other in cluster.nodes.iter().filter(|node| node.name != "node2" && node.plan.from_the_start) {
        cluster.kubectl(&["cordon", other.name]).expect("kubectl cordon");
    }
    let builder = Builder::start(cluster, "rootful", &["--profile", "userns", "--read-only-root"]);
    assert_eq!((builder.node().as_str(), process_mode(&builder).as_str()), ("node2", "sandbox"));
    assert_eq!(builder.inside("cat /proc/self/uid_map").split_whitespace().last(), Some("65536"));
    builder.build("plain", "echo built", "").unwrap_or_else(|error| panic!("{error}"));
    builder.delete();
    for other in cluster.nodes.iter().filter(|node| node.plan.from_the_start) {
        cluster.kubectl(&["uncordon", other.name]).expect("kubectl uncordon");
    }
}
