use super::version::numbers;
use super::{Fact, KubeVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the kubelet says of its node, on the Node object. Only an agent reads that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kubelet {
    /// Its own version: `v1.36.3`.
    #[serde(default)]
    pub version: Fact<KubeVersion>,
    /// The container runtime. Absent where the kubelet could not ask it (`Unknown`).
    #[serde(default)]
    pub runtime: Fact<Runtime>,
    /// Whether the default runtime handler can give a pod a user namespace, as far as the OCI runtime goes:
    /// it says nothing of the kernel. Absent for a kubelet before 1.31 and a runtime that does not tell.
    #[serde(default)]
    pub pod_user_namespaces: Fact<bool>,
    /// The runtime handlers, of which a pod gets another than the default one by its RuntimeClass. Absent where the kubelet names none.
    #[serde(default)]
    pub runtime_handlers: Fact<Vec<RuntimeHandler>>,
    /// The features that the kubelet declares (KEP-5328, Kubernetes 1.36). Absent where it declares none.
    #[serde(default)]
    pub declared_features: Fact<Vec<String>>,
    /// Whether the kubelet itself runs in a user namespace, and with it the whole node (`runningInUserNamespace`, from 1.37 on).
    #[serde(default)]
    pub in_user_namespace: Fact<bool>,
}

/// What one runtime handler can do, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeHandler {
    /// Its name, as a RuntimeClass has it; empty for the default one.
    pub name: String,
    /// Whether it can give a pod a user namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_namespaces: Option<bool>,
    /// Whether it can make a mount and those below it read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recursive_read_only_mounts: Option<bool>,
}

/// A container runtime, from `containerRuntimeVersion`: `containerd://2.1.4+bottlerocket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Runtime {
    name: String,
    version: (u32, u32, u32),
    full: String,
}

impl Runtime {
    /// `containerd`, `cri-o` or `docker`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Major, minor and patch; 0 where one is left out.
    pub fn version(&self) -> (u32, u32, u32) {
        self.version
    }
}

impl TryFrom<String> for Runtime {
    type Error = String;

    fn try_from(full: String) -> Result<Self, String> {
        let parsed = full.split_once("://").and_then(|(name, version)| Some((name.to_owned(), numbers(version)?)));
        match parsed {
            Some((name, version)) if !name.is_empty() => Ok(Runtime { name, version, full }),
            _ => Err(format!("{full:?} is not a runtime with a version such as containerd://2.0.1")),
        }
    }
}

impl From<Runtime> for String {
    fn from(runtime: Runtime) -> String {
        runtime.full
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_as_seen_on_nodes() {
        for (text, name, version) in [
            ("containerd://2.1.4+bottlerocket", "containerd", (2, 1, 4)),
            ("cri-o://1.21.6-2.rhaos4.8.gitb948fcd.2.el8", "cri-o", (1, 21, 6)),
            ("docker://18.6.1", "docker", (18, 6, 1)),
            ("containerd://2.0", "containerd", (2, 0, 0)),
            ("containerd://2.1.5-k3s1.33", "containerd", (2, 1, 5)),
            ("containerd://2.3.3-ubuntu24.04u2", "containerd", (2, 3, 3)),
            ("containerd://v1.7.28+azure", "containerd", (1, 7, 28)),
            ("cri-o://1.33", "cri-o", (1, 33, 0)),
        ] {
            let runtime = Runtime::try_from(text.to_owned()).expect(text);
            assert_eq!((runtime.name(), runtime.version()), (name, version));
            assert_eq!(String::from(runtime), text);
        }
        for text in ["containerd://Unknown", "Unknown", "", "://1.2.3"] {
            assert!(Runtime::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
