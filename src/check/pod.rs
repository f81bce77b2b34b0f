//! Whether Kubernetes gives a pod what it asks for: a user namespace of its own, and a /proc without masks.

use super::kubernetes::{Gate, PROC_MOUNT, REFUSES, Support, TELLS, USER_NAMESPACES, procmount_support};
use super::row::{Check, Judgement, Kind};
use super::seen::pod::{Ignored, Seen};
use crate::cause::Cause;
use crate::fact::{Errno, Fact, Facts, IDMAPPED_MOUNTS, IDMAPPED_TMPFS, Step, Sysctl};
use crate::profile::Profile;

pub(super) const POD_USER_NAMESPACE: Check = Check {
    id: "pod-user-namespace",
    title: "pod with a user namespace",
    why: "A pod with hostUsers: false needs a kernel with idmapped mounts (MOUNT_ATTR_IDMAP, Linux 5.12; for tmpfs volumes Linux 6.3, KEP-127). It also needs a runtime that creates user namespaces for pods: only such a pod can prove that it does.",
    causes: &[Cause::Yama, Cause::UsernsPodRuntime],
    steps: &[],
    kind: Kind::Fact {
        judge: |case| {
            if !case.profile.has_pod_user_namespace() {
                return Judgement::NotApplicable;
            }
            let kernel = case.facts.kernel.known();
            let runtime = case.facts.kubelet.runtime.known().filter(|runtime| runtime.ignores_user_namespaces());
            match (case.place.may_have_pods_user_namespace(), kernel) {
                (true, _) => Judgement::Pass,
                _ if case.place.got_no_user_namespace() => {
                    Judgement::fail(Cause::UsernsPodRuntime, Seen::NoUserNamespace(who_ignored(case.facts, &USER_NAMESPACES)))
                }
                _ if let Some(runtime) = runtime => Judgement::fail(Cause::UsernsPodRuntime, Seen::RuntimeIgnores(runtime.clone())),
                _ if case.facts.sysctls.get(Sysctl::YamaPtraceScope).known() == Some(&3) => Judgement::fail(Cause::Yama, Seen::Yama),
                (_, Some(kernel)) if !kernel.can(IDMAPPED_MOUNTS) => {
                    Judgement::fail(Cause::UsernsPodRuntime, Seen::NoIdmappedMounts(kernel.clone()))
                }
                (_, Some(kernel)) if !kernel.can(IDMAPPED_TMPFS) => Judgement::unknown(Seen::NoIdmappedTmpfs(kernel.clone())),
                _ => match &case.facts.kernel {
                    Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
                    Fact::Known(_) | Fact::Absent => Judgement::unknown(Seen::LooksAble),
                },
            }
        },
        explains: |_| false,
    },
};

/// Who ignored a field that has this feature gate at the API server.
fn who_ignored(facts: &Facts, gate: &Gate) -> Ignored {
    let locked = facts.kubelet.version.known().is_some_and(|version| version.numbers() >= (1, gate.locked, 0));
    Ignored { runtime: facts.kubelet.runtime.known().cloned(), gate: (!locked).then_some(gate.name) }
}

