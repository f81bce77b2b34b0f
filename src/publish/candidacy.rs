//! Whether a canary of a profile would start here: where its pod has a user namespace, that goes by what the kubelet says.

use crate::cause::{Cause, Mark};
use crate::check::kubernetes::REFUSES;
use crate::check::{Ready, Verdict};
use crate::fact::{Fact, Facts, IDMAPPED_TMPFS, Why};

/// Whether a canary of a profile can be tried on a node: a pod that proves the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidacy {
    /// It would start, by all that can be read.
    Candidate,
    /// A builder can't work here, so none is tried: the verdict says why.
    Refused,
    /// A builder might work here, but a canary would not start, or start as another pod than the one that was asked for.
    Unprovable(String),
}

/// Whether a canary of the verdict's profile would start here; whether a builder works, the canary proves.
pub fn candidacy(facts: &Facts, verdict: &Verdict) -> Candidacy {
    // What confines the agent's own pod need not confine a canary that asks for nothing: it may have a profile of the node's own.
    let is_own = |cause: Cause| !verdict.profile.asked().unconfined && cause.row().is(Mark::OfConfinement);
    if verdict.ready() == Ready::NotReady && !verdict.decisive().is_some_and(is_own) {
        return Candidacy::Refused;
    }
    if !verdict.profile.has_pod_user_namespace() {
        return Candidacy::Candidate;
    }
    let unprovable = |why: String| Candidacy::Unprovable(why);
    let unread = |fact: Option<&Why>, what: &str| {
        unprovable(format!("{what} is unknown: {}", fact.map_or_else(|| "not reported".to_owned(), ToString::to_string)))
    };
    // A canary has a token, which is a tmpfs; a builder needs none.
    match facts.kernel.known() {
        Some(kernel) if kernel.can(IDMAPPED_TMPFS) => {}
        Some(kernel) => {
            return unprovable(format!(
                "on Linux {kernel} a canary pod can't start: its token is a tmpfs, which a pod with hostUsers: false can't have before Linux {IDMAPPED_TMPFS}; a builder without tmpfs volumes may work"
            ));
        }
        None => return unread(facts.kernel.unreadable(), "the kernel"),
    }
    let Some(version) = facts.kubelet.version.known() else { return unread(facts.kubelet.version.unreadable(), "the kubelet's version") };
    if version.numbers() < REFUSES {
        return unprovable(format!(
            "kubelet {version} may run a pod with hostUsers: false without a user namespace (1.30 and newer never do), so no canary is sent to this node"
        ));
    }
    match &facts.kubelet.pod_user_namespaces {
        Fact::Known(_) | Fact::Absent => Candidacy::Candidate,
        Fact::Denied(why) | Fact::Failed(why) => unread(Some(why), "whether the runtime gives pods user namespaces"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::facts_of;
    use crate::fact::{Seccomp, Sysctl};
    use crate::profile::Profile;

    #[test]
    fn a_candidate_has_all_that_a_canary_needs_to_start() {
        use Candidacy::{Candidate, Refused, Unprovable};
        let runtime = |text: &str| text.to_owned().try_into().map_or(Fact::Absent, Fact::Known);
        let kernel = |text: &str| text.to_owned().try_into().map_or(Fact::Absent, Fact::Known);
        let version = |text: &str| text.to_owned().try_into().map_or(Fact::Absent, Fact::Known);
        let asked = |profile, change: &dyn Fn(&mut Facts)| {
            let facts = facts_of(&|facts| {
                facts.kubelet.version = version("v1.36.3");
                facts.kubelet.runtime = runtime("containerd://2.0.1");
                facts.kubelet.pod_user_namespaces = Fact::Known(true);
                change(facts);
            });
            candidacy(&facts, &judge(&facts, profile, None))
        };
        assert_eq!(asked(Profile::Baseline, &|facts| facts.kernel = kernel("5.10.0")), Candidate, "it has no user namespace of its own");
        // An agent without Unconfined, whose pod a filter confines: its canary may have a profile of the node's own.
        let filtered = |facts: &mut Facts| {
            facts.process.asked_unconfined = Fact::Known(false);
            facts.process.seccomp = Fact::Known(Seccomp::Strict);
        };
        assert_eq!(asked(Profile::Baseline, &filtered), Candidate);
        assert_eq!(asked(Profile::Baseline, &|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0))), Refused);
        for profile in Profile::CANARIES.into_iter().filter(|profile| profile.has_pod_user_namespace()) {
            assert_eq!(asked(profile, &|_| {}), Candidate, "{profile}");
            // Where it can't work, and where nobody can prove it.
            assert_eq!(asked(profile, &|facts| facts.kernel = kernel("5.10.0")), Refused);
            assert_eq!(asked(profile, &|facts| facts.kubelet.pod_user_namespaces = Fact::Known(false)), Refused);
            assert_eq!(asked(profile, &|facts| facts.kubelet.pod_user_namespaces = Fact::Absent), Refused);
            assert_eq!(asked(profile, &|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0))), Refused);
            assert_eq!(
                asked(profile, &|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(1))),
                Refused,
                "one such pod needs two"
            );
            assert_eq!(asked(profile, &|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(3))), Candidate, "or four: try it");
            assert_eq!(asked(profile, &|facts| facts.sysctls.set(Sysctl::YamaPtraceScope, Fact::Known(3))), Refused);
            assert!(matches!(asked(profile, &|facts| facts.kernel = kernel("6.1.0")), Unprovable(why) if why.contains("6.1.0")));
            assert!(matches!(asked(profile, &|facts| facts.kernel = Fact::Denied("no".into())), Unprovable(_)));
            assert!(matches!(asked(profile, &|facts| facts.kubelet.version = version("v1.29.0")), Unprovable(_)));
            // It does not tell yet what its runtime can do, and refuses what that can't.
            let quiet = |facts: &mut Facts| {
                facts.kubelet.version = version("v1.30.2");
                facts.kubelet.pod_user_namespaces = Fact::Absent;
            };
            assert_eq!(asked(profile, &quiet), Candidate);
        }
        let old = |facts: &mut Facts| facts.kubelet.runtime = runtime("cri-o://1.33.1");
        assert_eq!(asked(Profile::ProcMount, &old), Refused);
        assert_eq!(asked(Profile::Userns, &old), Candidate);
        let switched_off = |facts: &mut Facts| facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0));
        assert_eq!(asked(Profile::ProcMount, &switched_off), Refused);
        assert_eq!(asked(Profile::Userns, &switched_off), Candidate, "root makes its namespace");
    }
}
