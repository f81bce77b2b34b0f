//! A fleet's report for others to see: without names of nodes, pools, clusters and hosts.

use super::model::FleetReport;
use super::sum::NO_POOL;
use super::word::Text;
use crate::fact::Redaction;

impl FleetReport {
    /// Without the names of people's own. One name has one placeholder, in this report and in all else that is redacted with the same
    /// one. All counts stay as they are.
    pub fn redacted(mut self, by: &mut Redaction) -> Self {
        // Names first: texts repeat them.
        for node in &mut self.list {
            node.name = by.node(&node.name).into();
        }
        self.head.cluster = self.head.cluster.map(|cluster| by.host(&cluster));
        self.head.namespace = self.head.namespace.map(|namespace| own(&namespace, by));
        let keys = self.head.group_by.iter_mut().filter(|key| !crate::node::POOL_KEYS.contains(&key.as_str()));
        keys.for_each(|key| *key = by.value(key));
        for pool in &mut self.pools {
            pool.name = pool_name(&pool.name, by);
        }
        for node in &mut self.list {
            node.pool = pool_name(&node.pool, by);
        }
        for profile in &mut self.profiles {
            profile.unlocks.iter_mut().for_each(|unlock| {
                unlock.pool = unlock.pool.take().map(|pool| pool_name(&pool, by));
                unlock.change = by.text(&unlock.change).into();
            });
            profile.causes.iter_mut().for_each(|cause| {
                cause.pools.iter_mut().for_each(|pool| *pool = pool_name(pool, by));
                cause.fix = cause.fix.take().map(|fix| by.text(&fix).into());
            });
        }
        self.head.pods_unknown = self.head.pods_unknown.map(|why| by.text(&why));
        for node in &mut self.list {
            node.silent_text = node.silent_text.take().map(|text| by.text(&text).into());
            for profile in crate::profile::Profile::ALL {
                let standing = node.profiles.get_mut(profile);
                for text in [&mut standing.message, &mut standing.fix, &mut standing.label] {
                    *text = text.take().map(|text| by.text(&text).into());
                }
            }
        }
        self
    }
}

/// The namespace that everybody has says nothing of anybody.
fn own(namespace: &str, by: &mut Redaction) -> String {
    if namespace == crate::node::COMPONENT { namespace.to_owned() } else { by.value(namespace) }
}

/// The key of a pool's label says on which platform it is, and its value is the owner's.
fn pool_name(name: &Text, by: &mut Redaction) -> Text {
    match name.split_once('=') {
        _ if &**name == NO_POOL => name.clone(),
        Some((key, value)) if crate::node::POOL_KEYS.contains(&key) || key == crate::node::OWNER_KEY => {
            format!("{key}={}", by.value(value)).into()
        }
        Some((key, value)) => format!("{}={}", by.value(key), by.value(value)).into(),
        None => by.value(name).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{FleetNode, Head, Standing};
    use super::super::state::{ByProfile, State};
    use super::*;

    #[test]
    fn names_are_replaced_and_counts_stay() {
        let standing = Standing {
            verdict: State::NotReady,
            cause: Some("seccomp".into()),
            message: Some("node ip-10-0-0-1 of acme.example.com is wrong".into()),
            ..Standing::default()
        };
        let node = |name: &str| FleetNode {
            name: name.into(),
            pool: "karpenter.sh/nodepool=secret-pool".into(),
            profiles: ByProfile::of(|_| standing.clone()),
            ..FleetNode::default()
        };
        let head = Head { cluster: Some("prod.acme".into()), group_by: vec!["acme/rack".into()], ..Head::default() };
        let report = FleetReport::new(head, vec![node("ip-10-0-0-1"), node("ip-10-0-0-2")]);
        let counts = report.profiles[0].counts;
        let redacted = report.redacted(&mut Redaction::default());
        let json = serde_json::to_string(&redacted).expect("JSON");
        for name in ["ip-10-0-0", "acme", "secret-pool"] {
            assert!(!json.contains(name), "{name}: {json}");
        }
        assert!(json.contains("karpenter.sh/nodepool=value-2") && json.contains("node node-1 of"), "{json}");
        assert_eq!((redacted.profiles[0].counts, redacted.nodes), (counts, 2));
    }
}
