//! Whether a canary of a profile with a pod user namespace would start here, by what the kubelet says.

use super::{Profile, Ready, Verdict};
use crate::fact::{Fact, Facts, Runtime, numbers};
use std::fmt;

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

/// Whether a canary of the verdict's profile would start here; whether a builder works, the canary proves.
pub fn candidate(facts: &Facts, verdict: &Verdict) -> bool {
    // A canary has a token, which is a tmpfs, and that can't be mounted with mapped IDs before Linux 6.3 (KEP-127).
    let kernel = facts.kernel.known().is_some_and(|kernel| kernel.version() >= (6, 3));
    // Older kubelets may run such a pod without a user namespace.
    let kubelet = facts.kubelet.version.known().and_then(|version| numbers(version)).is_some_and(|version| version >= (1, 30, 0));
    let runtime = facts.kubelet.pod_user_namespaces.known() == Some(&true);
    let unmasked = verdict.profile != Profile::ProcMount || procmount_support(facts) != Support::Unsupported;
    verdict.ready != Ready::NotReady && kernel && kubelet && runtime && unmasked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::facts_of;

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
    fn a_candidate_has_all_that_a_canary_needs_to_start() {
        let able = |facts: &mut Facts| {
            facts.kubelet.version = Fact::Known("v1.36.3".into());
            facts.kubelet.runtime = "containerd://2.0.1".to_owned().try_into().map_or(Fact::Absent, Fact::Known);
            facts.kubelet.pod_user_namespaces = Fact::Known(true);
        };
        let asked = |profile, change: &dyn Fn(&mut Facts)| {
            let facts = facts_of(&|facts| {
                able(facts);
                change(facts);
            });
            candidate(&facts, &judge(&facts, profile, None))
        };
        for profile in [Profile::ProcMount, Profile::Userns] {
            assert!(asked(profile, &|_| {}), "{profile}");
            assert!(!asked(profile, &|facts| facts.kernel = "6.1.0".to_owned().try_into().map_or(Fact::Absent, Fact::Known)));
            assert!(!asked(profile, &|facts| facts.kubelet.pod_user_namespaces = Fact::Absent));
            assert!(!asked(profile, &|facts| facts.kubelet.version = Fact::Known("v1.29.0".into())));
            assert!(!asked(profile, &|facts| facts.sysctls.max_user_namespaces = Fact::Known(0)));
        }
        let old = |facts: &mut Facts| facts.kubelet.runtime = "cri-o://1.33.1".to_owned().try_into().map_or(Fact::Absent, Fact::Known);
        assert!(!asked(Profile::ProcMount, &old));
        assert!(asked(Profile::Userns, &old));
    }
}
