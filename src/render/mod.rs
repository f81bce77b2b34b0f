//! Manifests as text: pure.
//!
//! `manifests/agent` is what [`agent`] gives by default: the policy, the account's name, the label prefix and the
//! code have one source, and can't disagree.

use crate::check::Profile;
use crate::publish::{ConditionType, DEFAULT_PREFIX, Key, MESSAGE_BYTES, REFUSAL, manager};

/// The agent's service account.
const ACCOUNT: &str = "agent";

/// The profiles that an agent proves, each with a field manager of its own.
const PROVERS: [Profile; 3] = [Profile::NoProcessSandbox, Profile::ProcMount, Profile::Userns];

/// What a user may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentOptions {
    /// Where the agent lives.
    pub namespace: String,
    /// The prefix of the labels.
    pub prefix: String,
    /// The agent's image.
    pub image: String,
}

impl Default for AgentOptions {
    fn default() -> Self {
        AgentOptions {
            namespace: "buildkit-preflight".into(),
            prefix: DEFAULT_PREFIX.into(),
            image: concat!("buildkit-preflight:", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

const AGENT: [(&str, &str); 4] = [
    ("namespace.yaml", include_str!("agent/namespace.yaml")),
    ("rbac.yaml", include_str!("agent/rbac.yaml")),
    ("policy.yaml", include_str!("agent/policy.yaml")),
    ("daemonset.yaml", include_str!("agent/daemonset.yaml")),
];

/// The agent's manifests, by file.
pub fn agent(options: &AgentOptions) -> Vec<(&'static str, String)> {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let values = [
        ("namespace", options.namespace.clone()),
        ("prefix", options.prefix.clone()),
        ("image", options.image.clone()),
        ("account", ACCOUNT.to_owned()),
        ("labels", quoted(&Key::ALL.map(Key::name))),
        ("conditions", quoted(&ConditionType::ALL.map(ConditionType::name))),
        ("managers", quoted(&PROVERS.map(manager).each_ref().map(String::as_str))),
        ("refusal", REFUSAL.to_owned()),
        ("message-bytes", MESSAGE_BYTES.to_string()),
    ];
    let fill =
        |template: &str| values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value));
    AGENT.iter().map(|(file, template)| (*file, fill(template))).collect()
}

/// The list of those files, for kustomize.
pub const AGENT_KUSTOMIZATION: &str = include_str!("agent/kustomization.yaml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled_and_every_choice_has_its_place() {
        let options = AgentOptions { namespace: "builds".into(), prefix: "nodes.example.org".into(), image: "r.example/p:2".into() };
        let text: String = agent(&options).into_iter().map(|(_, text)| text).collect();
        assert!(!text.contains("{{") && !text.contains("buildkit-preflight.dev"));
        for (what, times) in [
            ("system:serviceaccount:builds:agent", 2),
            ("namespace: builds\n", 5),
            ("image: r.example/p:2\n", 1),
            ("--label-prefix=nodes.example.org", 1),
            ("\"nodes.example.org/\"", 1),
        ] {
            assert_eq!(text.matches(what).count(), times, "{what}");
        }
    }
}
