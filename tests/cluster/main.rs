//! The agent on a real Kubernetes: API server, scheduler and controllers, and two nodes with a kubelet and a containerd
//! each, all of it processes of this machine, without a container engine and without a network.
//!
//! node1 is an ordinary node; the OCI runtime of node2 forbids user namespaces. The steps of [`STEPS`] run in order on
//! one cluster. `STEP=text` runs those whose names contain the text, `KEEP=1` leaves the cluster up after them
//! (`STEP=none KEEP=1`: at once) until Enter or a signal.
//!
//! The program runs in three stages, see `outside` and `inside`. Needs root and `make cluster-tools`.

mod api;
mod certificates;
mod cgroups;
mod client;
mod cluster;
mod control;
mod images;
mod inside;
mod node;
mod outside;
mod processes;
mod run;
mod smoke;
#[path = "../support/image.rs"]
mod support;
mod watch;

use std::process::ExitCode;

/// What is done, in this order.
const STEPS: &[run::Step] = &[
    ("both nodes are ready", smoke::both_nodes_are_ready),
    ("a pod on each node reaches DNS, the API server, the registry and a Service", smoke::pods_reach_all),
    ("a pod's token names its node, and its requests are in the audit log", smoke::tokens_and_audit),
    ("the agent's image tells the nodes apart", smoke::agents_image),
    ("a rootless builder on node1 builds and pushes, and node2 runs the image", smoke::builder_works_on_node1),
    ("a rootless builder on node2 may not make a user namespace", smoke::builder_fails_on_node2),
    ("a rootless builder on node2 works once its runtime is an ordinary one", smoke::builder_works_on_ordinary_node2),
    ("a watch goes on after the API server was away", smoke::watch_outlives_the_api_server),
];

fn main() -> ExitCode {
    match std::env::var(inside::STAGE).as_deref() {
        Err(_) => outside::main(),
        Ok("init") => inside::init(),
        Ok(_) => run::main(STEPS),
    }
}
