//! Pools in which nodes are made one after the other, and none of them can build.

use crate::check::Ready;
use crate::node::{Key, Pool, View};
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// So many of the newest nodes of a pool, all proven not to run builders, are no accident. One may be broken, and a second one may
/// come from the same machine; a third one says that the pool's nodes are so, and that an autoscaler would make more of them.
pub const IN_A_ROW: usize = 3;

/// A pool whose newest nodes are all proven not to run builders of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BarrenPool {
    /// The label that names it, as KEY=VALUE.
    pub label: String,
    /// Its newest nodes, the newest first.
    pub nodes: Vec<String>,
}

/// The pools whose [`IN_A_ROW`] newest nodes are all proven not to run builders of the profile, by the word of our agents.
pub(super) fn barren(nodes: &[View], profile: Profile) -> Vec<BarrenPool> {
    let mut pools: BTreeMap<&Pool, Vec<&View>> = BTreeMap::new();
    for node in nodes {
        if let Some(pool) = &node.pool {
            pools.entry(pool).or_default().push(node);
        }
    }
    let is_barren = |node: &&View| node.verdict(profile) == Some(Ready::NotReady) && !node.stray_labels.contains(&Key::Verdict(profile));
    let newest = |(pool, mut nodes): (&Pool, Vec<&View>)| {
        // Times in RFC 3339 are in the order of their texts.
        nodes.sort_by_key(|node| (Reverse(node.created.as_deref()), node.name.as_str()));
        nodes.truncate(IN_A_ROW);
        let all = nodes.len() == IN_A_ROW && nodes.iter().all(is_barren);
        all.then(|| BarrenPool { label: pool.to_string(), nodes: nodes.iter().map(|node| node.name.clone()).collect() })
    };
    pools.into_iter().filter_map(newest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, pool: Option<&str>, created: u32, verdict: &str) -> View {
        let key = Key::Verdict(Profile::NoProcessSandbox);
        View {
            name: name.into(),
            pool: pool.map(|value| Pool { value: value.into(), ..Pool::default() }),
            created: Some(format!("2026-01-01T00:00:{created:02}Z")),
            ours: [(key, verdict.to_owned())].into(),
            ..View::default()
        }
    }

    /// Each as the value of its label, and its nodes.
    fn found(nodes: &[View]) -> Vec<(String, String)> {
        let pools = barren(nodes, Profile::NoProcessSandbox);
        let value = |label: &str| label.strip_prefix("buildkit-preflight.dev/pool=").expect("the label").to_owned();
        pools.into_iter().map(|barren| (value(&barren.label), barren.nodes.join(" "))).collect()
    }

    #[test]
    fn a_pool_is_barren_where_its_newest_nodes_are() {
        let of = |verdicts: [&str; 4]| {
            let names = ["a", "b", "c", "d"];
            (1..).zip(names.into_iter().zip(verdicts)).map(|(at, (name, verdict))| node(name, Some("x"), at, verdict)).collect::<Vec<_>>()
        };
        let mut nodes = of(["ready", "not-ready", "not-ready", "not-ready"]);
        assert_eq!(found(&nodes), [("x".to_owned(), "d c b".to_owned())]);
        nodes.reverse();
        assert_eq!(found(&nodes), [("x".to_owned(), "d c b".to_owned())], "in whatever order they are listed");
        for verdicts in [
            ["not-ready", "not-ready", "not-ready", "ready"],
            ["not-ready", "not-ready", "unknown", "not-ready"],
            ["not-ready", "ready", "not-ready", "not-ready"],
        ] {
            assert_eq!(found(&of(verdicts)), [], "{verdicts:?}");
        }
        assert_eq!(found(&of(["not-ready"; 4])[..2]), [], "too few to tell");
    }

    #[test]
    fn each_pool_is_looked_at_by_itself_and_only_our_word_counts() {
        let bad = |name: &str, pool: Option<&str>, at| node(name, pool, at, "not-ready");
        let mut nodes = vec![bad("a", Some("x"), 1), bad("b", Some("y"), 2), bad("c", Some("x"), 3), bad("d", None, 4), bad("e", None, 5)];
        nodes.extend([bad("f", None, 6), bad("g", Some("x"), 7)]);
        assert_eq!(found(&nodes), [("x".to_owned(), "g c a".to_owned())]);
        nodes[0].stray_labels.insert(Key::Verdict(Profile::NoProcessSandbox));
        assert_eq!(found(&nodes), []);
    }
}
