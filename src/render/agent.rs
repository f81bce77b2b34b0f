//! The agent's manifests.

use super::image::AGENT_IMAGE;
use super::localhost::Localhost;
use super::shape::{prover, publisher, security};
use super::template::Templates;
use super::{Error, ImageUser, LEAST_POD_IDS, sub_ids};
use crate::fact::TUNED_FILE;
use crate::node::{COMPONENT, ConditionType, DEFAULT_PREFIX, Key, MESSAGE_BYTES, OBEYED, REASON_BYTES, Rule, manager};
use crate::profile::{AGENT_PORT, Profile, Shape};
use crate::publish::Topic;
use minijinja::{Value, context};
use std::collections::BTreeMap;

/// The agent's service account.
const ACCOUNT: &str = "agent";

/// Where the two containers of a canary meet, if it has two.
const PROVER_SOCKET: &str = "/run/buildkit-preflight/prover.sock";

/// Where node-feature-discovery reads features that others write.
const FEATURES_DIR: &str = "/etc/kubernetes/node-feature-discovery/features.d";

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
    /// Whether it writes features for node-feature-discovery in the place of Nodes: one that does has no right, no canary and no `tune`.
    pub nfd: bool,
    /// The profiles that get a canary: by default `procmount` alone. That of `baseline` is one pod more on each node. Those of `userns`,
    /// `privileged` and `rootful` have a privileged container.
    pub canaries: Vec<Profile>,
    /// Whether it goes to a namespace where Pod Security enforces its level *baseline*: the canary is that of `baseline` alone.
    pub baseline: bool,
    /// Profiles of the node's own that confine pods of the profile `baseline`.
    pub localhost: Localhost,
}

impl AgentOptions {
    /// The profiles that get a canary there.
    fn admitted(&self) -> &[Profile] {
        if self.baseline { &[Profile::Baseline] } else { &self.canaries }
    }

    /// The shape of a container that proves a profile. The agent itself has no profile of the node's own: it would not start where that
    /// is missing.
    fn prover(&self, profile: Profile) -> Shape {
        let shape = prover(profile);
        if profile == Profile::Baseline { self.localhost.of(shape) } else { shape }
    }
}

/// What the container that sets sysctls may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tune {
    /// Raise limits on namespaces, which takes CAP_SYS_RESOURCE; else it sets kernel.unprivileged_userns_clone alone.
    pub limits: bool,
    /// Write a file of /etc/sysctl.d that sets them again at each boot.
    pub persist: bool,
}

impl Default for AgentOptions {
    fn default() -> Self {
        AgentOptions {
            namespace: "buildkit-preflight".into(),
            prefix: DEFAULT_PREFIX.into(),
            image: AGENT_IMAGE.into(),
            tune: None,
            nfd: false,
            canaries: vec![Profile::ProcMount],
            baseline: false,
            localhost: Localhost::default(),
        }
    }
}

/// The overlays of `manifests/overlays` that let the agent's pod set sysctls.
pub const TUNE_OVERLAYS: [(&str, Tune); 3] = [
    ("tune", Tune { limits: true, persist: false }),
    ("tune-kernel", Tune { limits: false, persist: false }),
    ("tune-persist", Tune { limits: true, persist: true }),
];

/// The list of the agent's files, for kustomize.
pub const AGENT_KUSTOMIZATION: &str = include_str!("agent/kustomization.yaml");

/// The agent's manifests, by file.
///
/// # Errors
/// Says which template is wrong.
pub fn agent(options: &AgentOptions) -> Result<Vec<(String, String)>, Error> {
    let (templates, values) = (Templates::new()?, values(options));
    if options.nfd {
        return nfd_agent(&templates, &values);
    }
    let mut files = Vec::new();
    for file in ["agent/namespace.yaml", "agent/rbac.yaml", "agent/policy.yaml", "agent/daemonset.yaml"] {
        files.push((file.trim_start_matches("agent/").to_owned(), templates.manifest(file, &values)?));
    }
    for profile in Profile::CANARIES.into_iter().filter(|profile| options.admitted().contains(profile)) {
        files.push((canary_file(profile), canary(&templates, values.clone(), options, profile)?));
    }
    Ok(files)
}

