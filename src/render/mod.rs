//! Manifests as text: pure.
//!
//! `manifests/agent` is what [`agent`] gives by default, and `manifests/builder` what [`builder`] gives: the policy, the
//! account's name, the label prefix and the code have one source, and can't disagree.

mod builder;
mod merge;
mod sub_ids;
mod template;

pub use builder::{BUILDER_KUSTOMIZATION, Builder, BuilderOptions, ImageUser, builder, builder_pod};
pub use sub_ids::LEAST_POD_IDS;

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
    /// Whether a second container sets sysctls.
    pub tune: Option<Tune>,
}

/// What the container that sets sysctls may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tune {
    /// Raise limits on namespaces, which takes CAP_SYS_RESOURCE; else it sets kernel.unprivileged_userns_clone alone.
    pub limits: bool,
    /// Write a file of /etc/sysctl.d that sets them again at each boot.
    pub persist: bool,
}

impl Tune {
    fn sections(self) -> Vec<&'static str> {
        [(self.limits, "user"), (self.persist, "persist")].into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect()
    }
}

impl Default for AgentOptions {
    fn default() -> Self {
        AgentOptions {
            namespace: "buildkit-preflight".into(),
            prefix: DEFAULT_PREFIX.into(),
            image: concat!("buildkit-preflight:", env!("CARGO_PKG_VERSION")).into(),
            tune: None,
        }
    }
}

const AGENT: [(&str, &str); 4] = [
    ("namespace.yaml", include_str!("agent/namespace.yaml")),
    ("rbac.yaml", include_str!("agent/rbac.yaml")),
    ("policy.yaml", include_str!("agent/policy.yaml")),
    ("daemonset.yaml", include_str!("agent/daemonset.yaml")),
];

const TUNE: &str = include_str!("agent/tune.yaml");

/// The overlays of `manifests/overlays` that let the agent's pod set sysctls.
pub const TUNE_OVERLAYS: [(&str, Tune); 3] = [
    ("tune", Tune { limits: true, persist: false }),
    ("tune-kernel", Tune { limits: false, persist: false }),
    ("tune-persist", Tune { limits: true, persist: true }),
];

/// One of these overlays, for kustomize, by file.
pub fn tune_overlay(tune: Tune) -> [(&'static str, String); 2] {
    let options = AgentOptions::default();
    [("kustomization.yaml", include_str!("agent/tune-kustomization.yaml").to_owned()), ("tune.yaml", patch(&options, tune))]
}

/// The patch of the DaemonSet.
fn patch(options: &AgentOptions, tune: Tune) -> String {
    let values = [("namespace", options.namespace.clone()), ("image", options.image.clone())];
    template::fill(TUNE, &values, &tune.sections())
}

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
    let files = AGENT.iter().map(|(file, template)| (*file, template::fill(template, &values, &[])));
    files
        .map(|(file, text)| match options.tune {
            Some(tune) if file == "daemonset.yaml" => (file, patched(&text, &patch(options, tune))),
            _ => (file, text),
        })
        .collect()
}

/// A manifest with a patch applied. Comments do not survive it.
fn patched(manifest: &str, patch: &str) -> String {
    let read = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap_or_default();
    let mut object = read(manifest);
    merge::merge(&mut object, &read(patch));
    serde_saphyr::to_string(&object).unwrap_or_default()
}

/// The list of those files, for kustomize.
pub const AGENT_KUSTOMIZATION: &str = include_str!("agent/kustomization.yaml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled_and_every_choice_has_its_place() {
        let options =
            AgentOptions { namespace: "builds".into(), prefix: "nodes.example.org".into(), image: "r.example/p:2".into(), tune: None };
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
