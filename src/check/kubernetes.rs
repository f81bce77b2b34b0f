//! What versions of Kubernetes and of container runtimes do.

use crate::fact::{Facts, Runtime};
use std::fmt;

/// A field that an API server drops where a gate is off (dropDisabledFields in pkg/api/pod/util.go of Kubernetes), and from which
/// minor version of Kubernetes 1 on the gate is on by default, and can't be switched off any more (pkg/features/kube_features.go).
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "admission alone goes by them, which is not a node's"))]
pub(crate) struct Gate {
    pub(crate) field: &'static str,
    pub(crate) name: &'static str,
    pub(crate) on: u32,
    pub(crate) locked: u32,
    /// Who reads it beside the API server.
    pub(crate) others: &'static str,
}

/// The gate of `hostUsers`.
pub(crate) const USER_NAMESPACES: Gate =
    Gate { field: "hostUsers", name: "UserNamespacesSupport", on: 33, locked: 36, others: " and the kubelets" };
/// The gate of `procMount`.
pub(crate) const PROC_MOUNT: Gate = Gate { field: "procMount", name: "ProcMountType", on: 33, locked: 36, others: "" };

/// All of them that matter to builders.
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "admission alone goes by them, which is not a node's"))]
pub(crate) const GATES: [Gate; 3] = [
    USER_NAMESPACES,
    PROC_MOUNT,
    // Before 1.30 there is no such field; 1.30 reads the gate AppArmor as well.
    Gate { field: "appArmorProfile", name: "AppArmorFields", on: 30, locked: 31, others: "" },
];

/// The first kubelet that says on its Node what its runtime can give to pods, and refuses what it can't.
pub(crate) const TELLS: (u32, u32, u32) = (1, 31, 0);

/// The first kubelet that never runs such a pod without a user namespace.
pub(crate) const REFUSES: (u32, u32, u32) = (1, 30, 0);

/// Whether a container runtime honours `procMount: Unmasked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does.
    Supported,
    /// It masks /proc all the same.
    Unsupported,
    /// A runtime or version that nobody has looked at.
    Unknown,
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Support::Supported => "supported",
            Support::Unsupported => "unsupported",
            Support::Unknown => "unknown",
        })
    }
}

/// What the node's runtime makes of `procMount: Unmasked`, by its version ([`crate::fact::RUNTIMES`]).
pub fn procmount_support(facts: &Facts) -> Support {
    facts.kubelet.runtime.known().map_or(Support::Unknown, support)
}

fn support(runtime: &Runtime) -> Support {
    match runtime.row() {
        Some(row) if row.unmasks(runtime.version()) => Support::Supported,
        Some(_) => Support::Unsupported,
        None => Support::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{Cause, remedy};
    use crate::check::pod::PROCMOUNT_RUNTIME;
    use crate::fact::{unmasking, with_user_namespaces};

    #[test]
    fn what_runtimes_make_of_unmasked() {
        use Support::{Supported, Unknown, Unsupported};
        for (version, expected) in [
            ("containerd://1.2.7", Unsupported),
            ("containerd://1.2.8", Supported),
            ("containerd://1.3.0", Supported),
            ("containerd://1.4.1", Supported),
            ("containerd://1.4.2", Unsupported),
            ("containerd://1.4.13", Unsupported),
            ("containerd://1.5.0", Supported),
            ("containerd://2.1.4+bottlerocket", Supported),
            ("cri-o://1.24.6", Unsupported),
            ("cri-o://1.25.0", Supported),
            ("cri-o://1.33.1", Unsupported),
            ("cri-o://1.33.2", Supported),
            ("cri-o://1.34.0", Supported),
            ("docker://27.3.1", Unsupported),
            ("pouch://1.0.0", Unknown),
        ] {
            assert_eq!(support(&version.to_owned().try_into().expect(version)), expected, "{version}");
        }
        assert_eq!(procmount_support(&Facts::unknown()), Unknown);
    }

    #[test]
    fn check_remedy_and_manual_name_the_versions_of_the_table() {
        let fix = remedy(Cause::ProcmountRuntime, &Facts::unknown(), None).fix;
        for (place, text) in
            [("the check", PROCMOUNT_RUNTIME.why), ("the remedy", &fix), ("the manual", include_str!("../../docs/platforms.md"))]
        {
            assert!(text.contains(&unmasking()), "{place}: {text}");
        }
        // The same pod asks for hostUsers: false, which takes newer ones.
        assert!(fix.contains("hostUsers: false") && fix.contains(&with_user_namespaces()), "{fix}");
    }
}