pub(super) const RUNTIME_USER_NAMESPACES: Check = Check {
    id: "runtime-user-namespaces",
    title: "kubelet and runtime for hostUsers: false",
    why: "A kubelet refuses such a pod where its runtime does not report features.userNamespaces by CRI (kubelet 1.30, pkg/kubelet/userns). containerd reports the feature from 2.0 on and CRI-O from 1.30 on. The feature is about the OCI runtime and not about the kernel: true proves nothing.",
    causes: &[Cause::UsernsPodRuntime],
    steps: &[],
    kind: Kind::Fact {
        judge: |case| {
            if !case.profile.has_pod_user_namespace() {
                return Judgement::NotApplicable;
            }
            if case.place.may_have_pods_user_namespace() {
                return Judgement::Pass;
            }
            let kubelet = &case.facts.kubelet;
            let version = match &kubelet.version {
                Fact::Known(version) => version,
                // Nobody has asked the kubelet.
                Fact::Absent | Fact::Denied(_) => return Judgement::NotApplicable,
                Fact::Failed(why) => return Judgement::unknown(why),
            };
            match (&kubelet.pod_user_namespaces, version.numbers(), kubelet.runtime.known()) {
                (_, number, _) if number < REFUSES => Judgement::unknown(Seen::KubeletMayIgnore(version.clone())),
                (Fact::Known(true), ..) => Judgement::Pass,
                (Fact::Known(false), _, runtime) => Judgement::fail(Cause::UsernsPodRuntime, Seen::RuntimeCant(runtime.cloned())),
                // Without the runtime's version either: one of them has just been started.
                (Fact::Absent, number, Some(runtime)) if number >= TELLS => {
                    Judgement::fail(Cause::UsernsPodRuntime, Seen::RuntimeSilent(runtime.clone()))
                }
                (Fact::Absent, _, runtime) => {
                    Judgement::unknown(Seen::KubeletSilent { kubelet: version.clone(), runtime: runtime.cloned() })
                }
                (Fact::Denied(why) | Fact::Failed(why), ..) => Judgement::unknown(why),
            }
        },
        explains: |_| false,
    },
};

pub(super) const PROCMOUNT_RUNTIME: Check = Check {
    id: "procmount-runtime",
    title: "procMount: Unmasked",
    why: "In CRI an empty list of masked paths means unmasked, but looks like a missing list. Runtimes that do not distinguish the two mask /proc silently. The field is honoured by containerd 1.2.8 to 1.4.1 and from 1.5 on, CRI-O 1.25 to 1.32 and from 1.33.2 on (containerd commit 07f1df454, cri-o#9069). cri-dockerd never passes the field on. The often quoted versions (Docker 18.06, containerd 1.2, CRI-O 1.12) only introduced the field.",
    causes: &[Cause::ProcmountRuntime],
    steps: &[Step::Proc],
    kind: Kind::Fact {
        judge: |case| {
            if case.profile != Profile::ProcMount || !case.plan.process_sandbox {
                return Judgement::NotApplicable;
            }
            let asked = case.facts.process.asked_unmasked_proc.known() == Some(&true) && case.place.is_builders_confinement();
            match (&case.facts.proc_fs, &case.facts.kubelet.runtime) {
                (Fact::Known(proc), _) if asked && (proc.masks.is_empty() || proc.complete_elsewhere) => Judgement::Pass,
                (Fact::Known(proc), _) if asked => {
                    let by = who_ignored(case.facts, &PROC_MOUNT);
                    Judgement::fail(Cause::ProcmountRuntime, Seen::Masked { proc: proc.clone(), by })
                }
                (_, Fact::Known(runtime)) => match procmount_support(case.facts) {
                    Support::Supported => Judgement::Pass,
                    Support::Unsupported => Judgement::fail(Cause::ProcmountRuntime, Seen::RuntimeMasks(runtime.clone())),
                    Support::Unknown => Judgement::unknown(Seen::RuntimeUnknown(runtime.clone())),
                },
                // Nobody has asked the kubelet, or the kubelet got no answer.
                _ => Judgement::NotApplicable,
            }
        },
        explains: |failed| failed.errno == Some(Errno::EPERM) && failed.filtered != Some(true),
    },
};

#[cfg(test)]
mod tests {
    use crate::cause::Cause;
    use crate::check::seen::pod::{Ignored, Seen};
    use crate::check::testing::{bare, facts_of, finding, pod_map};
    use crate::check::{Evidence, Note, Outcome, Ready, judge};
    use crate::fact::{Fact, Facts, ProcFs, Sysctl};
    use crate::profile::Profile;

    fn runtime(text: &str) -> Fact<crate::fact::Runtime> {
        Fact::Known(text.to_owned().try_into().expect("a runtime"))
    }

    /// In a pod that asked for it.
    fn asked(facts: &mut Facts) {
        facts.process.asked_user_namespace = Fact::Known(true);
        facts.process.asked_unmasked_proc = Fact::Known(true);
    }

