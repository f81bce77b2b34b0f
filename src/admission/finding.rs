//! What stands in a pod's way, as it was met.

use super::compare::Change;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pod becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// It is made as it is.
    Accepted,
    /// It is made, but not as it is.
    Changed,
    /// It is not made.
    Refused,
    /// Nobody can tell.
    Unknown,
}

/// What stands between a pod and the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantArray)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Obstacle {
    /// A field was dropped since a feature gate of the API server is off.
    FeatureGate,
    /// A field was changed, dropped or added by a webhook or a policy.
    ChangedField,
    /// The API server calls it invalid.
    Validation,
    /// The Pod Security level of the namespace.
    PodSecurity,
    /// An admission webhook that refused, or did not answer.
    Webhook,
    /// A ValidatingAdmissionPolicy or MutatingAdmissionPolicy.
    AdmissionPolicy,
    /// A ResourceQuota.
    Quota,
    /// A LimitRange.
    LimitRange,
    /// OpenShift's security context constraints.
    SecurityContextConstraint,
    /// The namespace has no service account `default`.
    ServiceAccount,
    /// Something else that admits pods.
    Admission,
    /// The namespace is not there, or ends.
    NamespaceMissing,
    /// The asking user may not make pods.
    NoRight,
    /// A webhook takes no dry runs.
    NoDryRun,
}

impl Obstacle {
    /// All of them.
    pub const ALL: &'static [Obstacle] = <Obstacle as strum::VariantArray>::VARIANTS;

    /// The id: `pod-security`.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// What it does to a pod, in half a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Obstacle::FeatureGate => "the API server drops a field of the builder's pod",
            Obstacle::ChangedField => "the builder's pod is changed on admission",
            Obstacle::Validation => "the API server rejects the builder's pod as invalid",
            Obstacle::PodSecurity => "Pod Security refuses the builder's pod",
            Obstacle::Webhook => "a webhook refuses the builder's pod",
            Obstacle::AdmissionPolicy => "an admission policy refuses the builder's pod",
            Obstacle::Quota => "a quota leaves no room for the builder's pod",
            Obstacle::LimitRange => "a LimitRange refuses the builder's pod",
            Obstacle::SecurityContextConstraint => "no security context constraint allows the builder's pod",
            Obstacle::ServiceAccount => "the namespace has no service account for the builder's pod",
            Obstacle::Admission => "the API server refuses the builder's pod",
            Obstacle::NamespaceMissing => "the namespace does not exist",
            Obstacle::NoRight => "you may not create pods in the namespace",
            Obstacle::NoDryRun => "a webhook does not support dry runs",
        }
    }

    /// Whether the pod could be made all the same.
    pub fn tells_nothing(self) -> bool {
        matches!(self, Obstacle::NamespaceMissing | Obstacle::NoRight | Obstacle::NoDryRun)
    }
}

/// One obstacle, as it was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind.
    pub obstacle: Obstacle,
    /// Who it was: a webhook's, policy's or quota's name, a Pod Security level.
    pub by: Option<String>,
    /// The field that did not come back as it was sent.
    pub change: Option<Change>,
    /// The feature gate that a dropped field hangs on.
    pub gate: Option<String>,
    /// What was seen, in its own words where somebody refused.
    pub message: String,
    /// What would remove it.
    pub fix: Option<String>,
}

/// The first obstacle in half a sentence, with all who stand for it: `Pod Security refuses the builder's pod (baseline)`.
pub fn title(findings: &[Finding]) -> Option<String> {
    let first = findings.first()?.obstacle;
    let names =
        findings.iter().filter(|finding| finding.obstacle == first).filter_map(|finding| finding.by.as_ref().or(finding.gate.as_ref()));
    let names = names.map(String::as_str).collect::<Vec<_>>().join(", ");
    Some(if names.is_empty() { first.title().to_owned() } else { format!("{} ({names})", first.title()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_serde_writes_and_unique() {
        let mut ids: Vec<_> = Obstacle::ALL.iter().map(|obstacle| obstacle.id()).collect();
        for &obstacle in Obstacle::ALL {
            assert_eq!(serde_json::to_value(obstacle).expect("a string"), obstacle.id());
            assert!(!obstacle.title().is_empty());
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Obstacle::ALL.len());
    }
}
