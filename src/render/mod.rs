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

use crate::node::{ConditionType, DEFAULT_PREFIX, Key, MESSAGE_BYTES, REFUSAL, manager};
use crate::profile::Profile;

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
    /// The profiles that get a canary.
    pub canaries: Vec<Profile>,
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
            // Without a privileged container.
            canaries: vec![Profile::ProcMount],
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
const CANARY: &str = include_str!("agent/canary.yaml");
/// The service account's token, for one container of a pod alone.
const TOKEN_VOLUME: &str = include_str!("agent/token-volume.yaml");

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

/// The overlay that adds a canary of the profile `userns`, by file.
pub fn userns_overlay() -> [(&'static str, String); 3] {
    let options = AgentOptions::default();
    [
        ("kustomization.yaml", include_str!("agent/userns-kustomization.yaml").to_owned()),
        ("agent.yaml", template::fill(include_str!("agent/userns-patch.yaml"), &values(&options), &[])),
        ("canary-userns.yaml", canary(&options, Profile::Userns)),
    ]
}

/// The patch of the DaemonSet.
fn patch(options: &AgentOptions, tune: Tune) -> String {
    template::fill(TUNE, &values(options), &tune.sections())
}

/// What all of the agent's manifests are filled in with.
fn values(options: &AgentOptions) -> Vec<(&'static str, String)> {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    vec![
        ("namespace", options.namespace.clone()),
        ("prefix", options.prefix.clone()),
        ("image", options.image.clone()),
        ("account", ACCOUNT.to_owned()),
        ("labels", quoted(&Key::ALL.map(Key::name))),
        ("conditions", quoted(&ConditionType::ALL.map(ConditionType::name))),
        ("managers", quoted(&PROVERS.map(manager).each_ref().map(String::as_str))),
        ("refusal", REFUSAL.to_owned()),
        ("message-bytes", MESSAGE_BYTES.to_string()),
        ("canaries", options.canaries.iter().map(|profile| profile.id()).collect::<Vec<_>>().join(",")),
        ("token-volume", TOKEN_VOLUME.trim_end().to_owned()),
    ]
}

/// The canary of a profile: an agent in the shape of its builder.
fn canary(options: &AgentOptions, profile: Profile) -> String {
    let user = ImageUser::default();
    // A range that fits: the shares of a pod and the ID of the user are fixed here.
    let ranges = sub_ids::ranges(LEAST_POD_IDS, user.uid).unwrap_or_default();
    let lines = ranges.iter().map(|range| format!("    {}:{range}", user.name)).collect::<Vec<_>>().join("\n");
    let mut values = values(options);
    values.extend([("profile", profile.id().to_owned()), ("ids", LEAST_POD_IDS.to_string()), ("sub-ids", lines)]);
    template::fill(CANARY, &values, &[profile.id()])
}

/// The agent's manifests, by file.
pub fn agent(options: &AgentOptions) -> Vec<(&'static str, String)> {
    let values = values(options);
    let on: &[&str] = if options.canaries.is_empty() { &[] } else { &["canaries"] };
    let files = AGENT.iter().map(|(file, template)| (*file, template::fill(template, &values, on)));
    let files = files.map(|(file, text)| match options.tune {
        Some(tune) if file == "daemonset.yaml" => (file, patched(&text, &patch(options, tune))),
        _ => (file, text),
    });
    let canaries = [("canary-procmount.yaml", Profile::ProcMount), ("canary-userns.yaml", Profile::Userns)];
    let canaries = canaries.into_iter().filter(|(_, profile)| options.canaries.contains(profile));
    files.chain(canaries.map(|(file, profile)| (file, canary(options, profile)))).collect()
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
        let options = AgentOptions {
            namespace: "builds".into(),
            prefix: "nodes.example.org".into(),
            image: "r.example/p:2".into(),
            tune: Some(Tune { limits: true, persist: true }),
            canaries: Profile::CANARIES.to_vec(),
        };
        let text: String = agent(&options).into_iter().map(|(_, text)| text).collect();
        assert!(!text.contains("{{") && !text.contains("buildkit-preflight.dev"));
        for (what, times) in [
            ("system:serviceaccount:builds:agent", 2),
            ("namespace: builds\n", 11),
            ("image: r.example/p:2\n", 5),
            ("--label-prefix=nodes.example.org", 3),
            ("key: nodes.example.org/procmount-candidate\n", 1),
            ("value: procmount,userns\n", 1),
            ("user:1:999\n    user:1001:64535\n", 2),
            ("\"nodes.example.org/\"", 1),
        ] {
            assert_eq!(text.matches(what).count(), times, "{what}");
        }
    }

    /// The pod template of one of the agent's manifests.
    fn pod(files: &[(&str, String)], file: &str) -> serde_json::Value {
        let text = &files.iter().find(|(name, _)| *name == file).expect("a file").1;
        let daemon_set = text.split("---\n").last().expect("a DaemonSet");
        serde_saphyr::from_str::<serde_json::Value>(daemon_set).expect("YAML")["spec"]["template"]["spec"].take()
    }

    #[test]
    fn a_canary_has_the_shape_of_its_builder() {
        let files = agent(&AgentOptions { canaries: Profile::CANARIES.to_vec(), ..AgentOptions::default() });
        for (profile, file, number) in [(Profile::ProcMount, "canary-procmount.yaml", 0), (Profile::Userns, "canary-userns.yaml", 1)] {
            let builder = builder_pod(&BuilderOptions { profile, ..BuilderOptions::default() }).expect("a pod");
            let (builder, canary) = (&builder["spec"], pod(&files, file));
            for field in ["hostUsers", "hostPID", "hostIPC", "hostNetwork", "shareProcessNamespace"] {
                assert_eq!(canary[field], builder[field], "{profile} {field}");
            }
            let container = &canary["containers"][number];
            let mut security = container["securityContext"].clone();
            security.as_object_mut().expect("an object").remove("readOnlyRootFilesystem");
            assert_eq!(security, builder["containers"][0]["securityContext"], "{profile}");
            let paths = |container: &serde_json::Value| -> Vec<String> {
                let mounts = container["volumeMounts"].as_array().expect("mounts").iter();
                mounts.filter_map(|mount| mount["mountPath"].as_str().map(str::to_owned)).collect()
            };
            let (has, wanted) = (paths(container), paths(&builder["containers"][0]));
            assert!(wanted.iter().all(|path| has.contains(path)), "{profile}: {has:?}, {wanted:?}");
            let volumes = canary["volumes"].as_array().expect("volumes");
            assert!(volumes.iter().all(|volume| volume["hostPath"].is_null()), "{profile}: no host path");
            assert!(!has.iter().any(|path| path.contains("serviceaccount")), "{profile}: the privileged one has no token");
            assert_eq!(canary["automountServiceAccountToken"], profile == Profile::ProcMount, "{profile}");
        }
    }
}