    #[test]
    fn pod_user_namespace() {
        let judged = |change: &dyn Fn(&mut Facts)| finding("pod-user-namespace", Profile::ProcMount, change);
        let kernel = |text: &str| Fact::Known(text.to_owned().try_into().expect("a release"));
        assert_eq!(judged(&|f| f.process.uid_map = pod_map(65_536)).outcome, Outcome::Pass);
        assert_eq!(judged(&|f| f.kernel = kernel("5.10.0-1")).cause, Some(Cause::UsernsPodRuntime));
        assert_eq!(judged(&bare).outcome, Outcome::Unknown);
        let unread = judged(&|f| f.kernel = Fact::Denied("uname(2): permission denied".into()));
        assert_eq!(
            (unread.outcome, unread.note.map(|note| note.to_string())),
            (Outcome::Unknown, Some("uname(2): permission denied".into()))
        );
        for (text, cause) in [
            ("containerd://1.6.8", Some(Cause::UsernsPodRuntime)),
            ("containerd://1.7.0", None),
            ("cri-o://1.24.6", Some(Cause::UsernsPodRuntime)),
            ("docker://29.0.0", Some(Cause::UsernsPodRuntime)),
            ("mine://0.1.0", None),
        ] {
            assert_eq!(judged(&|f| f.kubelet.runtime = runtime(text)).cause, cause, "{text}");
        }
        let yama = |f: &mut Facts| f.sysctls.set(Sysctl::YamaPtraceScope, Fact::Known(3));
        assert_eq!(judged(&yama).cause, Some(Cause::Yama));
        assert_eq!(finding("pod-user-namespace", Profile::NoProcessSandbox, &yama).outcome, Outcome::NotApplicable);
    }

    #[test]
    fn a_pod_that_got_no_user_namespace_proves_that_it_was_ignored() {
        for (version, gate) in [("v1.36.3", None), ("v1.35.0", Some("UserNamespacesSupport"))] {
            let facts = facts_of(&|facts| {
                asked(facts);
                facts.kubelet.version = Fact::Known(version.to_owned().try_into().expect("a version"));
                facts.kubelet.runtime = runtime("containerd://1.6.9");
            });
            for profile in Profile::CANARIES.into_iter().filter(|profile| profile.has_pod_user_namespace()) {
                let verdict = judge(&facts, profile, None);
                let named = (verdict.ready(), verdict.evidence, verdict.decisive());
                assert_eq!(named, (Ready::NotReady, Evidence::Proven, Some(Cause::UsernsPodRuntime)));
                let note = verdict.findings.into_iter().find(|finding| finding.cause.is_some()).and_then(|finding| finding.note);
                let by = Ignored { runtime: runtime("containerd://1.6.9").known().cloned(), gate };
                assert_eq!(note, Some(Note::Pod(Seen::NoUserNamespace(by))), "{version}");
            }
            assert_eq!(judge(&facts, Profile::NoProcessSandbox, None).ready(), Ready::Ready);
        }
    }

    #[test]
    fn the_nodes_user_namespace_is_not_the_pods() {
        // As the default profile's agent in a container of LXC, where all is well.
        let node = |facts: &mut Facts, asks: bool| {
            (facts.process.uid_map, facts.process.gid_map) = (lxc(), lxc());
            facts.process.asked_user_namespace = Fact::Known(asks);
            facts.process.asked_unconfined = Fact::Known(true);
        };
        let probed = |profile, asks: bool, ids: Fact<u64>| {
            let mut facts = crate::check::testing::with_probe_of(facts_of(&|facts| node(facts, asks)), profile, None);
            facts.node_ids = ids;
            let verdict = judge(&facts, profile, None);
            (verdict.ready(), verdict.evidence, verdict.decisive())
        };
        let own = Profile::NoProcessSandbox;
        assert_eq!(probed(own, false, Fact::Absent), (Ready::Ready, Evidence::Proven, None), "its shape is what it asked for");
        // A canary that got none, and one of which nobody knows.
        let withheld = (Ready::NotReady, Evidence::Proven, Some(Cause::UsernsPodRuntime));
        assert_eq!(probed(Profile::ProcMount, true, Fact::Known(262_144)), withheld);
        assert_ne!(probed(Profile::ProcMount, true, Fact::Absent).1, Evidence::Proven);
        assert_eq!(
            probed(Profile::ProcMount, true, Fact::Known(1_000_000)),
            (Ready::Ready, Evidence::Proven, None),
            "some of the node's IDs"
        );
        assert_eq!(probed(Profile::ProcMount, false, Fact::Absent).1, Evidence::Predicted, "no pod that asks for one was tried");
    }

