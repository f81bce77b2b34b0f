//! What autoscalers and node-readiness-controller are told of a pool of nodes for builders.

use super::Error;
use super::template::Templates;
use crate::node::{ConditionType, Pool, TAINT_KEY, TAINT_PREFIX, TAINT_VALUE};
use crate::profile::Profile;
use minijinja::{Value, context};

/// The object of a cloud that describes its machines, to which a NodePool refers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeClass {
    /// The API group: `karpenter.k8s.aws`.
    pub group: String,
    /// The kind: `EC2NodeClass`.
    pub kind: String,
    /// The object's name.
    pub name: String,
}

/// A NodeReadinessRule of node-readiness-controller: the taint stays until the profile's condition is true.
///
/// # Errors
/// Says which template is wrong.
pub fn readiness_rule(name: &str, profile: Profile, pool: &Pool) -> Result<String, Error> {
    let values = context! { name, profile => profile.id(), condition => ConditionType::of(profile).name(), ..about(pool) };
    Templates::new()?.manifest("scaling/readiness-rule.yaml", &values)
}

/// A NodePool of Karpenter.
///
/// # Errors
/// Says which template is wrong.
pub fn karpenter(name: &str, pool: &Pool, class: &NodeClass, max_nodes: u32) -> Result<String, Error> {
    let NodeClass { group, kind, name: of } = class;
    // A quantity: a text, as the API server gives it back.
    let values = context! { name, class => context! { group, kind, name => of }, max_nodes => max_nodes.to_string(), ..about(pool) };
    Templates::new()?.manifest("scaling/karpenter.yaml", &values)
}

/// What cluster-autoscaler has to be told.
///
/// # Errors
/// Says which template is wrong.
pub fn cluster_autoscaler(pool: &Pool) -> Result<String, Error> {
    let values = context! {
        azure => context! { label => azure_tag(&pool.key), taint => azure_tag(TAINT_KEY) },
        taint_prefix => TAINT_PREFIX,
        ..about(pool)
    };
    Templates::new()?.manifest("scaling/cluster-autoscaler.yaml", &values)
}

/// The pool and its taint.
fn about(pool: &Pool) -> Value {
    let Pool { key, value } = pool;
    context! { pool => context! { key, value, whole => pool.to_string() }, taint => context! { key => TAINT_KEY, value => TAINT_VALUE } }
}

/// A key as part of the name of a tag, which can't have a slash.
fn azure_tag(key: &str) -> String {
    key.replace('_', "~2").replace('/', "_")
}

#[cfg(test)]
mod tests;
