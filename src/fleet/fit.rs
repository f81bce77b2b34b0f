//! Whether somebody's builder works on a node: whether it comes there, and what the node's labels say of its shape.

use super::matching::mismatch;
use super::obstacle::said;
use super::placement::Standing;
use super::runtime_class::RuntimeClass;
use crate::node::View;
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// What a node is to a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// It comes there, and builds work.
    Fits,
    /// It does not come there, or builds fail.
    DoesNotFit,
    /// A label or a proof is missing.
    Unknown,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fit::Fits => "fits",
            Fit::DoesNotFit => "does not fit",
            Fit::Unknown => "unknown",
        })
    }
}

/// A node, and what it is to a builder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeFit {
    /// The node's name.
    pub node: String,
    /// What it is.
    pub fit: Fit,
    /// Why; null where it fits.
    pub why: Option<String>,
}

/// What a node is to a builder whose pod has this spec. `class` is the one that the spec names. `profile` is the one whose shape is the
/// closest. `needs` are the ids of what the object leaves to the node, of which that profile proves nothing.
pub fn fit(node: &View, spec: &Value, class: Option<&RuntimeClass>, profile: Profile, needs: &[&str]) -> NodeFit {
    let os = node.scheduling.labels.get("kubernetes.io/os").filter(|os| *os != "linux");
    let (fit, why) = match (mismatch(node, spec), os, class) {
        (Some(why), ..) => (Fit::DoesNotFit, Some(why)),
        (_, Some(os), _) => (Fit::DoesNotFit, Some(format!("its kubernetes.io/os is {os}: BuildKit's images are of Linux"))),
        (_, _, Some(class)) => match class.obstacle(node, spec["hostUsers"] == false) {
            Some(why) => (Fit::DoesNotFit, Some(why)),
            None => (Fit::Unknown, Some(class.unproven())),
        },
        _ => standing(node, profile, needs),
    };
    NodeFit { node: node.name.clone(), fit, why }
}

fn standing(node: &View, profile: Profile, needs: &[&str]) -> (Fit, Option<String>) {
    let id = profile.id();
    let (fit, why) = match Standing::of(node, profile, None) {
        Standing::Ready if needs.is_empty() => return (Fit::Fits, None),
        Standing::Ready => (
            Fit::Unknown,
            format!("its label {id}=ready proves a pod that leaves nothing to the node, and this one leaves {}", needs.join(", ")),
        ),
        Standing::Unproven => (
            Fit::Unknown,
            format!(
                "nothing is known against {id}, and no pod has proven it: its canary can (`buildkit-preflight render agent --canary {id}`)"
            ),
        ),
        Standing::NotReady => (Fit::DoesNotFit, format!("its label {id} says not-ready: {}", said(node, profile))),
        Standing::Unknown => (Fit::Unknown, format!("its label {id} does not say ready: {}", said(node, profile))),
        Standing::Candidate => {
            (Fit::Unknown, format!("no pod has proven {id} there: deploy its canary (`buildkit-preflight render agent --canary {id}`)"))
        }
        Standing::NoCandidate => (Fit::DoesNotFit, format!("a pod of {id} would not start there, by what the kubelet says")),
        Standing::FewIds => (Fit::DoesNotFit, "its pods get fewer IDs than are needed".into()),
        Standing::Silent => (Fit::Unknown, "it has none of our labels: no agent has answered there".into()),
    };
    (fit, Some(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::DEFAULT_PREFIX;
    use serde_json::json;

    #[test]
    fn a_node_fits_where_the_pod_comes_and_its_shape_is_proven() {
        use Profile::{NoProcessSandbox, ProcMount, Rootful};
        let ready = &[("no-process-sandbox", "ready"), ("rootful", "unknown"), ("procmount-candidate", "true")][..];
        for (labels, spec, profile, needs, fit, why) in [
            (ready, json!({}), NoProcessSandbox, &[][..], Fit::Fits, ""),
            (ready, json!({"nodeName": "m"}), NoProcessSandbox, &[], Fit::DoesNotFit, "spec.nodeName"),
            (ready, json!({}), NoProcessSandbox, &["seccomp"], Fit::Unknown, "leaves seccomp"),
            (ready, json!({}), Rootful, &[], Fit::Unknown, "no pod has proven it"),
            (ready, json!({}), ProcMount, &[], Fit::Unknown, "--canary procmount"),
            (
                &[("no-process-sandbox", "not-ready"), ("cause", "userns-max-0")],
                json!({}),
                NoProcessSandbox,
                &["seccomp"],
                Fit::DoesNotFit,
                "the cause is userns-max-0",
            ),
            (&[("no-process-sandbox", "unknown")], json!({}), NoProcessSandbox, &[], Fit::Unknown, "does not say ready"),
            (&[("no-process-sandbox", "ready")], json!({}), ProcMount, &[], Fit::DoesNotFit, "by what the kubelet says"),
            (&[], json!({}), NoProcessSandbox, &[], Fit::Unknown, "no agent has answered"),
        ] {
            let labels: serde_json::Map<_, _> =
                labels.iter().map(|(key, value)| (format!("{DEFAULT_PREFIX}/{key}"), json!(value))).collect();
            let object = json!({"metadata": {"name": "n", "uid": "u", "labels": labels}});
            let node = View::new(serde_json::from_value(object).expect("a node"), DEFAULT_PREFIX);
            let seen = super::fit(&node, &spec, None, profile, needs);
            assert_eq!(seen.fit, fit, "{seen:?}");
            assert!(seen.why.clone().unwrap_or_default().contains(why), "{seen:?}");
        }
        let windows = json!({"metadata": {"name": "w", "uid": "u", "labels": {"kubernetes.io/os": "windows"}}});
        let node = View::new(serde_json::from_value(windows).expect("a node"), DEFAULT_PREFIX);
        assert_eq!(super::fit(&node, &json!({}), None, NoProcessSandbox, &[]).fit, Fit::DoesNotFit);
    }
}