/// The agent that writes features, by file.
fn nfd_agent(templates: &Templates, values: &Value) -> Result<Vec<(String, String)>, Error> {
    // The features' directory is root's.
    let publisher = Shape { user: 0, group: 0, ..publisher(Profile::NoProcessSandbox) };
    let more = context! {
        features_dir => FEATURES_DIR,
        prover_socket => PROVER_SOCKET,
        prover_dir => directory(PROVER_SOCKET),
        publisher_security => security(&publisher, &[]),
        ..values.clone()
    };
    ["namespace", "nfd"]
        .into_iter()
        .map(|name| {
            let (file, from) = (format!("{name}.yaml"), if name == "nfd" { "agent/nfd.yaml" } else { "agent/namespace.yaml" });
            Ok((file, templates.manifest(from, &more)?))
        })
        .collect()
}

/// One of the [`TUNE_OVERLAYS`], for kustomize, by file.
///
/// # Errors
/// Says which template is wrong.
pub fn tune_overlay(tune: Tune) -> Result<Vec<(String, String)>, Error> {
    let options = AgentOptions { tune: Some(tune), ..AgentOptions::default() };
    let patch = Templates::new()?.manifest("agent/tune.yaml", &values(&options))?;
    Ok(vec![("kustomization.yaml".into(), include_str!("agent/tune-kustomization.yaml").into()), ("tune.yaml".into(), patch)])
}

/// The overlay that adds a canary of the profile `userns`, by file.
///
/// # Errors
/// Says which template is wrong.
pub fn userns_overlay() -> Result<Vec<(String, String)>, Error> {
    let options = AgentOptions { canaries: vec![Profile::ProcMount, Profile::Userns], ..AgentOptions::default() };
    let (templates, values) = (Templates::new()?, values(&options));
    Ok(vec![
        ("kustomization.yaml".into(), include_str!("agent/userns-kustomization.yaml").into()),
        ("agent.yaml".into(), templates.manifest("agent/userns-patch.yaml", &values)?),
        (canary_file(Profile::Userns), canary(&templates, values, &options, Profile::Userns)?),
    ])
}

/// The agent for namespaces where Pod Security enforces its level *baseline*, for kustomize, by file.
///
/// # Errors
/// Says which template is wrong.
pub fn baseline_overlay() -> Result<Vec<(String, String)>, Error> {
    let mut files = agent(&AgentOptions { baseline: true, ..AgentOptions::default() })?;
    files.push(("kustomization.yaml".into(), include_str!("agent/baseline-kustomization.yaml").into()));
    Ok(files)
}

fn canary_file(profile: Profile) -> String {
    format!("canary-{profile}.yaml")
}

/// What the agent's manifests are filled in with.
pub(super) fn values(options: &AgentOptions) -> Value {
    // The shape of the agent's pod; it proves the default profile in both.
    let profile = if options.baseline { Profile::Baseline } else { Profile::NoProcessSandbox };
    let notes = [(
        "readOnlyRootFilesystem",
        "The builder's root is writable; the agent's need not be, and the probe's result does not depend on this.",
    )];
    let quoted = |names: Vec<String>| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    context! {
        namespace => options.namespace.as_str(),
        prefix => options.prefix.as_str(),
        image => options.image.as_str(),
        account => ACCOUNT,
        port => AGENT_PORT,
        baseline => options.baseline,
        canaries => options.admitted().iter().map(|profile| profile.id()).collect::<Vec<_>>(),
        // For the policy: all that the agent and its canaries write.
        labels => quoted(Key::ALL.iter().map(|key| key.name().to_owned()).collect()),
        conditions => quoted(ConditionType::ALL.iter().map(|kind| kind.name().to_owned()).collect()),
        managers => quoted(Profile::ALL.into_iter().map(manager).collect()),
        topics => quoted(Topic::all().into_iter().map(Topic::id).collect()),
        component => COMPONENT,
        rule => Rule::ALL.iter().map(|rule| (rule.id(), rule.refusal())).collect::<BTreeMap<_, _>>(),
        policy => context! { node => Rule::OwnNode.policy(), events => Rule::EventNames.policy() },
        obeyed => obeyed(),
        message_bytes => MESSAGE_BYTES,
        reason_bytes => REASON_BYTES,
        tune => options.tune.map(|tune| context! { limits => tune.limits, persist => tune.persist }),
        tuned_file => TUNED_FILE,
        tuned_dir => directory(TUNED_FILE),
        security => security(&prover(profile), &notes),
        ..of_profile(profile)
    }
}

