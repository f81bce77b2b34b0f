use super::canary::{self, Canaries};
use super::condition::{Condition, condition};
use super::event::Event;
use super::labels::{Accept, labels};
use super::tuned;
use crate::check::{Ready, Verdict, judge};
use crate::fact::{Facts, Kubelet};
use crate::node::Node;
use crate::node::{ConditionType, Key};
use crate::profile::Profile;
use std::collections::BTreeMap;

/// All that one agent wants to own on its Node. What it leaves out of an apply is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Labels, by key.
    pub labels: BTreeMap<Key, String>,
    /// Conditions, that of the agent's own profile first.
    pub conditions: Vec<Condition>,
    /// What `tune` did, and whether it came after the Node was last written. What a change of a condition has to tell, the
    /// writer knows.
    pub events: Vec<(Event, bool)>,
    /// What each profile came to, the agent's own first.
    pub verdicts: Vec<Verdict>,
    /// What the kubelet said when this was judged.
    pub kubelet: Kubelet,
    /// What is said of the agent's own profile.
    pub published: Ready,
    /// Whether it is true only as long as nobody else has written: it hangs on what another agent has said, or not said.
    pub only_if_unchanged: bool,
}

impl Desired {
    /// Whether it takes back what a canary has proven.
    pub fn withdraws(&self, node: &Node, prefix: &str) -> bool {
        let was_ready = |key| node.label(prefix, key) == Some(Ready::Ready.id());
        let spoken_for = self.conditions.iter().skip(1).map(|condition| condition.kind);
        let profiles =
            Profile::CANARIES.into_iter().filter(|profile| spoken_for.clone().any(|kind| ConditionType::of(*profile) == Some(kind)));
        profiles.map(Key::Verdict).any(was_ready)
    }

    /// All that others see of it.
    pub fn says(&self) -> (&BTreeMap<Key, String>, &[Condition]) {
        (&self.labels, &self.conditions)
    }
}

/// Judges the facts and says what the default profile's agent wants to stand on the Node, where `node` stands now.
pub fn desired(facts: &Facts, accept: Accept, node: &Node, prefix: &str, canaries: &Canaries) -> Desired {
    let verdicts = Profile::ALL.map(|profile| judge(facts, profile, None)).to_vec();
    let mut labels = labels(facts, &verdicts, accept, node, prefix);
    let default = &verdicts[0];
    let mut conditions = vec![condition(ConditionType::RootlessBuildKit, facts, default, accept)];
    let mut quiet = 0;
    for verdict in verdicts.iter().filter(|verdict| Profile::CANARIES.contains(&verdict.profile)) {
        match canary::word(facts, verdict, canaries.get(&verdict.profile), node, prefix) {
            Some(word) => {
                labels.insert(Key::Verdict(verdict.profile), word.ready.id().into());
                conditions.push(word.condition);
            }
            None => quiet += usize::from(canaries.contains_key(&verdict.profile)),
        }
    }
    let speaks_for_canaries = conditions.len() > 1;
    // How many IDs a pod gets is a canary's word too. It can't be taken away, since it is another's, but it can be replaced.
    if speaks_for_canaries && quiet == 0 && node.label(prefix, Key::PodIds).is_some() {
        labels.insert(Key::PodIds, "0".into());
    }
    let events = tuned::events(facts, node);
    Desired {
        published: accept.of(default),
        labels,
        conditions,
        events,
        verdicts,
        kubelet: facts.kubelet.clone(),
        only_if_unchanged: speaks_for_canaries,
    }
}

