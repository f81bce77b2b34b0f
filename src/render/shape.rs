//! Shapes as manifests say them.

use crate::profile::{BUILDER_UID, Capabilities, Confinement, ProcMount, Profile, Shape};
use crate::render::template::scalar;
use std::collections::BTreeSet;

/// Why a field of a security context is there.
pub(super) type Note = (&'static str, &'static str);

/// The shape of the agent's container that proves a profile: its builder's.
pub(super) fn prover(profile: Profile) -> Shape {
    Shape { read_only_root: true, ..profile.shape().clone() }
}

/// The shape of a container that publishes what another one proves: it needs nothing.
pub(super) fn publisher(profile: Profile) -> Shape {
    let capabilities = Capabilities { add: BTreeSet::new(), drop: ["ALL".to_owned()].into() };
    Shape {
        user: BUILDER_UID,
        group: BUILDER_UID,
        seccomp: Some(Confinement::RuntimeDefault),
        apparmor: None,
        capabilities,
        privileged: false,
        privilege_escalation: Some(false),
        proc_mount: ProcMount::Default,
        ..prover(profile)
    }
}

/// A container's `securityContext`, as far to the right as a pod template has it and without the end of the last line.
pub(super) fn security(shape: &Shape, notes: &[Note]) -> String {
    security_at(10, shape, notes)
}

/// The same, as far to the right as that.
pub(super) fn security_at(indent: usize, shape: &Shape, notes: &[Note]) -> String {
    let plain = |value: String| Some(format!(" {value}"));
    let of_type = |confinement: &Confinement| match confinement {
        Confinement::Unconfined | Confinement::RuntimeDefault => format!("\n    type: {confinement}"),
        Confinement::Localhost(name) => format!("\n    type: Localhost\n    localhostProfile: {}", scalar(name)),
    };
    let fields = [
        ("runAsUser", plain(shape.user.to_string())),
        ("runAsGroup", plain(shape.group.to_string())),
        ("allowPrivilegeEscalation", shape.privilege_escalation.and_then(|allowed| plain(allowed.to_string()))),
        ("seccompProfile", shape.seccomp.as_ref().map(of_type)),
        ("appArmorProfile", shape.apparmor.as_ref().map(of_type)),
        ("capabilities", capabilities(&shape.capabilities)),
        ("procMount", plain(shape.proc_mount.to_string()).filter(|_| shape.proc_mount != ProcMount::Default)),
        ("privileged", plain("true".into()).filter(|_| shape.privileged)),
        ("readOnlyRootFilesystem", plain("true".into()).filter(|_| shape.read_only_root)),
    ];
    let mut text = "securityContext:\n".to_owned();
    for (field, value) in fields.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        let why = notes.iter().filter(|(of, _)| *of == field);
        text.extend(why.map(|(_, why)| format!("  # {why}\n")));
        text += &format!("  {field}:{value}\n");
    }
    text.lines().map(|line| " ".repeat(indent) + line).collect::<Vec<_>>().join("\n")
}

