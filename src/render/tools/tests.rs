use super::*;
use crate::render::slots::{NoSlot, TOOLS};
use crate::render::template::objects;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use strum::IntoEnumIterator;

/// A tool's place for settings, as its sources have it: each field that is printed, with its type. Labels are `*`, elements `[]`.
struct Slot {
    tool: Tool,
    fields: &'static [&'static str],
}

const SLOTS: &[Slot] = &[
    // values.yaml and templates/deployment.yaml of andrcuns/charts, charts/buildkit-service.
    Slot { tool: Tool::BuildkitService, fields: &["rootless: bool", "nodeSelector.*: text"] },
    // BuildkitTemplateSpec in api/v1alpha1/buildkit_template_types.go of seatgeek/buildkit-operator.
    Slot {
        tool: Tool::BuildkitOperator,
        fields: &["spec.rootless: bool", "spec.hostUsers: bool", "spec.image: text", "spec.scheduling.nodeSelector.*: text"],
    },
    // processDriverOpts in driver/kubernetes/factory.go of docker/buildx v0.38.2, and the flags of commands/create.go.
    Slot {
        tool: Tool::Buildx,
        fields: &["name: text", "driver: text", "driver-opt.rootless: text", "driver-opt.image: text", "driver-opt.nodeselector.*: text"],
    },
    // common/config.go of gitlab-runner 19.4: KubernetesConfig, KubernetesContainerSecurityContext, KubernetesEmptyDir,
    // KubernetesPodSpec; helpers/featureflags/flags.go.
    Slot {
        tool: Tool::GitlabRunner,
        fields: &[
            "runners[].feature_flags.FF_USE_ADVANCED_POD_SPEC_CONFIGURATION: bool",
            "runners[].kubernetes.node_selector.*: text",
            "runners[].kubernetes.build_container_security_context.run_as_user: number",
            "runners[].kubernetes.build_container_security_context.run_as_group: number",
            "runners[].kubernetes.build_container_security_context.privileged: bool",
            "runners[].kubernetes.build_container_security_context.seccomp_profile.type: text",
            "runners[].kubernetes.build_container_security_context.app_armor_profile.type: text",
            "runners[].kubernetes.volumes.empty_dir[].name: text",
            "runners[].kubernetes.volumes.empty_dir[].mount_path: text",
            "runners[].kubernetes.pod_spec[].name: text",
            "runners[].kubernetes.pod_spec[].patch: text",
            "runners[].kubernetes.pod_spec[].patch_type: text",
        ],
    },
    // pkg/apis/pipeline/pod/template.go of tektoncd/pipeline v1.12.0 (hostUsers since 1.9), and its Step and TaskSpec of tekton.dev/v1.
    Slot {
        tool: Tool::Tekton,
        fields: &[
            "spec.podTemplate.nodeSelector.*: text",
            "spec.podTemplate.hostUsers: bool",
            "spec.podTemplate.securityContext.fsGroup: number",
            "spec.steps[].name: text",
            "spec.steps[].image: text",
            "spec.steps[].env[].name: text",
            "spec.steps[].env[].value: text",
            "spec.steps[].securityContext.runAsUser: number",
            "spec.steps[].securityContext.runAsGroup: number",
            "spec.steps[].securityContext.privileged: bool",
            "spec.steps[].securityContext.seccompProfile.type: text",
            "spec.steps[].securityContext.appArmorProfile.type: text",
            "spec.steps[].volumeMounts[].name: text",
            "spec.steps[].volumeMounts[].mountPath: text",
            "spec.volumes[].name: text",
            "spec.volumes[].emptyDir: map",
        ],
    },
    // BuildSpec and BuildRunSpec in pkg/apis/build/v1beta1 of shipwright-io/build v0.19.0.
    Slot { tool: Tool::Shipwright, fields: &["spec.nodeSelector.*: text"] },
    // templates/autoscalingrunnerset.yaml of gha-runner-scale-set: template.spec is a PodSpec of core/v1.
    Slot {
        tool: Tool::Arc,
        fields: &[
            "template.spec.nodeSelector.*: text",
            "template.spec.hostUsers: bool",
            "template.spec.initContainers[].name: text",
            "template.spec.initContainers[].image: text",
            "template.spec.initContainers[].restartPolicy: text",
            "template.spec.initContainers[].args[]: text",
            "template.spec.initContainers[].startupProbe.exec.command[]: text",
            "template.spec.initContainers[].startupProbe.periodSeconds: number",
            "template.spec.initContainers[].startupProbe.failureThreshold: number",
            "template.spec.initContainers[].securityContext.runAsUser: number",
            "template.spec.initContainers[].securityContext.runAsGroup: number",
            "template.spec.initContainers[].securityContext.privileged: bool",
            "template.spec.initContainers[].securityContext.seccompProfile.type: text",
            "template.spec.initContainers[].securityContext.appArmorProfile.type: text",
            "template.spec.initContainers[].volumeMounts[].name: text",
            "template.spec.initContainers[].volumeMounts[].mountPath: text",
            "template.spec.volumes[].name: text",
            "template.spec.volumes[].emptyDir: map",
        ],
    },
    // The reference of the provider kubernetes of garden-io/garden, and getBuildkitDeployment in its container/build/buildkit.ts.
    Slot {
        tool: Tool::Garden,
        fields: &[
            "providers[].name: text",
            "providers[].buildMode: text",
            "providers[].clusterBuildkit.rootless: bool",
            "providers[].clusterBuildkit.nodeSelector.*: text",
        ],
    },
];

