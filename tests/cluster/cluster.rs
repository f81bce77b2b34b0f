//! The cluster as a whole: how it starts, and what can be done to its parts.

use crate::api::Api;
use crate::certificates::Certificates;
use crate::node::{self, Node};
use crate::processes::{Processes, wait};
use crate::{control, images, support};
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
    pub(crate) nodes: [Node; 2],
    certificates: Certificates,
}

impl Cluster {
    /// Starts everything, and waits until both nodes are ready. The agent's image is on both nodes under this name.
    pub(crate) fn start(dir: &Path, cgroup: &str, agent_image: &str) -> Self {
        let processes = Processes::new(dir.join("logs"));
        let nodes = [Node::new(dir, "node1", 1, "10.88"), Node::new(dir, "node2", 2, "10.89")];
        let runtimes = [support::tool("runc"), node::runtime_without_user_namespaces(dir, &ordinary_file(dir))];
        let place = dir.join("images");
        fs::create_dir(&place).expect("mkdir");

        let (certificates, api) = thread::scope(|scope| {
            let containerds = nodes.each_ref().map(|node| {
                let (processes, runtimes) = (&processes, &runtimes);
                scope.spawn(move || node.start_containerd(processes, &runtimes[usize::from(node.name == "node2")]))
            });
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
            for (node, containerd) in nodes.iter().zip(containerds) {
                containerd.join().expect("containerd is ready");
                node.start_kubelet(&processes, &certificates, cgroup);
            }
            let archives = archives.join().expect("images");
            thread::scope(|scope| {
                for node in &nodes {
                    scope.spawn(|| archives.iter().for_each(|archive| images::import(node, archive)));
                }
            });
            (certificates, api)
        });

        let cluster = Cluster { dir: dir.to_path_buf(), api: Arc::new(api), processes, nodes, certificates };
        for node in &cluster.nodes {
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

    /// Whether pods that start on node2 from now on may make user namespaces.
    pub(crate) fn node2_ordinary(&self, ordinary: bool) {
        let file = ordinary_file(&self.dir);
        if ordinary {
            fs::write(file, "").expect("write");
        } else if file.exists() {
            fs::remove_file(file).expect("rm");
        }
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

fn ready(api: &Api) -> Result<(), String> {
    match api.request("GET", "/readyz", None, "", "")? {
        (200, _) => Ok(()),
        (status, answer) => Err(format!("{status} {answer}")),
    }
}

fn ordinary_file(dir: &Path) -> PathBuf {
    dir.join("node2-is-ordinary")
}
