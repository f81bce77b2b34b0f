//! What is seen of what Kubernetes gives a pod.

use crate::fact::{IDMAPPED_MOUNTS, IDMAPPED_TMPFS, KubeVersion, ProcFs, Release, Runtime};
use std::fmt;

/// Who passed over a field of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The container runtime, where the kubelet told which.
    pub runtime: Option<Runtime>,
    /// The feature gate without which the API server drops the field, where that one may have been it.
    pub gate: Option<&'static str>,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the container runtime")?;
        if let Some(runtime) = &self.runtime {
            write!(f, " ({runtime})")?;
        }
        f.write_str(" ignored this field")?;
        match self.gate {
            Some(gate) => write!(f, ", or the API server dropped it (feature gate {gate}; `check --cluster` tells)"),
            None => Ok(()),
        }
    }
}

/// What keeps from a pod what it asks for, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Seen {
    /// The pod asked for a user namespace and got none.
    NoUserNamespace(Ignored),
    /// The runtime gives no pod one, and says nothing.
    RuntimeIgnores(Runtime),
    /// Yama keeps the runtime from making one.
    Yama,
    /// The kernel has no idmapped mounts.
    NoIdmappedMounts(Release),
    /// The kernel has none of a tmpfs.
    NoIdmappedTmpfs(Release),
    /// Nothing stands against a pod user namespace.
    LooksAble,
    /// A kubelet of this version does not refuse what its runtime can't.
    KubeletMayIgnore(KubeVersion),
    /// The runtime says that it gives pods no user namespace.
    RuntimeCant(Option<Runtime>),
    /// The runtime does not say that it does, to a kubelet that asks.
    RuntimeSilent(Runtime),
    /// The kubelet does not tell what its runtime says.
    KubeletSilent {
        /// The kubelet's version.
        kubelet: KubeVersion,
        /// The runtime, where the kubelet told which.
        runtime: Option<Runtime>,
    },
    /// The pod asked for a /proc without masks and got some.
    Masked {
        /// Its /proc.
        proc: ProcFs,
        /// Who did that.
        by: Ignored,
    },
    /// A runtime that masks /proc in any case.
    RuntimeMasks(Runtime),
    /// A runtime that nobody has looked at.
    RuntimeUnknown(Runtime),
}

const ASKED: &str = "(runtimeHandlers, features.userNamespaces), so the kubelet refuses a pod with hostUsers: false";

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NoUserNamespace(by) => {
                write!(f, "the pod asked for hostUsers: false but runs in the node's own user namespace: {by}")
            }
            Seen::RuntimeIgnores(runtime) => {
                write!(
                    f,
                    "this version of the container runtime ({runtime}) starts a pod with hostUsers: false in the node's own user namespace"
                )
            }
            Seen::Yama => {
                f.write_str("kernel.yama.ptrace_scope is 3: the runtime can't attach to the process that holds the IDs of a pod's volumes")
            }
            Seen::NoIdmappedMounts(kernel) => write!(
                f,
                "Linux {kernel} has no idmapped mounts, which a pod with hostUsers: false needs (from Linux {IDMAPPED_MOUNTS} on; for tmpfs volumes from {IDMAPPED_TMPFS} on)"
            ),
            Seen::NoIdmappedTmpfs(kernel) => write!(
                f,
                "on Linux {kernel} a pod with hostUsers: false starts only without tmpfs volumes, such as a service account token; only such a pod can prove it"
            ),
            Seen::LooksAble => f.write_str("the facts look good; only a pod with hostUsers: false can prove it"),
            Seen::KubeletMayIgnore(kubelet) => {
                write!(f, "kubelet {kubelet} may run a pod with hostUsers: false without a user namespace (1.30 and newer never do)")
            }
            Seen::RuntimeCant(runtime) => {
                write!(f, "{} reports that it can't give pods a user namespace {ASKED}", its(runtime))
            }
            Seen::RuntimeSilent(runtime) => write!(f, "{runtime} does not report that it can give pods a user namespace {ASKED}"),
            Seen::KubeletSilent { kubelet, runtime } => {
                write!(f, "kubelet {kubelet} does not report whether {} gives pods a user namespace", its(runtime))
            }
            Seen::Masked { proc, by } => write!(f, "the pod asked for procMount: Unmasked, but {}: {by}", proc.describe()),
            Seen::RuntimeMasks(runtime) => {
                write!(f, "this version of the container runtime ({runtime}) masks /proc whatever procMount says")
            }
            Seen::RuntimeUnknown(runtime) => {
                write!(f, "it is not known whether {runtime} honours procMount; only a pod with procMount: Unmasked can prove it")
            }
        }
    }
}

