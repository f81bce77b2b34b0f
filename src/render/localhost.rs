//! Profiles of seccomp and AppArmor that lie on the nodes.

use crate::profile::{Confinement, Shape};

/// Profiles of the node's own, for pods of the profile `baseline`: there a builder can't ask for Unconfined, and the runtime's own
/// profiles stop it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Localhost {
    /// A file below the directory `seccomp` of the kubelet's root.
    pub seccomp: Option<String>,
    /// The name of a profile that is loaded.
    pub apparmor: Option<String>,
}

impl Localhost {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        *self == Localhost::default()
    }

    /// A shape in which a container has these.
    pub(super) fn of(&self, shape: Shape) -> Shape {
        let named = |name: &Option<String>| name.clone().map(|name| Confinement::Localhost(name.into()));
        Shape { seccomp: named(&self.seccomp).or(shape.seccomp), apparmor: named(&self.apparmor).or(shape.apparmor), ..shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;
    use crate::render::{AgentOptions, BuilderOptions, agent, builder_pod};
    use serde_json::{Value, json};

    #[test]
    fn builder_and_canary_have_the_same_profiles_of_the_node() {
        let localhost = Localhost { seccomp: Some("preflight/builder.json".into()), apparmor: Some("buildkit-rootless".into()) };
        let expected = json!([
            {"type": "Localhost", "localhostProfile": "preflight/builder.json"},
            {"type": "Localhost", "localhostProfile": "buildkit-rootless"},
        ]);
        let of = |pod: &Value| {
            let security = &pod["spec"]["containers"][0]["securityContext"];
            json!([security["seccompProfile"], security["appArmorProfile"]])
        };
        let options = BuilderOptions { profile: Profile::Baseline, localhost: localhost.clone(), ..BuilderOptions::default() };
        assert_eq!(of(&builder_pod(&options).expect("a pod")), expected);
        let pods = |localhost: Localhost| {
            let files = agent(&AgentOptions { baseline: true, localhost, ..AgentOptions::default() }).expect("manifests");
            let objects = files.iter().flat_map(|(_, text)| crate::render::template::objects("a manifest", text).expect("YAML"));
            let pods: Vec<_> =
                objects.filter(|object| object["kind"] == "DaemonSet").map(|object| object["spec"]["template"].clone()).collect();
            assert_eq!(pods.len(), 2, "the agent and its canary");
            pods
        };
        // The agent has none, or it would not start on a node without them.
        assert_eq!(pods(localhost).iter().map(of).collect::<Vec<_>>(), [json!([null, null]), expected]);
        assert!(pods(Localhost::default()).iter().all(|pod| of(pod) == json!([null, null])));
    }

    #[test]
    fn nothing_that_baseline_forbids_is_in_its_agent() {
        let mut files = agent(&AgentOptions { baseline: true, ..AgentOptions::default() }).expect("manifests");
        // What the others hold is not a pod's.
        files.retain(|(file, _)| !["rbac.yaml", "policy.yaml"].contains(&file.as_str()));
        assert_eq!(files.len(), 3, "namespace, agent, canary");
        for (file, text) in files {
            let said: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
            for word in ["Unconfined", "hostPath", "hostPort", "hostNetwork", "hostPID", "privileged", "procMount", "add:"] {
                assert!(!said.contains(word), "{file}: {word}");
            }
        }
    }
}
