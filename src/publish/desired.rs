use super::condition::{Condition, Status, condition};
use super::event::Event;
use super::labels::{Accept, labels};
use super::names::{ConditionType, Key};
use super::node::Node;
use super::tuned;
use crate::check::{Profile, Ready, Verdict, judge};
use crate::fact::{Facts, Kubelet};
use std::collections::BTreeMap;

/// All that the agent of the default profile owns on its Node. What it leaves out of an apply is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Labels, by key.
    pub labels: BTreeMap<Key, String>,
    /// Conditions, that of the default profile first.
    pub conditions: Vec<Condition>,
    /// What `tune` did, and whether it came after the Node was last written. What a change of a condition has to tell, the
    /// writer knows.
    pub events: Vec<(Event, bool)>,
    /// What each profile came to.
    pub verdicts: Vec<Verdict>,
    /// What the kubelet said when this was judged.
    pub kubelet: Kubelet,
    /// What is said of the default profile.
    pub published: Ready,
}

impl Desired {
    /// All that others see of it.
    pub fn says(&self) -> (&BTreeMap<Key, String>, &[Condition]) {
        (&self.labels, &self.conditions)
    }
}

/// Judges the facts and says what should stand on the Node, where `node` stands now.
pub fn desired(facts: &Facts, accept: Accept, node: &Node, prefix: &str) -> Desired {
    let verdicts = Profile::ALL.map(|profile| judge(facts, profile, None)).to_vec();
    let labels = labels(facts, &verdicts, accept, node, prefix);
    let default = &verdicts[0];
    let mut conditions = vec![condition(facts, default, accept)];
    for (profile, kind) in [(Profile::ProcMount, ConditionType::ProcMount), (Profile::Userns, ConditionType::Userns)] {
        if labels.contains_key(&Key::Verdict(profile)) && node.condition(kind).is_some() {
            conditions.push(withdrawn(kind));
        }
    }
    let events = tuned::events(facts, node);
    Desired { published: accept.of(default), labels, conditions, events, verdicts, kubelet: facts.kubelet.clone() }
}

