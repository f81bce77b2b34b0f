//! Whether Kubernetes gives a pod what it asks for: a user namespace of its own, and a /proc without masks.

use super::kubernetes::{Gate, PROC_MOUNT, REFUSES, Support, TELLS, USER_NAMESPACES, procmount_support};
use super::row::{Check, Judgement, Kind};
use crate::cause::Cause;
use crate::fact::{Errno, Fact, Facts, IDMAPPED_MOUNTS, IDMAPPED_TMPFS, Step, Sysctl};
use crate::profile::Profile;

pub(super) const POD_USER_NAMESPACE: Check = Check {
    id: "pod-user-namespace",
    title: "pod with a user namespace",
    why: "A pod with hostUsers: false needs a kernel with idmapped mounts (MOUNT_ATTR_IDMAP, Linux 5.12; for tmpfs volumes 6.3, KEP-127) and a runtime that makes one: only such a pod can prove it.",
    causes: &[Cause::Yama, Cause::UsernsPodRuntime],
    steps: &[],
    kind: Kind::Fact {
        judge: |case| {
            if !case.profile.has_pod_user_namespace() {
                return Judgement::NotApplicable;
            }
            let kernel = case.facts.kernel.known();
            match (case.facts.in_user_namespace(), kernel) {
                (Some(true), _) => Judgement::Pass,
                _ if case.place.got_no_user_namespace() => Judgement::fail(
                    Cause::UsernsPodRuntime,
                    format!(
                        "the pod asked for hostUsers: false and got the machine's own user namespace: {}",
                        who_ignored(case.facts, &USER_NAMESPACES)
                    ),
                ),
                _ if case.facts.sysctls.get(Sysctl::YamaPtraceScope).known() == Some(&3) => Judgement::fail(
                    Cause::Yama,
                    "kernel.yama.ptrace_scope is 3: the runtime can't attach to the process that holds the IDs of a pod's volumes",
                ),
                (_, Some(kernel)) if !kernel.can(IDMAPPED_MOUNTS) => Judgement::fail(
                    Cause::UsernsPodRuntime,
                    format!(
                        "Linux {kernel} has no idmapped mounts, which a pod with hostUsers: false needs ({IDMAPPED_MOUNTS}, better {IDMAPPED_TMPFS})"
                    ),
                ),
                (_, Some(kernel)) if !kernel.can(IDMAPPED_TMPFS) => Judgement::unknown(format!(
                    "on Linux {kernel} a pod with hostUsers: false starts only without tmpfs volumes (a service account token is one); only such a pod can prove it"
                )),
                _ => Judgement::unknown("looks able; only a pod with hostUsers: false can prove it"),
            }
        },
        explains: |_| false,
    },
};

/// Who ignored a field that has this feature gate at the API server.
fn who_ignored(facts: &Facts, gate: &Gate) -> String {
    let runtime = match facts.kubelet.runtime.known() {
        Some(runtime) => format!("the container runtime ({runtime})"),
        None => "the container runtime".to_owned(),
    };
    let locked = facts.kubelet.version.known().is_some_and(|version| version.numbers() >= (1, gate.locked, 0));
    match locked {
        true => format!("{runtime} ignored it"),
        false => format!("{runtime} ignored it, or the API server dropped it (feature gate {}; `check --cluster` tells)", gate.name),
    }
}

pub(super) const RUNTIME_USER_NAMESPACES: Check = Check {
    id: "runtime-user-namespaces",
    title: "kubelet and runtime for hostUsers: false",
    why: "A kubelet refuses such a pod where its runtime does not report features.userNamespaces by CRI (kubelet 1.30, pkg/kubelet/userns); containerd reports it from 2.0 and CRI-O from 1.30 on. It speaks of the OCI runtime and not of the kernel: true proves nothing.",
    causes: &[Cause::UsernsPodRuntime],
    steps: &[],
    kind: Kind::Fact {
        judge: |case| {
            if !case.profile.has_pod_user_namespace() {
                return Judgement::NotApplicable;
            }
            if case.facts.in_user_namespace() == Some(true) {
                return Judgement::Pass;
            }
            let kubelet = &case.facts.kubelet;
            let version = match &kubelet.version {
                Fact::Known(version) => version,
                // Nobody has asked the kubelet.
                Fact::Absent | Fact::Denied(_) => return Judgement::NotApplicable,
                Fact::Failed(why) => return Judgement::unknown(why),
            };
            let runtime = kubelet.runtime.known().map_or_else(|| "its runtime".to_owned(), ToString::to_string);
            let refuses = "so the kubelet refuses a pod with hostUsers: false";
            match (&kubelet.pod_user_namespaces, version.numbers()) {
                (_, number) if number < REFUSES => Judgement::unknown(format!(
                    "kubelet {version} may run a pod with hostUsers: false without a user namespace (1.30 never does)"
                )),
                (Fact::Known(true), _) => Judgement::Pass,
                (Fact::Known(false), _) => Judgement::fail(
                    Cause::UsernsPodRuntime,
                    format!(
                        "{runtime} says that it can't give pods a user namespace (runtimeHandlers, features.userNamespaces), {refuses}"
                    ),
                ),
                // Without the runtime's version either: one of them has just been started.
                (Fact::Absent, number) if number >= TELLS && kubelet.runtime.known().is_some() => Judgement::fail(
                    Cause::UsernsPodRuntime,
                    format!(
                        "{runtime} does not say that it can give pods a user namespace (runtimeHandlers, features.userNamespaces), {refuses}"
                    ),
                ),
                (Fact::Absent, _) => {
                    Judgement::unknown(format!("kubelet {version} does not tell whether {runtime} gives pods a user namespace"))
                }
                (Fact::Denied(why) | Fact::Failed(why), _) => Judgement::unknown(why),
            }
        },
        explains: |_| false,
    },
};