/// The options of buildx's kubernetes driver, as processDriverOpts of docker/buildx v0.38.2 has them; `env.NAME` beside these.
const DRIVER_OPTIONS: [&str; 23] = [
    "image",
    "namespace",
    "replicas",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "persistent-volume-claim.requests.storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "rootless",
    "schedulername",
    "serviceaccount",
    "nodeselector",
    "annotations",
    "labels",
    "tolerations",
    "loadbalance",
    "qemu.install",
    "qemu.image",
    "buildkit-root-volume-memory",
    "default-load",
    "timeout",
];

const PREFIX: &str = "nodes.example.org";

fn printed(of: Tool, profile: Profile) -> String {
    tool(of, &ToolOptions { profile, prefix: PREFIX.into(), pool: None }).unwrap_or_else(|error| panic!("{of:?} {profile}: {error}"))
}

/// `docker buildx create` as an object: its flags, each option of the driver under its name.
fn command(text: &str) -> Value {
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let (last, before) = lines.split_last().expect("a command");
    assert!(before.iter().all(|line| line.ends_with(" \\")) && !last.ends_with('\\'), "{text}");
    let joined = lines.join("\n").replace("\\\n", "");
    let words: Vec<_> = joined.split_whitespace().collect();
    let mut object = Value::Null;
    let ["docker", "buildx", "create", flags @ ..] = words.as_slice() else { panic!("{words:?}") };
    for flag in flags.chunks(2) {
        let [name, value] = flag else { panic!("{flag:?} has no value") };
        assert!(!value.contains(['"', '\'', ',', '$', ';']), "{value}: a shell or buildx would read it otherwise");
        let name = name.strip_prefix("--").expect("a flag");
        match (name, value.split_once('=')) {
            ("driver-opt", Some(("nodeselector", label))) => {
                let (key, value) = label.split_once('=').expect("a label");
                assert!(!value.contains('='), "{value}");
                object[name]["nodeselector"][key] = value.into();
            }
            ("driver-opt", Some((option, value))) => object[name][option] = value.into(),
            _ => object[name] = (*value).into(),
        }
    }
    object
}

/// What a tool would read.
fn read(of: Tool, text: &str) -> Vec<Value> {
    match of {
        Tool::Buildx => vec![command(text)],
        Tool::GitlabRunner => {
            let table: toml::Table = toml::from_str(&format!("[[runners]]\n{text}")).unwrap_or_else(|error| panic!("{error}\n{text}"));
            vec![serde_json::to_value(table).expect("an object")]
        }
        _ => objects("settings", text).unwrap_or_else(|error| panic!("{error}\n{text}")),
    }
}

/// All that is set below a value, by its path.
fn set(value: &Value, path: &str, found: &mut BTreeMap<String, Vec<Value>>) {
    let labels = ["nodeSelector", "nodeselector", "node_selector"].iter().any(|field| path.ends_with(field));
    let kind = match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let key = if labels { "*" } else { key };
                set(value, &if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }, found);
            }
            return;
        }
        Value::Array(values) => return values.iter().for_each(|value| set(value, &format!("{path}[]"), found)),
        Value::Object(_) => "map",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Null => "nothing",
    };
    found.entry(format!("{path}: {kind}")).or_default().push(value.clone());
}

fn settings(of: Tool, profile: Profile) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::new();
    read(of, &printed(of, profile)).iter().for_each(|object| set(object, "", &mut found));
    found
}

/// The value of each field with this last name.
fn named<'a>(settings: &'a BTreeMap<String, Vec<Value>>, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let is_named = move |path: &str| path.split(": ").next().and_then(|path| path.rsplit('.').next()).is_some_and(|last| last == name);
    settings.iter().filter(move |(path, _)| is_named(path)).flat_map(|(_, values)| values)
}

#[test]
fn each_tool_has_a_row_and_can_run_the_default_profile() {
    assert_eq!(Tool::iter().count(), TOOLS.len());
    assert!(Tool::iter().all(|tool| tool.profiles().contains(&Profile::NoProcessSandbox)));
}

#[test]
fn each_setting_is_one_that_the_tool_has() {
    for of in Tool::iter() {
        let slot = SLOTS.iter().find(|slot| slot.tool == of).expect("a slot");
        let all: BTreeSet<_> = of.profiles().iter().flat_map(|profile| settings(of, *profile).into_keys()).collect();
        assert_eq!(all, slot.fields.iter().map(|field| (*field).to_owned()).collect(), "{of:?}");
    }
    for option in SLOTS.iter().flat_map(|slot| slot.fields).filter_map(|field| field.strip_prefix("driver-opt.")) {
        let option = option.split(['.', ':']).next().expect("a name");
        assert!(DRIVER_OPTIONS.contains(&option), "{option}");
    }
}

