//! An agent outside of a pod, as root of a user namespace of its own: there its sysctl can be changed without a
//! privilege that this machine may not have. It writes to a Node that no kubelet runs.

use crate::agent::{NAMESPACE, condition, deployed, events, label, program, verdict};
use crate::cluster::Cluster;
use crate::processes::wait;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NODE: &str = "node3";
const LIMIT: &str = "/proc/sys/user/max_user_namespaces";

/// Where an agent runs that has no kubelet.
pub(crate) struct Machine<'a> {
    pub(crate) node: &'a str,
    /// The pod on that node whose token it has.
    pub(crate) pod: &'a str,
    pub(crate) port: u16,
    /// How many user namespaces there may be, from the beginning.
    pub(crate) limit: Option<&'a str>,
}

/// The agent; ends with this.
pub(crate) struct Outside {
    child: Child,
    log: PathBuf,
}

impl Outside {
    pub(crate) fn start(cluster: &Cluster, machine: &Machine) -> Self {
        let Machine { node, pod, port, limit } = machine;
        let kubeconfig = cluster.dir.join(format!("{node}.kubeconfig"));
        let token = cluster.token(NAMESPACE, "agent", Some(pod));
        let text = fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
        let cluster_entry = text.lines().find(|line| line.starts_with("clusters:")).expect("a cluster on one line");
        let rest = "users: [{name: agent, user: {token: TOKEN}}]\ncontexts: [{name: x, context: {cluster: CLUSTER, user: agent}}]\ncurrent-context: x\n";
        let name = cluster_entry.split("name: ").nth(1).and_then(|rest| rest.split(',').next()).expect("its name");
        let rest = rest.replace("TOKEN", &token).replace("CLUSTER", name);
        fs::write(&kubeconfig, format!("apiVersion: v1\nkind: Config\n{cluster_entry}\n{rest}")).expect("write");
        let log = cluster.dir.join(format!("logs/outside-{node}.log"));
        let state = cluster.dir.join(format!("state-{node}"));
        fs::create_dir_all(&state).expect("mkdir");
        let mut command = Command::new("unshare");
        let limited = format!(r#"[ -z "$0" ] || echo "$0" > {LIMIT}; exec "$@""#);
        command.args(["--user", "--map-root-user", "sh", "-c", &limited, limit.unwrap_or_default()]).arg(program());
        let listen = format!("127.0.0.1:{port}");
        command.args(["agent", "--node", node, "--listen", &listen, "--evidence", "probed", "--kubeconfig"]).arg(&kubeconfig);
        command.arg("--state-dir").arg(&state);
        // A machine without rootlesskit: no builder's image, where a missing range would be the image's own lack.
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a log")).process_group(0);
        Outside { child: command.spawn().expect("unshare"), log }
    }

    /// The limit in the agent's namespace.
    fn limit(&self) -> String {
        self.inside(&format!("cat {LIMIT}")).trim().to_owned()
    }

    fn set_limit(&self, limit: &str) {
        self.inside(&format!("echo {limit} > {LIMIT}"));
    }

    fn inside(&self, script: &str) -> String {
        let output = Command::new("nsenter")
            .args(["--user", "--preserve-credentials", "--target", &self.child.id().to_string()])
            .args(["sh", "-c", script])
            .output();
        let output = output.expect("nsenter");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn heard(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Node to which neither a kubelet nor the DaemonSet comes, and a pod on it for whose sake an agent gets a token; both go with this.
pub(crate) struct WithoutKubelet<'a> {
    cluster: &'a Cluster,
    node: &'a str,
    pod: &'a str,
}

pub(crate) fn node_without_a_kubelet<'a>(cluster: &'a Cluster, node: &'a str, pod: &'a str) -> WithoutKubelet<'a> {
    let made = WithoutKubelet { cluster, node, pod };
    cluster.apply(&format!("{{apiVersion: v1, kind: Node, metadata: {{name: {node}, labels: {{kubernetes.io/os: none}}}}}}"));
    cluster.apply(&format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {pod}, namespace: {NAMESPACE}}}
spec:
  nodeName: {node}
  serviceAccountName: agent
  tolerations: [{{operator: Exists}}]
  containers: [{{name: none, image: none}}]
"
    ));
    made
}

impl Drop for WithoutKubelet<'_> {
    fn drop(&mut self) {
        let WithoutKubelet { cluster, node, pod } = self;
        // Also at the end of a step that has failed: later ones count nodes.
        let _ = cluster.kubectl(&["delete", "-n", NAMESPACE, &format!("pod/{pod}"), "--force", "--grace-period=0"]);
        let _ = cluster.kubectl(&["delete", &format!("node/{node}")]);
    }
}

pub(crate) fn a_sysctl_is_noticed_and_an_outage_waited_for(cluster: &Cluster) {
    deployed(cluster);
    let _node = node_without_a_kubelet(cluster, NODE, "outside");
    let mut agent = Outside::start(cluster, &Machine { node: NODE, pod: "outside", port: 8099, limit: None });
    let heard = Outside::heard;
    let counts = || ["Ready", "NotReady"].map(|word| events(cluster, NODE, &format!("RootlessBuildKit{word}")));
    wait("the agent outside publishes", 60, || if heard(&agent).contains("published") { Ok(()) } else { Err(heard(&agent)) });
    verdict(cluster, NODE, "ready");
    let usual = agent.limit();

    agent.set_limit("0");
    let node = verdict(cluster, NODE, "not-ready");
    assert_eq!(label(&node, "cause").as_deref(), Some("userns-max0"));
    assert_eq!(condition(&node)["reason"], "UsernsMax0");
    assert_eq!(counts(), [1, 1], "one event");
    agent.set_limit(&usual);
    assert_eq!(label(&verdict(cluster, NODE, "ready"), "cause"), None);
    assert_eq!(counts(), [2, 1]);

    cluster.stop_api_server();
    let stopped = Instant::now();
    agent.set_limit("0");
    wait("20 s have passed, and the agent has tried", 60, || {
        let told = heard(&agent);
        let has_tried = told.contains("could not be reached");
        if stopped.elapsed() > Duration::from_secs(20) && has_tried { Ok(()) } else { Err(told) }
    });
    assert!(agent.is_alive());
    cluster.start_api_server();
    verdict(cluster, NODE, "not-ready");
    assert_eq!(counts(), [2, 2], "nothing is lost, nothing told twice");
    assert!(agent.is_alive());
    agent.set_limit(&usual);
    verdict(cluster, NODE, "ready");

    drop(agent);
    for node in &cluster.nodes {
        wait(&format!("{} is ready again", node.name), 120, || cluster.node_ready(node.name));
    }
}