pub(super) const PROCMOUNT_RUNTIME: Check = Check {
    id: "procmount-runtime",
    title: "procMount: Unmasked",
    why: "In CRI an empty list of masked paths, which means unmasked, looks like none: runtimes that don't tell the two apart mask /proc all the same, without a word. The often quoted versions (Docker 18.06, containerd 1.2, CRI-O 1.12) are those in which the field came to be known; it is honoured by containerd 1.2.8 to 1.4.1 and from 1.5 on, CRI-O 1.25 to 1.32 and from 1.33.2 on (containerd commit 07f1df454, cri-o#9069); cri-dockerd never passes it on.",
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
                    let (masks, shown, who) = (proc.masks.len(), proc.shown(), who_ignored(case.facts, &PROC_MOUNT));
                    Judgement::fail(
                        Cause::ProcmountRuntime,
                        format!(
                            "the pod asked for procMount: Unmasked, and parts of /proc are hidden all the same, by {masks} mounts ({shown}): {who}"
                        ),
                    )
                }
                (_, Fact::Known(runtime)) => match procmount_support(case.facts) {
                    Support::Supported => Judgement::Pass,
                    Support::Unsupported => {
                        Judgement::fail(Cause::ProcmountRuntime, format!("{runtime} masks /proc whatever procMount says, by its version"))
                    }
                    Support::Unknown => {
                        Judgement::unknown(format!("nobody knows what {runtime} makes of procMount: only such a pod can prove it"))
                    }
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
    use crate::check::testing::{facts_of, finding, pod_map};
    use crate::check::{Evidence, Outcome, Ready, judge};
    use crate::fact::{Fact, Facts, Namespace, ProcFs, Sysctl};
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
        assert_eq!(judged(&|f| f.process.pid_namespace = Fact::Known(Namespace::Initial)).outcome, Outcome::Unknown);
        let yama = |f: &mut Facts| f.sysctls.set(Sysctl::YamaPtraceScope, Fact::Known(3));
        assert_eq!(judged(&yama).cause, Some(Cause::Yama));
        assert_eq!(finding("pod-user-namespace", Profile::NoProcessSandbox, &yama).outcome, Outcome::NotApplicable);
    }

    #[test]
    fn a_pod_that_got_no_user_namespace_proves_that_it_was_ignored() {
        for (version, says, not) in
            [("v1.36.3", "containerd://1.6.9) ignored it", "API server"), ("v1.35.0", "UserNamespacesSupport", "\n")]
        {
            let facts = facts_of(&|facts| {
                asked(facts);
                facts.kubelet.version = Fact::Known(version.to_owned().try_into().expect("a version"));
                facts.kubelet.runtime = runtime("containerd://1.6.9");
            });
            for profile in Profile::CANARIES {
                let verdict = judge(&facts, profile, None);
                let named = (verdict.ready(), verdict.evidence, verdict.decisive());
                assert_eq!(named, (Ready::NotReady, Evidence::Proven, Some(Cause::UsernsPodRuntime)));
                let message = verdict
                    .findings
                    .iter()
                    .find_map(|finding| finding.note.as_ref().filter(|_| finding.cause.is_some()).map(ToString::to_string));
                assert!(message.is_some_and(|message| message.contains(says) && !message.contains(not)), "{version}");
            }
            assert_eq!(judge(&facts, Profile::NoProcessSandbox, None).ready(), Ready::Ready);
        }
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
        let message = found.note.expect("a note").to_string();
        assert!(
            message.contains("by 2 mounts (/proc/kcore, /proc/keys): the container runtime (cri-o://1.33.1) ignored it, or the API server"),
            "{message}"
        );
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
