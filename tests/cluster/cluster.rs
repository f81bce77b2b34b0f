//! The cluster as a whole: how it starts, and what can be done to its parts.

use crate::api::Api;
use crate::certificates::Certificates;
use crate::fleet::{self, Behaviour};
use crate::node::Node;
use crate::processes::{Processes, wait};
use crate::{control, images};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// The registry, as nodes and pods call it; plain HTTP.
pub(crate) const REGISTRY: &str = "10.88.0.1:5000";

/// A running cluster. It ends with this process.
pub(crate) struct Cluster {
    pub(crate) dir: PathBuf,
    pub(crate) api: Arc<Api>,
    pub(crate) processes: Processes,
    pub(crate) nodes: Vec<Node>,
    certificates: Certificates,
    /// Of all nodes.
    cgroup: String,
    /// The images that each node has.
    archives: Vec<PathBuf>,
}

impl Cluster {
    /// Starts everything, and waits until both nodes are ready. The agent's image is on both nodes under this name.
    pub(crate) fn start(dir: &Path, cgroup: &str, agent_image: &str) -> Self {
        let processes = Processes::new(dir.join("logs"));
        let nodes: Vec<_> = fleet::planned().iter().map(|plan| Node::new(dir, *plan)).collect();
        let there = || nodes.iter().filter(|node| node.plan.from_the_start);
        let place = dir.join("images");
        fs::create_dir(&place).expect("mkdir");

        let (certificates, api, archives) = thread::scope(|scope| {
            let start = |node| {
                let processes = &processes;
                scope.spawn(move || Node::start_containerd(node, processes))
            };
            let containerds: Vec<_> = there().map(start).collect();
            let certificates = Certificates::make(dir.join("certificates"));
            control::api_server(&processes, dir, &certificates);
            control::registry(&processes, dir);
            let archives = scope.spawn(|| {
                images::base(&place.join("base"));
                [images::pause(&place), images::agent(&place, agent_image), images::builder(&place)].map(|image| image.pack())
            });
            let api = Api::new(&certificates);
            processes.ready(control::API_SERVER, || ready(&api));
            control::controllers(&processes, dir, &certificates);
            for (node, containerd) in there().zip(containerds) {
                containerd.join().expect("containerd is ready");
                node.start_kubelet(&processes, &certificates, cgroup);
            }
            let archives = archives.join().expect("images");
            thread::scope(|scope| {
                for node in there() {
                    scope.spawn(|| load(node, &archives, agent_image));
                }
            });
            (certificates, api, archives.to_vec())
        });

        let (api, cgroup) = (Arc::new(api), cgroup.to_owned());
        let cluster = Cluster { dir: dir.to_path_buf(), api, processes, nodes, certificates, cgroup, archives };
        for node in cluster.nodes.iter().filter(|node| node.plan.from_the_start) {
            cluster.processes.ready(&node.kubelet_name(), || cluster.node_ready(node.name));
        }
        control::wait_for_services(&cluster.processes, &cluster.api);
        wait("the default service account", 60, || {
            match cluster.request("GET", "/api/v1/namespaces/default/serviceaccounts/default", None, "", "") {
                (200, _) => Ok(()),
                (status, answer) => Err(format!("{status} {answer}")),
            }
        });
        cluster
    }

    /// Whether a node is ready; else what its condition is instead.
    pub(crate) fn node_ready(&self, name: &str) -> Result<(), String> {
        let (status, node) = self.api.request("GET", &format!("/api/v1/nodes/{name}"), None, "", "")?;
        let node: serde_json::Value = serde_json::from_str(&node).map_err(|error| error.to_string())?;
        let conditions = node["status"]["conditions"].as_array();
        let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
        match ready {
            Some(condition) if condition["status"] == "True" => Ok(()),
            Some(condition) => Err(condition.to_string()),
            None => Err(format!("status {status}, no condition Ready")),
        }
    }

    pub(crate) fn node(&self, name: &str) -> &Node {
        self.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no node is called {name}"))
    }

    /// All nodes' runtimes behave as planned.
    pub(crate) fn behave_as_planned(&self) {
        self.nodes.iter().for_each(|node| node.behave(node.plan.runtime));
    }

    /// Starts a node that was not there from the beginning.
    pub(crate) fn join(&self, name: &str) {
        let node = self.node(name);
        node.start_containerd(&self.processes);
        load(node, &self.archives, crate::run::AGENT);
        node.start_kubelet(&self.processes, &self.certificates, &self.cgroup);
        self.processes.ready(&node.kubelet_name(), || self.node_ready(name));
    }

    /// Switches a node off, with all pods on it, and on again, with this runtime. (The kernel, which others share, stays.)
    pub(crate) fn reboot(&self, name: &str, behaviour: Behaviour) {
        let node = self.node(name);
        self.processes.stop(&node.kubelet_name());
        self.processes.stop(&node.containerd_name());
        wait(&format!("the pods of {name} are gone"), 60, || {
            let left = node.pod_processes(&self.cgroup);
            for pid in &left {
                // It may be gone by now.
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        });
        node.behave(behaviour);
        self.processes.restart(&node.containerd_name());
        node.containerd_is_ready(&self.processes);
        self.processes.restart(&node.kubelet_name());
        self.processes.ready(&node.kubelet_name(), || self.node_ready(name));
    }

    /// Kills the API server, as a crash would.
    pub(crate) fn stop_api_server(&self) {
        self.processes.stop(control::API_SERVER);
    }

    /// Starts it again, and waits until it is ready.
    pub(crate) fn start_api_server(&self) {
        self.processes.restart(control::API_SERVER);
        self.processes.ready(control::API_SERVER, || ready(&self.api));
    }

    /// Starts an API server beside it that knows less, on port 6444. It has the same etcd and certificates, and no controllers.
    pub(crate) fn start_old_api_server(&self) {
        control::old_api_server(&self.processes, &self.certificates);
    }

    pub(crate) fn stop_old_api_server(&self) {
        self.processes.stop(control::OLD_API_SERVER);
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.certificates.path("admin.kubeconfig")
    }

    /// What the agent's image is made from, as a directory: a base for builds of its Dockerfile.
    pub(crate) fn image_base(&self) -> PathBuf {
        self.dir.join("images/base")
    }

    /// The audit log.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.dir.join(control::AUDIT_LOG)
    }
}

/// Loads all images into a node.
fn load(node: &Node, archives: &[PathBuf], agent_image: &str) {
    archives.iter().for_each(|archive| images::import(node, archive));
    images::tag(node, agent_image, images::UNNAMED_AGENT);
}

fn ready(api: &Api) -> Result<(), String> {
    match api.request("GET", "/readyz", None, "", "")? {
        (200, _) => Ok(()),
        (status, answer) => Err(format!("{status} {answer}")),
    }
}
