//! What the default profile's agent says of what it has proven itself.

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
    said
}
