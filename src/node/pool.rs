//! Pools of nodes: what an autoscaler makes more of.

use super::labels::Key;
use super::names::DEFAULT_PREFIX;
use std::collections::BTreeMap;
use std::fmt;

/// A pool, by the label that all of its nodes have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pool {
    /// The label's key, with its prefix.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// The key of the label that names a pool of builders, unless its owner has another one. No agent writes it.
pub const POOL_KEY: &str = "buildkit-preflight.dev/pool";

/// The labels by which pools are told apart: the first one that a node has counts. They are those of the owner, of Karpenter, and of
/// the platforms that put one on each node; those of Cluster API stand there where its labels are passed on to Nodes.
pub const POOL_KEYS: [&str; 16] = [
    POOL_KEY,
    "karpenter.sh/nodepool",
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "doks.digitalocean.com/node-pool",
    "alpha.eksctl.io/nodegroup-name",
    "topology.cluster.x-k8s.io/deployment-name",
    "cluster.x-k8s.io/deployment-name",
    "cluster.x-k8s.io/pool-name",
    "hypershift.openshift.io/nodePool",
    "worker.gardener.cloud/pool",
    "kops.k8s.io/instancegroup",
    "ibm-cloud.kubernetes.io/worker-pool-name",
    "alibabacloud.com/nodepool-id",
    "lke.linode.com/pool-id",
];

/// The taint that keeps pods off a node of a pool until its proof is there. What takes it off is node-readiness-controller, which
/// manages no key without this beginning; autoscalers know the beginning too, and wait.
pub const TAINT_PREFIX: &str = "readiness.k8s.io/";

/// The taint's key.
pub const TAINT_KEY: &str = "readiness.k8s.io/rootless-buildkit";

/// Its value.
pub const TAINT_VALUE: &str = "pending";

impl Default for Pool {
    fn default() -> Self {
        Pool { key: POOL_KEY.into(), value: "build".into() }
    }
}

/// As users write it: `buildkit-preflight.dev/pool=build`.
impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Where neither a label nor anything else names a pool: the annotation of Cluster API that names what made the machine.
pub const OWNER_KEY: &str = "cluster.x-k8s.io/owner-name";

impl Pool {
    /// The pool of a node by the first of these labels that it has.
    pub fn by(keys: &[String], labels: &BTreeMap<String, String>) -> Option<Self> {
        keys.iter().find_map(|key| Some(Pool { key: key.clone(), value: labels.get(key)?.clone() }))
    }

    /// The pool of a node with these labels.
    pub(super) fn of(labels: &BTreeMap<String, String>) -> Option<Self> {
        POOL_KEYS.iter().find_map(|key| Some(Pool { key: (*key).to_owned(), value: labels.get(*key)?.clone() }))
    }

    /// The label of ours that the key is, where the agents' labels have this prefix: one that agents write is no pool's.
    pub fn is_written_by_agents(&self, prefix: &str) -> bool {
        Key::ALL.into_iter().any(|key| [prefix, DEFAULT_PREFIX].iter().any(|prefix| self.key == key.with(prefix)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_the_first_label_that_a_node_has() {
        let labels = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), format!("of {key}"))).collect();
        assert_eq!(Pool::of(&labels(&["a", "kubernetes.io/hostname"])), None);
        let pool = Pool::of(&labels(&["karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup"]));
        assert_eq!(pool.expect("a pool").to_string(), "karpenter.sh/nodepool=of karpenter.sh/nodepool");
        assert_eq!(Pool::of(&labels(&["karpenter.sh/nodepool", POOL_KEY])).expect("a pool").key, POOL_KEY);
    }

    #[test]
    fn no_pool_is_named_by_what_agents_write() {
        let pool = |key: &str| Pool { key: key.into(), value: "ready".into() };
        assert!(pool("buildkit-preflight.dev/no-process-sandbox").is_written_by_agents("example.org"));
        assert!(pool("example.org/kernel").is_written_by_agents("example.org"));
        assert!(!pool("example.org/kernel").is_written_by_agents("example.com"));
        assert!(!Pool::default().is_written_by_agents(DEFAULT_PREFIX));
        assert!(TAINT_KEY.starts_with(TAINT_PREFIX) && POOL_KEY.starts_with(DEFAULT_PREFIX));
    }
}