/// What a canary said once, where none can run any more.
fn withdrawn(kind: ConditionType) -> Condition {
    let short = "this node is no candidate any more, so no canary proves it".to_owned();
    Condition { kind, status: Status::False, reason: "NoCandidate".into(), message: short.clone(), short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Evidence;
    use crate::check::testing::{facts_of, healthy, with_probe};
    use crate::fact::{Errno, Fact, Namespace, OsRelease, Seccomp, Step};
    use crate::publish::DEFAULT_PREFIX;

    fn wanted(facts: &Facts) -> Desired {
        desired(facts, Accept::Proven, &Node::default(), DEFAULT_PREFIX)
    }

    fn label(desired: &Desired, key: Key) -> Option<&str> {
        desired.labels.get(&key).map(String::as_str)
    }

    const DEFAULT: Key = Key::Verdict(Profile::NoProcessSandbox);

    #[test]
    fn a_healthy_pod_is_ready_and_nothing_else_is() {
        let wanted = wanted(&healthy());
        assert_eq!(wanted.published, Ready::Ready);
        for (key, value) in [
            (DEFAULT, Some("ready")),
            (Key::Cause, None),
            (Key::Snapshotter, Some("overlayfs")),
            (Key::Kernel, Some("6.12")),
            (Key::UnprivilegedUsernsClone, Some("absent")),
            (Key::Verdict(Profile::Privileged), Some("unknown")),
            (Key::Verdict(Profile::Rootful), Some("unknown")),
            // Nobody has said that a canary would start, and no canary has spoken.
            (Key::ProcmountCandidate, None),
            (Key::Verdict(Profile::ProcMount), None),
            (Key::ProcmountRuntime, Some("unknown")),
            (Key::Distro, None),
        ] {
            assert_eq!(label(&wanted, key), value, "{}", key.name());
        }
        let [condition] = wanted.conditions.as_slice() else { panic!("one condition") };
        assert_eq!((condition.status, condition.reason.as_str()), (Status::True, "Proven"));
        assert_eq!(
            condition.message,
            "rootless BuildKit can run here: all that a build needs of the kernel was done with overlayfs (proven)"
        );
    }

    #[test]
    fn what_is_not_proven_is_not_published_as_ready() {
        let predicted = facts_of(&|_| {});
        let mut probed = healthy();
        probed.process.pid_namespace = Fact::Known(Namespace::Initial);
        for (facts, accept, evidence, published) in [
            (&predicted, Accept::Proven, Evidence::Predicted, Ready::Unknown),
            (&predicted, Accept::Probed, Evidence::Predicted, Ready::Unknown),
            (&probed, Accept::Proven, Evidence::Probed, Ready::Unknown),
            (&probed, Accept::Probed, Evidence::Probed, Ready::Ready),
        ] {
            let wanted = desired(facts, accept, &Node::default(), DEFAULT_PREFIX);
            assert_eq!((wanted.verdicts[0].evidence, wanted.published), (evidence, published), "{accept:?}");
            let says = wanted.conditions[0].reason.as_str();
            assert_eq!(says, if published == Ready::Unknown { "NotProven" } else { "Probed" });
        }
    }

    #[test]
    fn a_failure_is_told_with_its_evidence_and_its_remedy() {
        let set = |facts: &mut Facts| {
            facts.sysctls.max_user_namespaces = Fact::Known(0);
            facts.os = Fact::Known(OsRelease { id: "bottlerocket".into(), ..OsRelease::default() });
        };
        let wanted = wanted(&with_probe(facts_of(&set), Some((Step::UserNamespace, Errno::ENOSPC))));
        assert_eq!((label(&wanted, DEFAULT), label(&wanted, Key::Cause)), (Some("not-ready"), Some("userns-max0")));
        assert_eq!(label(&wanted, Key::Snapshotter), None);
        let fix = r#"apiclient set -j '{"settings":{"kernel":{"sysctl":{"user.max_user_namespaces":"63359"}}}}'"#;
        let title = "no user may make user namespaces";
        let seen = "new user namespace: ENOSPC, No space left on device; user.max_user_namespaces is 0";
        assert_eq!(wanted.conditions[0].message, format!("rootless BuildKit can't run here: {title} (proven: {seen}). Fix: {fix}."));
        assert_eq!(wanted.conditions[0].short, format!("{title}: {seen}"));
    }

    #[test]
    fn a_filter_that_the_pod_did_not_ask_for_is_the_nodes() {
        let filtered = |asked: bool| {
            let set = |facts: &mut Facts| {
                facts.process.seccomp = Fact::Known(Seccomp::Filter);
                facts.process.asked_unconfined = Fact::Known(asked);
            };
            let mut facts = with_probe(facts_of(&set), Some((Step::UserNamespace, Errno::EPERM)));
            facts.probes[0].steps[0].filtered = Some(true);
            wanted(&facts)
        };
        let message = "rootless BuildKit can't run here: a seccomp filter refuses what a builder needs (proven: new user namespace: EPERM, \
            Operation not permitted; the seccomp filter of this pod answers in the kernel's place). Fix: use other nodes, or find what on \
            this one adds a seccomp filter to pods whose seccompProfile is Unconfined: the OCI runtime, the platform, or an admission webhook.";
        assert_eq!(filtered(true).conditions[0].message, message);
        assert_eq!(filtered(true).verdicts[0].evidence, Evidence::Proven);
        assert!(filtered(false).conditions[0].message.contains("set securityContext.seccompProfile to {type: Unconfined}"));
    }

    #[test]
    fn what_a_canary_said_is_withdrawn_where_none_can_run() {
        let stands: Node = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "n", "uid": "u", "labels": {"buildkit-preflight.dev/procmount": "ready"}},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True"}]},
        }))
        .expect("a node");
        let mut facts = healthy();
        let wanted = |facts: &Facts| desired(facts, Accept::Proven, &stands, DEFAULT_PREFIX);
        let withdrawn = wanted(&facts);
        assert_eq!(label(&withdrawn, Key::Verdict(Profile::ProcMount)), Some("not-ready"));
        assert_eq!(withdrawn.conditions[1].kind, ConditionType::ProcMount);
        facts.kubelet.version = Fact::Known("v1.36.3".into());
        facts.kubelet.pod_user_namespaces = Fact::Known(true);
        let left_alone = wanted(&facts);
        assert_eq!(label(&left_alone, Key::ProcmountCandidate), Some("true"));
        assert_eq!((label(&left_alone, Key::Verdict(Profile::ProcMount)), left_alone.conditions.len()), (None, 1));
    }
}
