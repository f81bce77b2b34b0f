//! What of an object stops a builder: one rule for each thing that an object can say, in the order in which a builder would come to it.

mod admission;
mod confinement;
mod finding;
mod node;
mod places;
mod state;
#[cfg(test)]
mod tests;
mod user;

pub use finding::{Finding, Weight};

use super::view::View;

/// A rule looks at a builder's container.
pub(super) type Rule = fn(&View) -> Vec<Finding>;

/// All rules.
pub(super) const RULES: &[Rule] = &[
    admission::annotations,
    admission::contradictions,
    admission::pod_security,
    user::image,
    user::user,
    user::without_rootlesskit,
    user::unprivileged_root,
    confinement::seccomp,
    confinement::apparmor,
    confinement::capabilities,
    confinement::privilege_escalation,
    user::nested_ids,
    places::read_only_root,
    places::variables,
    places::elsewhere,
    state::volume,
    state::flags,
    confinement::masked_proc,
    node::selector,
    node::runtime_class,
    state::advice,
    admission::floating_tag,
];