/// The same for the canary of a profile: its verdict, and how many IDs it was given.
pub fn proof(facts: &Facts, profile: Profile, accept: Accept) -> Desired {
    let verdict = judge(facts, profile, None);
    let kind = ConditionType::of(profile).unwrap_or(ConditionType::RootlessBuildKit);
    let published = accept.of(&verdict);
    let mut labels = BTreeMap::from([(Key::Verdict(profile), published.id().to_owned())]);
    if let Some(map) = facts.process.uid_map.known().filter(|_| facts.in_user_namespace() == Some(true)) {
        labels.insert(Key::PodIds, map.size().to_string());
    }
    Desired {
        labels,
        conditions: vec![condition(kind, facts, &verdict, accept)],
        events: Vec::new(),
        verdicts: vec![verdict],
        kubelet: facts.kubelet.clone(),
        published,
        only_if_unchanged: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Evidence;
    use crate::check::testing::{facts_of, healthy, with_probe};
    use crate::fact::{Errno, Fact, Namespace, OsRelease, Seccomp, Step};
    use crate::node::DEFAULT_PREFIX;
    use crate::publish::{Canary, Start, Status};

    fn wanted(facts: &Facts) -> Desired {
        desired(facts, Accept::Proven, &Node::default(), DEFAULT_PREFIX, &Canaries::new())
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
            let wanted = desired(facts, accept, &Node::default(), DEFAULT_PREFIX, &Canaries::new());
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
            "metadata": {"name": "n", "uid": "u", "labels": {"buildkit-preflight.dev/procmount": "ready", "buildkit-preflight.dev/pod-ids": "65536"}},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True"}]},
        }))
        .expect("a node");
        let mut facts = healthy();
        facts.kubelet.version = Fact::Known("v1.36.3".into());
        facts.kubelet.pod_user_namespaces = Fact::Known(false);
        let wanted =
            |facts: &Facts, canary| desired(facts, Accept::Proven, &stands, DEFAULT_PREFIX, &[(Profile::ProcMount, canary)].into());
        let withdrawn = wanted(&facts, Canary::Answered);
        assert_eq!(label(&withdrawn, Key::ProcmountCandidate), None);
        assert_eq!(label(&withdrawn, Key::Verdict(Profile::ProcMount)), Some("not-ready"));
        assert_eq!(label(&withdrawn, Key::PodIds), Some("0"));
        assert_eq!((withdrawn.conditions[1].kind, withdrawn.only_if_unchanged), (ConditionType::ProcMount, true));
        facts.kubelet.pod_user_namespaces = Fact::Known(true);
        let left_alone = wanted(&facts, Canary::Answered);
        assert_eq!(label(&left_alone, Key::ProcmountCandidate), Some("true"));
        assert_eq!((label(&left_alone, Key::Verdict(Profile::ProcMount)), left_alone.conditions.len()), (None, 1));
        assert_eq!((label(&left_alone, Key::PodIds), left_alone.only_if_unchanged), (None, false));
        let quiet = || Canary::Silent { seconds: 9, start: Start::NoPod };
        let silent = wanted(&facts, quiet());
        assert_eq!(label(&silent, Key::Verdict(Profile::ProcMount)), Some("unknown"));
        assert_eq!(label(&silent, Key::ProcmountCandidate), Some("true"), "it may come yet");
        // The other canary still says how many IDs there are.
        let both = [(Profile::ProcMount, quiet()), (Profile::Userns, Canary::Answered)].into();
        assert_eq!(label(&desired(&facts, Accept::Proven, &stands, DEFAULT_PREFIX, &both), Key::PodIds), None);
    }

    #[test]
    fn a_canary_says_what_it_got() {
        let in_pod = |facts: &mut Facts| {
            facts.process.uid_map = crate::check::testing::pod_map(65_536);
            facts.process.gid_map = crate::check::testing::pod_map(65_536);
            facts.process.asked_user_namespace = Fact::Known(true);
            facts.process.asked_unmasked_proc = Fact::Known(true);
            let range = crate::fact::SubId { start: 1001, length: 64_535 };
            (facts.sub_ids.uids, facts.sub_ids.gids) = (Fact::Known(vec![range]), Fact::Known(vec![range]));
        };
        let mut facts = with_probe(facts_of(&in_pod), None);
        facts.probes[0].plan = Profile::ProcMount.plan();
        let pid = crate::fact::StepResult { step: Step::PidNamespace, ..facts.probes[0].steps[0].clone() };
        facts.probes[0].steps.push(pid);
        let proof = |facts: &Facts| proof(facts, Profile::ProcMount, Accept::Proven);
        let proven = proof(&facts);
        assert_eq!(proven.labels, [(Key::Verdict(Profile::ProcMount), "ready".to_owned()), (Key::PodIds, "65536".to_owned())].into());
        assert_eq!((proven.conditions.len(), proven.conditions[0].kind), (1, ConditionType::ProcMount));
        assert!(proven.conditions[0].message.starts_with("rootless BuildKit with a process sandbox can run here: "));
        facts.process.uid_map = healthy().process.uid_map;
        let ignored = proof(&facts);
        assert_eq!(ignored.labels, [(Key::Verdict(Profile::ProcMount), "not-ready".to_owned())].into());
        assert!(ignored.conditions[0].message.contains("(proven: the pod asked for hostUsers: false and got"), "{:?}", ignored.conditions);
    }
}
