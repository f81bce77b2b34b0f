//! What the default profile's agent says of what it has proven itself, and of what no pod proves.

use super::accept::Accept;
use super::said::Said;
use super::verdict::{Verdicts, condition};
use crate::check::Ready;
use crate::fact::Facts;
use crate::node::{ConditionType, Key};

/// The note is what the condition says after the verdict.
pub(super) fn say(facts: &Facts, verdicts: &Verdicts, accept: Accept, note: &str) -> Said {
    let mut said = Said::default();
    let own = &verdicts.own;
    let published = accept.of(own);
    said.verdict(own.profile, published);
    said.label(Key::Snapshotter, own.snapshotter().map(|snapshotter| snapshotter.to_string()));
    said.label(Key::Cause, own.decisive().filter(|_| published == Ready::NotReady).map(|cause| cause.id()));
    said.conditions.push(condition(ConditionType::RootlessBuildKit, facts, own, accept, note));
    // Nobody proves these, so nobody calls one ready. Whoever can only ask for a label that is there asks for the other one.
    for verdict in verdicts.others.iter().filter(|verdict| !verdict.profile.is_proven_by_a_pod()) {
        let published = Accept::Proven.of(verdict);
        said.verdict(verdict.profile, published);
        said.label(Key::Candidate(verdict.profile), (published != Ready::NotReady).then_some("true"));
    }
    said
}
