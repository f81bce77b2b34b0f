//! What versions of Kubernetes and of container runtimes do.

use crate::fact::{Fact, Facts, Runtime};
use std::fmt;

/// From this version on nobody can switch pod user namespaces and procMount off at the API server, which is never older than a kubelet
/// (KEP-127, the version skew policy).
pub(crate) const LOCKED_ON: (u32, u32, u32) = (1, 36, 0);

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

/// What the node's runtime makes of `procMount: Unmasked`, by its version.
pub fn procmount_support(facts: &Facts) -> Support {
    match &facts.kubelet.runtime {
        Fact::Known(runtime) => support(runtime),
        _ => Support::Unknown,
    }
}

/// In CRI the empty list of masked paths, which means unmasked, looks like an absent one: runtimes that do not
/// tell the two apart mask all the same (containerd commit 07f1df454, cri-o#9069).
fn support(runtime: &Runtime) -> Support {
    let works = match (runtime.name(), runtime.version()) {
        ("containerd", (1, 2, patch)) => patch >= 8,
        ("containerd", (1, 4, patch)) => patch <= 1,
        ("containerd", version) => version >= (1, 3, 0),
        ("cri-o", (1, 33, patch)) => patch >= 2,
        ("cri-o", version) => version >= (1, 25, 0),
        // cri-dockerd passes no such list on.
        ("docker", _) => false,
        _ => return Support::Unknown,
    };
    if works { Support::Supported } else { Support::Unsupported }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