    /// A map of LXC.
    fn lxc() -> Fact<crate::fact::IdMap> {
        crate::fact::IdMap::parse("0 100000 262144").map_or(Fact::Absent, Fact::Known)
    }

    #[test]
    fn runtime_user_namespaces() {
        let judged = |version: &str, says: Fact<bool>| {
            let change = |facts: &mut Facts| {
                facts.kubelet.version = Fact::Known(version.to_owned().try_into().expect("a version"));
                facts.kubelet.runtime = runtime("containerd://2.4.2");
                facts.kubelet.pod_user_namespaces = says.clone();
            };
            finding("runtime-user-namespaces", Profile::Userns, &change).outcome
        };
        assert_eq!(judged("v1.36.3", Fact::Known(true)), Outcome::Pass);
        assert_eq!(judged("v1.36.3", Fact::Known(false)), Outcome::Fail);
        assert_eq!(judged("v1.31.0", Fact::Absent), Outcome::Fail);
        assert_eq!(judged("v1.30.9", Fact::Absent), Outcome::Unknown, "it does not tell yet");
        assert_eq!(judged("v1.29.1", Fact::Known(true)), Outcome::Unknown);
        assert_eq!(judged("v1.36.3", Fact::Failed("garbage".into())), Outcome::Unknown);
        let nobody = finding("runtime-user-namespaces", Profile::Userns, &|_| {});
        assert_eq!(nobody.outcome, Outcome::NotApplicable, "nobody has asked the kubelet");
    }

    #[test]
    fn procmount_runtime() {
        let judged = |change: &dyn Fn(&mut Facts)| finding("procmount-runtime", Profile::ProcMount, change);
        let masked = || Fact::Known(ProcFs { masks: vec!["/proc/kcore".into(), "/proc/keys".into()], complete_elsewhere: false });
        let in_canary = |facts: &mut Facts, proc_fs: Fact<ProcFs>| {
            asked(facts);
            facts.process.uid_map = pod_map(65_536);
            facts.proc_fs = proc_fs;
            facts.kubelet.runtime = runtime("cri-o://1.33.1");
        };
        // What the pod got outranks what the version says.
        assert_eq!(judged(&|facts| in_canary(facts, Fact::Known(ProcFs::default()))).outcome, Outcome::Pass);
        let found = judged(&|facts| in_canary(facts, masked()));
        assert_eq!((found.outcome, found.cause), (Outcome::Fail, Some(Cause::ProcmountRuntime)));
        let by = Ignored { runtime: runtime("cri-o://1.33.1").known().cloned(), gate: Some("ProcMountType") };
        let proc = masked().known().cloned().expect("a /proc");
        assert_eq!(found.note, Some(Note::Pod(Seen::Masked { proc, by })));
        let verdict = judge(&facts_of(&|facts| in_canary(facts, masked())), Profile::ProcMount, None);
        assert!(verdict.causes().contains(&Cause::ProcmountRuntime) && !verdict.causes().contains(&Cause::MaskedProc));
        for (version, outcome) in
            [("cri-o://1.33.1", Outcome::Fail), ("cri-o://1.33.2", Outcome::Pass), ("pouch://1.0.0", Outcome::Unknown)]
        {
            assert_eq!(judged(&|facts| facts.kubelet.runtime = runtime(version)).outcome, outcome, "{version}");
        }
        assert_eq!(judged(&|_| {}).outcome, Outcome::NotApplicable, "nobody has asked the kubelet");
        assert_eq!(finding("procmount-runtime", Profile::Privileged, &|_| {}).outcome, Outcome::NotApplicable);
    }
}