/// A kubelet's runtime.
fn its(runtime: &Option<Runtime>) -> String {
    runtime.as_ref().map_or_else(|| "the container runtime".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;

    #[test]
    fn each_has_its_text() {
        let kernel = || Release::try_from("5.10.0-33-amd64".to_owned()).expect("a release");
        let runtime = || Runtime::try_from("cri-o://1.33.1".to_owned()).expect("a runtime");
        let (known, unknown) =
            (Ignored { runtime: Some(runtime()), gate: Some("UserNamespacesSupport") }, Ignored { runtime: None, gate: None });
        let kubelet = || KubeVersion::try_from("v1.29.1".to_owned()).expect("a version");
        let proc = ProcFs { masks: vec!["/proc/kcore".into(), "/proc/keys".into()], complete_elsewhere: false };
        texts(&[
            (
                Seen::NoUserNamespace(known),
                "the pod asked for hostUsers: false but runs in the node's own user namespace: the container runtime (cri-o://1.33.1) ignored this field, or the API server dropped it (feature gate UserNamespacesSupport; `check --cluster` tells)",
            ),
            (
                Seen::RuntimeIgnores("containerd://1.6.8".to_owned().try_into().expect("a runtime")),
                "this version of the container runtime (containerd://1.6.8) starts a pod with hostUsers: false in the node's own user namespace",
            ),
            (Seen::Yama, "kernel.yama.ptrace_scope is 3: the runtime can't attach to the process that holds the IDs of a pod's volumes"),
            (
                Seen::NoIdmappedMounts(kernel()),
                "Linux 5.10.0-33-amd64 has no idmapped mounts, which a pod with hostUsers: false needs (from Linux 5.12 on; for tmpfs volumes from 6.3 on)",
            ),
            (
                Seen::NoIdmappedTmpfs(kernel()),
                "on Linux 5.10.0-33-amd64 a pod with hostUsers: false starts only without tmpfs volumes, such as a service account token; only such a pod can prove it",
            ),
            (Seen::LooksAble, "the facts look good; only a pod with hostUsers: false can prove it"),
            (
                Seen::KubeletMayIgnore(kubelet()),
                "kubelet v1.29.1 may run a pod with hostUsers: false without a user namespace (1.30 and newer never do)",
            ),
            (
                Seen::RuntimeCant(Some(runtime())),
                "cri-o://1.33.1 reports that it can't give pods a user namespace (runtimeHandlers, features.userNamespaces), so the kubelet refuses a pod with hostUsers: false",
            ),
            (
                Seen::RuntimeCant(None),
                "the container runtime reports that it can't give pods a user namespace (runtimeHandlers, features.userNamespaces), so the kubelet refuses a pod with hostUsers: false",
            ),
            (
                Seen::RuntimeSilent(runtime()),
                "cri-o://1.33.1 does not report that it can give pods a user namespace (runtimeHandlers, features.userNamespaces), so the kubelet refuses a pod with hostUsers: false",
            ),
            (
                Seen::KubeletSilent { kubelet: kubelet(), runtime: Some(runtime()) },
                "kubelet v1.29.1 does not report whether cri-o://1.33.1 gives pods a user namespace",
            ),
            (
                Seen::Masked { proc, by: unknown },
                "the pod asked for procMount: Unmasked, but 2 mounts hide parts of /proc (/proc/kcore, /proc/keys): the container runtime ignored this field",
            ),
            (Seen::RuntimeMasks(runtime()), "this version of the container runtime (cri-o://1.33.1) masks /proc whatever procMount says"),
            (
                Seen::RuntimeUnknown(runtime()),
                "it is not known whether cri-o://1.33.1 honours procMount; only a pod with procMount: Unmasked can prove it",
            ),
        ]);
    }
}
