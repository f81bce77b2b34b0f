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

/// Whether a text can be the prefix of our labels.
///
/// # Errors
/// What is wrong with it.
pub fn check_prefix(text: &str) -> Result<(), String> {
    if !text.contains('.') || text.len() > 253 || !text.split('.').all(is_dns_label) {
        return Err("not a domain such as buildkit-preflight.dev: lower case letters, digits, `-` and `.`".into());
    }
    if ["kubernetes.io", "k8s.io"].iter().any(|reserved| text == *reserved || text.ends_with(&format!(".{reserved}"))) {
        return Err("kubernetes.io and k8s.io belong to Kubernetes: take a domain of your own".into());
    }
    Ok(())
}

/// Whether a text can be a namespace's name.
///
/// # Errors
/// What is wrong with it.
pub fn check_namespace(text: &str) -> Result<(), String> {
    if !is_dns_label(text) {
        return Err("not a namespace's name: at most 63 lower case letters, digits and `-`".into());
    }
    if text == "default" || text.starts_with("kube-") {
        return Err("the agent needs a namespace of its own, which is made, relabelled and deleted with it".into());
    }
    Ok(())
}

/// Whether a text can be an image's reference. What Kubernetes makes of it, the runtime says.
///
/// # Errors
/// What is wrong with it.
pub fn check_image(text: &str) -> Result<(), String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-._/:@".contains(c);
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if text.chars().all(known) && ends(text.chars().next()) && ends(text.chars().last()) {
        Ok(())
    } else {
        Err("not an image's reference, such as registry.example/buildkit-preflight:1.0".into())
    }
}

/// RFC 1123.
fn is_dns_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = |c: Option<char>| c.is_some_and(inner);
    label.len() <= 63 && label.chars().all(|c| inner(c) || c == '-') && ends(label.chars().next()) && ends(label.chars().last())
}

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

    #[test]
    fn bad_choices_are_refused() {
        for prefix in ["", "Example.org", "kubernetes.io", "x.k8s.io", "example", "-a.org", "a.org/", "a\".org"] {
            assert!(check_prefix(prefix).is_err(), "{prefix}");
        }
        for image in ["", "a b", "a\nb: c", "a#b", "/a", "a:"] {
            assert!(check_image(image).is_err(), "{image:?}");
        }
        assert!(check_namespace("kube-system").is_err() && check_namespace("default").is_err());
        assert!(check_namespace("Kube").is_err() && check_namespace(&"a".repeat(64)).is_err());
        let default = AgentOptions::default();
        assert!(
            check_prefix(&default.prefix).is_ok() && check_image(&default.image).is_ok() && check_namespace(&default.namespace).is_ok()
        );
        assert!(check_image("10.0.0.1:5000/a/b@sha256:0123").is_ok());
    }
}