fn capabilities(of: &Capabilities) -> Option<String> {
    let line = |field: &str, names: &BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        if names.is_empty() { String::new() } else { format!("\n    {field}: [{}]", names.join(", ")) }
    };
    (*of != Capabilities::UNCHANGED).then(|| line("drop", &of.drop) + &line("add", &of.add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Difference, Directory, Pair, Storage};
    use crate::render::{AgentOptions, BuilderOptions, agent, builder_pod};
    use serde_json::Value;

    /// The shape that a container has by its pod's manifest.
    fn read(pod: &Value, name: &str) -> Shape {
        let named = |list: &Value, name: &str| {
            let found = list.as_array().into_iter().flatten().find(|element| element["name"] == name);
            found.unwrap_or_else(|| panic!("no {name} in {list}")).clone()
        };
        let container = named(&pod["containers"], name);
        let security = &container["securityContext"];
        let args: Vec<_> = container["args"].as_array().expect("args").iter().filter_map(Value::as_str).collect();
        let id = |field: &str| u32::try_from(security[field].as_u64().expect("an ID")).expect("32 bits");
        let confinement = |field: &str| match security[field]["type"].as_str() {
            None => None,
            Some("Unconfined") => Some(Confinement::Unconfined),
            Some("RuntimeDefault") => Some(Confinement::RuntimeDefault),
            Some("Localhost") => {
                let name = security[field]["localhostProfile"].as_str().expect("a name");
                Some(Confinement::Localhost(name.to_owned().into()))
            }
            Some(other) => panic!("{field}: {other}"),
        };
        let capabilities = |field: &str| -> BTreeSet<String> {
            let names = security["capabilities"][field].as_array().into_iter().flatten();
            names.map(|name| name.as_str().expect("a name").to_owned()).collect()
        };
        // An agent is told which profile's builder it does as.
        let of = args.iter().find_map(|arg| arg.strip_prefix("--shape=")).map(|id| id.parse::<Profile>().expect("a profile").shape());
        let socket = args.iter().find_map(|arg| arg.strip_prefix("--addr=unix://")?.strip_suffix("/buildkitd.sock"));
        let runtime = socket.map(|path| Directory { path: path.to_owned().into(), storage: Storage::Root });
        assert!(named(&pod["volumes"], "state")["emptyDir"]["medium"].is_null(), "on disk");
        Shape {
            user: id("runAsUser"),
            group: id("runAsGroup"),
            seccomp: confinement("seccompProfile"),
            apparmor: confinement("appArmorProfile"),
            capabilities: Capabilities { add: capabilities("add"), drop: capabilities("drop") },
            privileged: security["privileged"] == true,
            privilege_escalation: security["allowPrivilegeEscalation"].as_bool(),
            proc_mount: if security["procMount"] == "Unmasked" { ProcMount::Unmasked } else { ProcMount::Default },
            host_users: pod["hostUsers"].as_bool().expect("said"),
            read_only_root: security["readOnlyRootFilesystem"] == true,
            state: Directory {
                path: named(&container["volumeMounts"], "state")["mountPath"].as_str().expect("a path").to_owned().into(),
                storage: if named(&pod["volumes"], "state")["emptyDir"].is_null() { Storage::Root } else { Storage::EmptyDir },
            },
            runtime: runtime.or_else(|| Some(of?.runtime.clone())).expect("a builder's socket, or an agent's shape"),
            process_sandbox: of.map_or_else(|| !args.contains(&"--oci-worker-no-process-sandbox"), |shape| shape.process_sandbox),
        }
    }

    fn built(profile: Profile) -> Shape {
        let pod = builder_pod(&BuilderOptions { profile, ..BuilderOptions::default() }).expect("a pod");
        read(&pod["spec"], "buildkitd")
    }

    #[test]
    fn a_builder_is_printed_in_the_shape_of_its_profile() {
        for profile in Profile::ALL {
            assert_eq!(built(profile), *profile.shape(), "{profile}");
        }
    }

    #[test]
    fn the_agent_and_each_canary_have_the_shape_of_their_builder() {
        let options = AgentOptions { canaries: Profile::CANARIES.to_vec(), ..AgentOptions::default() };
        let mut proven = BTreeSet::new();
        for (file, text) in agent(&options).expect("manifests") {
            let object = crate::render::template::objects("it", &text).expect("YAML").pop().expect("an object");
            let pod = &object["spec"]["template"]["spec"];
            let Some(containers) = pod["containers"].as_array() else { continue };
            // The last one proves, by itself or for the one before.
            let last = containers.last().expect("a container");
            let shape = read(pod, last["name"].as_str().expect("a name"));
            let args = last["args"].as_array().expect("args").iter().filter_map(Value::as_str);
            let id = args.filter_map(|arg| arg.strip_prefix("--shape=")).next().expect("what it proves");
            let profile: Profile = id.parse().expect("a profile");
            let mut differences = shape.differences(&built(profile));
            differences.retain(|difference| !matches!(difference, Difference::ReadOnlyRoot(Pair { is: true, .. })));
            assert_eq!(differences, [], "{file}");
            proven.insert(profile);
        }
        assert_eq!(proven, Profile::ALL.into(), "each");
    }

    #[test]
    fn a_security_context_says_what_the_shape_does() {
        let mut shape = publisher(Profile::Userns);
        shape.capabilities.add.insert("SYS_RESOURCE".into());
        let text = security(&shape, &[("runAsGroup", "of the image")]);
        let wanted = "securityContext:
            runAsUser: 1000
            # of the image
            runAsGroup: 1000
            allowPrivilegeEscalation: false
            seccompProfile:
              type: RuntimeDefault
            capabilities:
              drop: [ALL]
              add: [SYS_RESOURCE]
            readOnlyRootFilesystem: true";
        assert_eq!(text, " ".repeat(10) + wanted);
    }
}
