use super::canary::is_candidate;
use super::tuned;
use crate::check::{Evidence, Ready, Verdict, procmount_support};
use crate::fact::{Fact, Facts};
use crate::node::Key;
use crate::node::Node;
use crate::profile::Profile;
use std::collections::BTreeMap;

/// The least evidence on which `ready` is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// The probe ran in the builder's pod shape: what the contract says.
    Proven,
    /// It ran anywhere: for an agent that stands outside of a pod.
    Probed,
}

impl Accept {
    /// What is published of a verdict: a `ready` that nobody has seen is not one.
    pub(super) fn of(self, verdict: &Verdict) -> Ready {
        match (verdict.ready(), verdict.evidence, self) {
            (Ready::Ready, Evidence::Predicted, _) | (Ready::Ready, Evidence::Probed, Accept::Proven) => Ready::Unknown,
            (ready, ..) => ready,
        }
    }
}

/// All labels that the default profile's agent owns. `node` is what stands there now.
pub(super) fn labels(facts: &Facts, verdicts: &[Verdict], accept: Accept, node: &Node, prefix: &str) -> BTreeMap<Key, String> {
    let mut labels = BTreeMap::new();
    let mut put = |key: Key, value: Option<String>| labels.extend(value.and_then(|value| as_value(&value)).map(|value| (key, value)));
    for verdict in verdicts {
        match verdict.profile {
            Profile::NoProcessSandbox => {
                let published = accept.of(verdict);
                put(Key::Verdict(verdict.profile), Some(published.id().into()));
                put(Key::Snapshotter, verdict.snapshotter().map(|snapshotter| snapshotter.to_string()));
                put(Key::Cause, verdict.decisive().filter(|_| published == Ready::NotReady).map(|cause| cause.id().to_owned()));
            }
            // No canary proves these.
            Profile::Privileged | Profile::Rootful => {
                put(Key::Verdict(verdict.profile), Some(Accept::Proven.of(verdict).id().into()));
            }
            // Whether they work, their canaries tell; this is where those are sent.
            Profile::ProcMount | Profile::Userns => {
                if let Some(key) = Key::candidate(verdict.profile) {
                    put(key, is_candidate(facts, verdict).then(|| "true".into()));
                }
            }
        }
    }
    put(Key::ProcmountRuntime, Some(procmount_support(facts).to_string()));
    let os = facts.os.known();
    put(Key::Distro, os.map(|os| os.id.clone()));
    put(Key::DistroVersion, os.and_then(|os| os.version_id.clone()));
    put(Key::Kernel, facts.kernel.known().map(|kernel| format!("{}.{}", kernel.version().0, kernel.version().1)));
    put(
        Key::UnprivilegedUsernsClone,
        match &facts.sysctls.unprivileged_userns_clone {
            Fact::Known(value) => Some(value.to_string()),
            Fact::Absent => Some("absent".into()),
            Fact::Denied(_) | Fact::Failed(_) => None,
        },
    );
    put(Key::Tuned, tuned::label(facts, node, prefix).then(|| "true".into()));
    labels
}

/// Makes a label's value of a text: at most 63 letters, digits, `-`, `_` and `.`, the ends letters or digits
/// (k8s.io/apimachinery, IsValidLabelValue). Versions may hold `+` and `:`.
fn as_value(text: &str) -> Option<String> {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let cut: String = text.chars().map(safe).take(63).collect();
    let trimmed = cut.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_that_kubernetes_takes() {
        for (text, value) in [("24.04", Some("24.04")), ("2.1.4+x:y", Some("2.1.4-x-y")), ("_a_", Some("a")), ("", None), ("+", None)] {
            assert_eq!(as_value(text).as_deref(), value, "{text}");
        }
        let long = as_value(&"x.".repeat(60)).expect("a value");
        assert!(long.len() <= 63 && long.ends_with('x'));
    }
}