/// The class of the characters that no message may have, as a regular expression (RE2) in a string of CEL.
fn obeyed() -> String {
    let range = |(first, last)| format!(r"\\x{{{:x}}}-\\x{{{:x}}}", u32::from(first), u32::from(last));
    format!(r"[\\p{{Cc}}{}]", OBEYED.map(range).concat())
}

/// What the manifests say of the profile that a pod proves.
fn of_profile(profile: Profile) -> Value {
    let shape = profile.shape();
    context! { profile => profile.id(), host_users => shape.host_users, state_dir => shape.state.path.as_ref() }
}

/// The canary of a profile: an agent in the shape of its builder. A privileged builder's is two containers: one that proves,
/// and one with a token that publishes.
fn canary(templates: &Templates, values: Value, options: &AgentOptions, profile: Profile) -> Result<String, Error> {
    templates.manifest("agent/canary.yaml", &canary_values(values, options, profile)?)
}

/// What its manifest is filled in with, beside what all are.
pub(super) fn canary_values(values: Value, options: &AgentOptions, profile: Profile) -> Result<Value, Error> {
    let user = ImageUser::default();
    // The image's own range lies beyond the share that each pod gets.
    let sub_ids = if profile.has_nested_ids() { user.lines(&sub_ids::ranges(LEAST_POD_IDS, user.uid)?) } else { Vec::new() };
    let first = if profile.is_privileged() { publisher(profile) } else { options.prover(profile) };
    let more = context! {
        ids => LEAST_POD_IDS,
        nested_ids => profile.has_nested_ids(),
        sub_ids,
        has_prover => profile.is_privileged(),
        prover_socket => PROVER_SOCKET,
        prover_dir => directory(PROVER_SOCKET),
        prover_security => security(&prover(profile), &[]),
        security => security(&first, &[]),
        ..of_profile(profile)
    };
    Ok(context! { ..more, ..values })
}

/// The directory of a file, which two containers share.
fn directory(file: &str) -> &str {
    file.rsplit_once('/').map_or("/", |(directory, _)| directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{BuilderOptions, builder_pod};

    #[test]
    fn every_placeholder_is_filled_and_every_choice_has_its_place() {
        let options = AgentOptions {
            namespace: "builds".into(),
            prefix: "nodes.example.org".into(),
            image: "r.example/p:2".into(),
            tune: Some(Tune { limits: true, persist: true }),
            canaries: vec![Profile::ProcMount, Profile::Userns],
            ..AgentOptions::default()
        };
        let text: String = agent(&options).expect("manifests").into_iter().map(|(_, text)| text).collect();
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
    fn pod(files: &[(String, String)], file: &str) -> serde_json::Value {
        let text = &files.iter().find(|(name, _)| *name == file).expect("a file").1;
        let daemon_set = text.split("---\n").last().expect("a DaemonSet");
        serde_saphyr::from_str::<serde_json::Value>(daemon_set).expect("YAML")["spec"]["template"]["spec"].take()
    }

    #[test]
    fn a_canary_has_the_shape_of_its_builder() {
        let files = agent(&AgentOptions { canaries: Profile::CANARIES.to_vec(), ..AgentOptions::default() }).expect("manifests");
        let canaries = [
            (Profile::ProcMount, "canary-procmount.yaml", 0),
            (Profile::Userns, "canary-userns.yaml", 1),
            (Profile::Baseline, "canary-baseline.yaml", 0),
            (Profile::Privileged, "canary-privileged.yaml", 1),
            (Profile::Rootful, "canary-rootful.yaml", 1),
        ];
        for (profile, file, number) in canaries {
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
            assert_eq!(canary["automountServiceAccountToken"], !profile.is_privileged(), "{profile}");
        }
    }
}
