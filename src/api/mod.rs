//! The Kubernetes API: the only place that talks to it.
//!
//! An agent needs `patch` of `nodes/status`, and `create` and `patch` of events: [`NodeWriter`]; and where a canary is silent, `list`
//! of pods and events in its own namespace: [`CanaryPods`].
//! What comes back is bounded in bytes, pages and time by [`Server`] and [`Nodes::list`]; what is read of files and of commands that a
//! kubeconfig names, where it is read.
//! [`Nodes`] and [`Pods`] are for an administrator: `cleanup`, `check --cluster`, `render builder --profile auto`; so is [`Agents`], for `status`.

mod canary_pods;
mod confinement;
mod connect;
mod error;
mod file;
#[cfg(feature = "cli")]
mod fleet;
#[cfg(feature = "cli")]
mod following;
mod in_pod;
#[cfg(feature = "cli")]
mod jobs;
#[cfg(feature = "cli")]
mod kubeconfig;
#[cfg(all(feature = "cli", any(test, feature = "fuzzing")))]
pub(crate) use kubeconfig::server as kubeconfig_server;
#[cfg(feature = "cli")]
mod lines;
mod node_writer;
mod nodes;
mod ours;
#[cfg(feature = "cli")]
mod pods;
mod requests;
mod server;
#[cfg(feature = "cli")]
mod services;
mod token;
mod url;

pub use canary_pods::CanaryPods;
pub use confinement::Tried;
pub use connect::{Access, connect};
pub use error::Error;
#[cfg(feature = "cli")]
pub use fleet::{Agents, is_unconfined};
#[cfg(feature = "cli")]
pub use following::{Ending, Event, Following};
#[cfg(feature = "cli")]
pub use jobs::Jobs;
#[cfg(feature = "cli")]
pub use lines::{Line, Lines};
pub use node_writer::NodeWriter;
pub use nodes::Nodes;
pub use ours::Ours;
#[cfg(feature = "cli")]
pub use pods::Pods;
pub use requests::Requests;
pub use server::Server;
#[cfg(feature = "cli")]
pub use services::{Behind, Services};

/// Requests about a resource of Kubernetes' own, in a namespace if it lies in one: `of::<Pod>(Some("builds"))`.
fn of<K: kube::Resource<DynamicType = ()>>(namespace: Option<&str>) -> kube::core::Request {
    kube::core::Request::new(K::url_path(&(), namespace))
}

/// The runtime of what talks to an API server: one thread, which looks at its clocks in each turn. hyper reads interim answers
/// (100 Continue) as fast as they come, and with tokio's own 61 turns a server that sends them for ever held up each deadline
/// for a minute.
///
/// # Errors
/// No file descriptors are left for it: tokio panics where it gets none for signals.
pub fn runtime() -> std::io::Result<tokio::runtime::Builder> {
    let spare = std::iter::repeat_with(std::os::unix::net::UnixStream::pair).take(SPARE_PAIRS);
    spare.collect::<std::io::Result<Vec<_>>>()?;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().event_interval(1);
    Ok(builder)
}

/// Pairs of file descriptors that must be free when a runtime starts: it takes five (epoll, its waker, and three for signals), and
/// a connection one more.
const SPARE_PAIRS: usize = 4;