#[test]
fn the_builder_goes_where_the_label_of_its_profile_is() {
    for of in Tool::iter() {
        for profile in of.profiles().iter().copied() {
            let (key, value) = Key::selector(profile);
            let settings = settings(of, profile);
            let labels: Vec<_> = named(&settings, "*").collect();
            assert_eq!(labels, [&Value::from(value)], "{of:?} {profile}");
            assert!(printed(of, profile).contains(&key.with(PREFIX)), "{of:?} {profile}");
        }
    }
}

/// The tool makes the rest of the shape itself, or these settings do.
#[test]
fn the_builder_has_the_shape_of_its_profile() {
    for of in Tool::iter() {
        for profile in of.profiles().iter().copied() {
            let (shape, settings, text) = (profile.shape(), settings(of, profile), printed(of, profile));
            let rootless = profile.row().builder == Builder::Rootless;
            let each = |name: &str, wanted: Value| {
                let found: Vec<_> = named(&settings, name).collect();
                assert!(found.iter().all(|value| **value == wanted), "{of:?} {profile}: {name} is {found:?}, not {wanted}");
                found.len()
            };
            let said: Vec<_> = named(&settings, "rootless").map(|value| value.as_bool() == Some(true) || value == "true").collect();
            assert!(said.iter().all(|said| *said == rootless), "{of:?} {profile}");
            let says_rootless = said.contains(&true);
            let makes_the_pod = each("runAsUser", shape.user.into()) + each("run_as_user", shape.user.into()) == 1;
            assert!(says_rootless || makes_the_pod || !rootless || of == Tool::Shipwright, "{of:?} {profile}");
            each("image", stock_image(!rootless).into());
            each("mountPath", shape.state.path.as_ref().into());
            each("mount_path", shape.state.path.as_ref().into());
            let host_users = each("hostUsers", shape.host_users.into()) + usize::from(text.contains("patch = \"hostUsers: false\""));
            assert!(shape.host_users || host_users == 1, "{of:?} {profile}");
            if makes_the_pod {
                let privileged = each("privileged", true.into());
                assert_eq!(privileged == 1, shape.privileged, "{of:?} {profile}");
                assert_eq!(text.matches("Unconfined").count(), if shape.seccomp.is_some() { 2 } else { 0 }, "{of:?} {profile}");
                assert_eq!(text.contains("--oci-worker-no-process-sandbox"), !shape.process_sandbox, "{of:?} {profile}");
            }
        }
    }
}

#[test]
fn the_first_line_says_where_the_settings_belong() {
    for of in Tool::iter() {
        for profile in of.profiles().iter().copied() {
            let text = printed(of, profile);
            assert!(text.starts_with("# For ") && text.ends_with('\n') && !text.contains("{{"), "{text}");
            assert!(text.lines().all(|line| line.len() <= 140 && line.trim_end() == line && !line.is_empty()), "{text}");
            assert_eq!(text.contains("a build may still fail"), !profile.needs_proof(), "{of:?} {profile}");
        }
    }
}

#[test]
fn a_pool_takes_the_place_of_the_agents_label() {
    let pool = Pool { key: "example.org/pool".into(), value: "1e3".into() };
    for of in Tool::iter() {
        for profile in of.profiles().iter().copied() {
            let without = printed(of, profile);
            let with = tool(of, &ToolOptions { profile, prefix: PREFIX.into(), pool: Some(pool.clone()) }).expect("settings");
            assert!(without.contains(PREFIX) && !with.contains(PREFIX), "{with}");
            let (text, number) = (with.matches("example.org/pool").count(), with.matches("example.org/pool: 1e3\n").count());
            assert_eq!((text, number), (1, 0), "a text, not a number: {with}");
            assert!(with.contains("readiness-rule") && with.lines().all(|line| line.len() <= 140), "{with}");
        }
    }
}

#[test]
fn a_profile_that_a_tool_cannot_say_is_refused() {
    for of in Tool::iter() {
        for profile in Profile::ALL.into_iter().filter(|profile| !of.profiles().contains(profile)) {
            let refused = tool(of, &ToolOptions { profile, ..ToolOptions::default() }).expect_err("a refusal");
            assert!(matches!(refused, Error::NoSlot(NoSlot { tool, .. }) if tool == of), "{refused}");
            assert!(refused.to_string().contains(profile.id()), "{refused}");
        }
    }
    let message = tool(Tool::Buildx, &ToolOptions { profile: Profile::ProcMount, ..ToolOptions::default() }).expect_err("a refusal");
    assert!(message.to_string().starts_with("buildx can't run the profile procmount: the kubernetes driver has no option for hostUsers"));
}
