//! By what rules Nodes are read.

use crate::node::{DEFAULT_PREFIX, Node, OWNER_KEY, POOL_KEYS, Pool};
use jiff::Timestamp;
use std::time::Duration;

/// From which age on a heartbeat is too old. An agent writes about once an hour, at the latest after an hour and a quarter, and a
/// request that fails is made again within minutes.
pub const STALE_AFTER: Duration = Duration::from_secs(90 * 60);

/// By what rules a Node is read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The prefix of our labels.
    pub prefix: String,
    /// The labels by which pools are told apart; none for the usual ones.
    pub group_by: Vec<String>,
    /// What time it is.
    pub now: Timestamp,
    /// From which age on a heartbeat is too old.
    pub stale_after: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { prefix: DEFAULT_PREFIX.into(), group_by: Vec::new(), now: Timestamp::UNIX_EPOCH, stale_after: STALE_AFTER }
    }
}

impl Rules {
    /// The labels by which pools are told apart, in their order.
    pub fn keys(&self) -> Vec<String> {
        if self.group_by.is_empty() { POOL_KEYS.map(str::to_owned).to_vec() } else { self.group_by.clone() }
    }

    pub(super) fn pool(&self, node: &Node) -> Option<Pool> {
        if !self.group_by.is_empty() {
            return Pool::by(&self.group_by, node.labels());
        }
        let made_by = || node.machine().owner.filter(|(kind, _)| ["MachineSet", "MachinePool"].contains(kind));
        let owner = || made_by().map(|(_, name)| Pool { key: OWNER_KEY.into(), value: name.to_owned() });
        Pool::by(&POOL_KEYS.map(str::to_owned), node.labels()).or_else(owner)
    }
}
