use super::accept::Accept;
use super::condition::Condition;
use super::event::Event;
use super::said::Said;
use super::start::Canaries;
use super::verdict::Verdicts;
use super::{canary, own, system, tuned};
use crate::check::Ready;
use crate::node::{Key, Observation, Speaker, View};
use crate::profile::Profile;
use std::collections::BTreeMap;

/// All that one agent wants to own on its Node. What it leaves out of an apply is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Labels, by key.
    pub labels: BTreeMap<Key, String>,
    /// What the labels say of profiles.
    pub verdicts: BTreeMap<Profile, Ready>,
    /// Conditions, that of the agent's own profile first.
    pub conditions: Vec<Condition>,
    /// What `tune` did, and whether it came after the Node was last written. What a change of a condition has to tell, the
    /// writer knows.
    pub events: Vec<(Event, bool)>,
    /// Whether it is true only as long as nobody else has written: it hangs on what another agent has said, or not said.
    pub only_if_unchanged: bool,
}

impl Desired {
    /// Whether it takes back what a canary has proven.
    pub fn withdraws(&self, node: &View) -> bool {
        let spoken_for = self.conditions.iter().skip(1).map(|condition| condition.kind.profile());
        spoken_for.into_iter().any(|profile| node.verdict(profile) == Some(Ready::Ready))
    }

    /// Whether it stands on the Node as it was written, and nothing of others beside it.
    pub fn stands_on(&self, node: &View) -> bool {
        let said = |condition: &Condition| {
            node.condition(condition.kind).is_some_and(|stands| {
                (stands.status, &stands.reason, &stands.message) == (Some(condition.status), &condition.reason, &condition.message)
            })
        };
        !node.has_strays() && self.labels.iter().all(|(key, value)| node.label(*key) == Some(value)) && self.conditions.iter().all(said)
    }

    /// All that others see of it.
    pub fn says(&self) -> (&BTreeMap<Key, String>, &[Condition]) {
        (&self.labels, &self.conditions)
    }

    fn hear(mut self, said: Said) -> Self {
        self.labels.extend(said.labels);
        self.verdicts.extend(said.verdicts);
        self.conditions.extend(said.conditions);
        self.events.extend(said.events);
        self
    }
}

/// What the default profile's agent wants to stand on the Node, where `node` stands now: all speakers after one another.
pub fn desired(seen: &Observation, verdicts: &Verdicts, node: &View, accept: Accept, canaries: &Canaries) -> Desired {
    let speakers = speakers(seen, verdicts, node, accept, canaries);
    let desired = speakers.into_iter().fold(Desired::default(), |desired, (_, said)| desired.hear(said));
    Desired { only_if_unchanged: desired.conditions.len() > 1, ..desired }
}

/// What each speaker says, the agent itself first.
fn speakers(seen: &Observation, verdicts: &Verdicts, node: &View, accept: Accept, canaries: &Canaries) -> [(Speaker, Said); 4] {
    let facts = seen.facts();
    let tuned = tuned::say(facts, node);
    [
        // What was set for builders stands where most people look, once.
        (Speaker::Own, own::say(facts, verdicts, accept, &tuned.note)),
        (Speaker::Canary, canary::say(facts, &verdicts.others, node, canaries)),
        (Speaker::System, system::say(facts)),
        (Speaker::Tune, tuned),
    ]
}

/// What the canary of a profile wants to stand there: its own verdict alone.
pub fn proof(seen: &Observation, verdicts: &Verdicts, accept: Accept) -> Desired {
    let desired = Desired::default().hear(canary::prove(seen.facts(), &verdicts.own, accept));
    Desired { only_if_unchanged: true, ..desired }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Evidence;
    use crate::check::testing::{bare, facts_of, healthy, with_probe};
    use crate::fact::{Errno, Fact, OsRelease, Seccomp, Step};
    use crate::fact::{Facts, Sysctl};
    use crate::node::{ConditionType, DEFAULT_PREFIX, Status};
    use crate::publish::{Canary, Start};

    /// What was seen on a node whose kubelet is the one in the facts.
    fn seen(facts: &Facts) -> Observation {
        Observation::new(facts.clone(), &View { kubelet: facts.kubelet.clone(), ..View::default() })
    }

    fn wanted_on(node: &View, facts: &Facts, accept: Accept, canaries: &Canaries) -> Desired {
        let (seen, default) = (seen(facts), Profile::NoProcessSandbox);
        desired(&seen, &Verdicts::of(&seen, default), node, accept, canaries)
    }

    fn wanted(facts: &Facts) -> Desired {
        wanted_on(&View::default(), facts, Accept::Proven, &Canaries::new())
    }

    fn label(desired: &Desired, key: Key) -> Option<&str> {
        desired.labels.get(&key).map(String::as_str)
    }

    const DEFAULT: Key = Key::Verdict(Profile::NoProcessSandbox);

    #[test]
    fn a_healthy_pod_is_ready_and_nothing_else_is() {
        let wanted = wanted(&healthy());
        assert_eq!(wanted.verdicts.get(&Profile::NoProcessSandbox), Some(&Ready::Ready));
        for (key, value) in [
            (DEFAULT, Some("ready")),
            (Key::Cause, None),
            (Key::Snapshotter, Some("overlayfs")),
            (Key::Kernel, Some("6.12")),
            (Key::UnprivilegedUsernsClone, Some("absent")),
            (Key::Verdict(Profile::Privileged), Some("unknown")),
            (Key::Verdict(Profile::Rootful), Some("unknown")),
            (Key::Candidate(Profile::Privileged), Some("true")),
            (Key::Candidate(Profile::Rootful), Some("true")),
            // Nobody has said that a canary would start, and no canary has spoken.
            (Key::Candidate(Profile::ProcMount), None),
            (Key::Verdict(Profile::ProcMount), None),
            (Key::ProcmountRuntime, Some("unknown")),
            (Key::Distro, None),
        ] {
            assert_eq!(label(&wanted, key), value, "{}", key.name());
        }
        let [condition] = wanted.conditions.as_slice() else { panic!("one condition") };
        assert_eq!((condition.status, condition.reason.as_str()), (Status::True, "Proven"));
        assert_eq!(condition.message, "rootless BuildKit works here (proven by a probe; snapshotter overlayfs)");
    }

    #[test]
    fn what_is_not_proven_is_not_published_as_ready() {
        let predicted = facts_of(&|_| {});
        let mut probed = healthy();
        bare(&mut probed);
        for (facts, accept, evidence, published) in [
            (&predicted, Accept::Proven, Evidence::Predicted, Ready::Unknown),
            (&predicted, Accept::Probed, Evidence::Predicted, Ready::Unknown),
            (&probed, Accept::Proven, Evidence::Probed, Ready::Unknown),
            (&probed, Accept::Probed, Evidence::Probed, Ready::Ready),
        ] {
            let wanted = wanted_on(&View::default(), facts, accept, &Canaries::new());
            let own = Verdicts::of(&seen(facts), Profile::NoProcessSandbox).own;
            assert_eq!((own.evidence, wanted.verdicts[&own.profile]), (evidence, published), "{accept:?}");
            let says = wanted.conditions[0].reason.as_str();
            assert_eq!(says, if published == Ready::Unknown { "NotProven" } else { "Probed" });
        }
    }

    #[test]
    fn a_failure_is_told_with_its_evidence_and_its_remedy() {
        let set = |facts: &mut Facts| {
            facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0));
            facts.os = Fact::Known(OsRelease { id: "bottlerocket".into(), ..OsRelease::default() });
        };
        let wanted = wanted(&with_probe(facts_of(&set), Some((Step::UserNamespace, Errno::ENOSPC))));
        assert_eq!((label(&wanted, DEFAULT), label(&wanted, Key::Cause)), (Some("not-ready"), Some("userns-max0")));
        assert_eq!(label(&wanted, Key::Snapshotter), None);
        let fix = r#"apiclient set -j '{"settings":{"kernel":{"sysctl":{"user.max_user_namespaces":"63359"}}}}'"#;
        let title = "no user may create user namespaces";
        let seen = "new user namespace: ENOSPC, No space left on device; user.max_user_namespaces is 0";
        assert_eq!(wanted.conditions[0].message, format!("rootless BuildKit does not work here: {title} (proven: {seen}). Fix: {fix}."));
        assert_eq!(wanted.conditions[0].short, format!("{title}: {seen}"));
    }

    #[test]
    fn a_profile_that_needs_no_proof_has_a_label_where_no_fact_speaks_against_it() {
        // Rootlesskit needs the user namespace that the limit refuses; root needs none.
        let wanted = wanted(&facts_of(&|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0))));
        for (profile, verdict, candidate) in [(Profile::Privileged, "not-ready", None), (Profile::Rootful, "unknown", Some("true"))] {
            let said = [Key::Verdict(profile), Key::Candidate(profile)].map(|key| label(&wanted, key));
            assert_eq!(said, [Some(verdict), candidate], "{profile}");
        }
        assert_eq!(wanted.conditions.len(), 1, "only a canary has something to tell");
        // What it said itself is said again, and left to a canary that has spoken.
        let stands = View { ours: wanted.labels.clone(), ..View::default() };
        let again = |canaries: &Canaries| wanted_on(&stands, &facts_of(&|_| {}), Accept::Proven, canaries);
        assert_eq!(
            (label(&again(&Canaries::new()), Key::Verdict(Profile::Rootful)), again(&Canaries::new()).conditions.len()),
            (Some("unknown"), 1)
        );
        let answered = again(&[(Profile::Rootful, Canary::Answered)].into());
        let said = [Key::Verdict(Profile::Rootful), Key::Candidate(Profile::Rootful)].map(|key| label(&answered, key));
        assert_eq!((said, answered.conditions.len()), ([None, Some("true")], 1));
    }

    #[test]
    fn a_filter_that_the_pod_did_not_ask_for_is_the_nodes() {
        let filtered = |asked: Fact<bool>| {
            let set = |facts: &mut Facts| {
                facts.process.seccomp = Fact::Known(Seccomp::Filter);
                facts.process.asked_unconfined = asked.clone();
            };
            let mut facts = with_probe(facts_of(&set), Some((Step::UserNamespace, Errno::EPERM)));
            facts.probes[0].steps[0].filtered = Some(true);
            facts
        };
        let message = "rootless BuildKit does not work here: a seccomp filter refuses what a builder needs (proven: new user namespace: EPERM, \
            Operation not permitted; the error comes from this pod's seccomp filter, not from the kernel). Fix: use other nodes, or find out what on \
            this node adds a seccomp filter to pods whose seccompProfile is Unconfined: the OCI runtime, the platform, or an admission webhook.";
        assert_eq!(wanted(&filtered(Fact::Known(true))).conditions[0].message, message);
        assert_eq!(Verdicts::of(&seen(&filtered(Fact::Known(true))), Profile::NoProcessSandbox).own.evidence, Evidence::Proven);
        assert!(wanted(&filtered(Fact::Absent)).conditions[0].message.contains("set securityContext.seccompProfile to {type: Unconfined}"));
        // A pod that asked for nothing says nothing of one that asks for Unconfined, and its own builders can't ask for that.
        let own = wanted(&filtered(Fact::Known(false)));
        assert_eq!(own.conditions[0].status, Status::Unknown);
        assert_eq!(label(&own, DEFAULT), Some("unknown"));
        assert_eq!(label(&own, Key::Cause), None);
    }

    #[test]
    fn what_a_canary_said_is_withdrawn_where_none_can_run() {
        let stands = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "n", "uid": "u", "labels": {"buildkit-preflight.dev/procmount": "ready", "buildkit-preflight.dev/pod-ids": "65536"}},
            "status": {"conditions": [{"type": "RootlessBuildKitProcMount", "status": "True"}]},
        }));
        let stands = View::new(stands.expect("a node"), DEFAULT_PREFIX);
        let mut facts = healthy();
        facts.kubelet.version = Fact::Known("v1.36.3".to_owned().try_into().expect("a version"));
        facts.kubelet.pod_user_namespaces = Fact::Known(false);
        let wanted = |facts: &Facts, canary| wanted_on(&stands, facts, Accept::Proven, &[(Profile::ProcMount, canary)].into());
        let withdrawn = wanted(&facts, Canary::Answered);
        assert_eq!(label(&withdrawn, Key::Candidate(Profile::ProcMount)), None);
        assert_eq!(label(&withdrawn, Key::Verdict(Profile::ProcMount)), Some("not-ready"));
        assert_eq!(label(&withdrawn, Key::PodIds), Some("0"));
        assert_eq!((withdrawn.conditions[1].kind, withdrawn.only_if_unchanged), (ConditionType::ProcMount, true));
        assert!(withdrawn.withdraws(&stands) && !withdrawn.withdraws(&View::default()));
        facts.kubelet.pod_user_namespaces = Fact::Known(true);
        let left_alone = wanted(&facts, Canary::Answered);
        assert_eq!(label(&left_alone, Key::Candidate(Profile::ProcMount)), Some("true"));
        assert_eq!((label(&left_alone, Key::Verdict(Profile::ProcMount)), left_alone.conditions.len()), (None, 1));
        assert_eq!((label(&left_alone, Key::PodIds), left_alone.only_if_unchanged), (None, false));
        let quiet = || Canary::Silent { seconds: 9, start: Start::NoPod };
        let silent = wanted(&facts, quiet());
        assert_eq!(label(&silent, Key::Verdict(Profile::ProcMount)), Some("unknown"));
        assert_eq!(label(&silent, Key::Candidate(Profile::ProcMount)), Some("true"), "it may come yet");
        // The other canary still says how many IDs there are.
        let both = [(Profile::ProcMount, quiet()), (Profile::Userns, Canary::Answered)].into();
        assert_eq!(label(&wanted_on(&stands, &facts, Accept::Proven, &both), Key::PodIds), None);
    }

    #[test]
    fn a_word_stands_as_long_as_nobody_changes_any_of_it() {
        let wanted = wanted(&healthy());
        let condition = &wanted.conditions[0];
        let standing = crate::node::StandingCondition {
            status: Some(condition.status),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            last_transition_time: None,
            last_heartbeat_time: Some("2026-01-01T00:00:00Z".into()),
        };
        let node = View {
            ours: wanted.labels.clone(),
            conditions: [(condition.kind, standing)].into(),
            said: [(Profile::NoProcessSandbox, condition.kind)].into(),
            ..View::default()
        };
        assert!(wanted.stands_on(&node));
        type Change = fn(&mut View);
        let changes: [(&str, Change); 6] = [
            ("a label is gone", |node| node.ours.retain(|key, _| *key != DEFAULT)),
            ("a label has another value", |node| node.ours.extend([(DEFAULT, "not-ready".to_owned())])),
            ("another has put a label there", |node| node.stray_labels.extend([Key::Tuned])),
            ("the condition is gone", |node| node.conditions.clear()),
            ("the condition has another status", |node| {
                node.conditions.values_mut().for_each(|condition| condition.status = Some(Status::False));
            }),
            ("the condition is another's word", |node| node.said.clear()),
        ];
        for (what, change) in changes {
            let mut changed = node.clone();
            change(&mut changed);
            assert!(!wanted.stands_on(&changed), "{what}");
        }
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
        let proof = |facts: &Facts| {
            let seen = seen(facts);
            proof(&seen, &Verdicts::of(&seen, Profile::ProcMount), Accept::Proven)
        };
        let proven = proof(&facts);
        assert_eq!(proven.labels, [(Key::Verdict(Profile::ProcMount), "ready".to_owned()), (Key::PodIds, "65536".to_owned())].into());
        assert_eq!((proven.conditions.len(), proven.conditions[0].kind), (1, ConditionType::ProcMount));
        assert!(proven.conditions[0].message.starts_with("rootless BuildKit with a process sandbox works here (proven"));
        facts.process.uid_map = healthy().process.uid_map;
        let ignored = proof(&facts);
        assert_eq!(ignored.labels, [(Key::Verdict(Profile::ProcMount), "not-ready".to_owned())].into());
        assert!(
            ignored.conditions[0].message.contains("(proven: the pod asked for hostUsers: false but runs in"),
            "{:?}",
            ignored.conditions
        );
    }

    #[test]
    fn each_speaker_says_its_own_labels_and_what_may_stand_there() {
        let mut node = View { ours: [(Key::PodIds, "65536".into())].into(), ..View::default() };
        let silent = |profile: &Profile| (*profile, Canary::Silent { seconds: 9, start: Start::NoPod });
        let canaries: Canaries = Profile::CANARIES.iter().map(silent).collect();
        let set = |facts: &mut Facts| {
            facts.os = Fact::Known(OsRelease { id: "debian".into(), version_id: Some("12".into()), ..OsRelease::default() });
            facts.kubelet.version = Fact::Known("v1.36.3".to_owned().try_into().expect("a version"));
            facts.kubelet.runtime = Fact::Known("containerd://2.1.4".to_owned()).and_then(TryInto::try_into);
            facts.kubelet.pod_user_namespaces = Fact::Known(true);
            facts.tuned = Fact::Known(crate::fact::Tuned { persisted: true, ..crate::fact::Tuned::new("boot".into()) });
        };
        let mut said_keys = std::collections::BTreeSet::new();
        for failed in [None, Some((Step::UserNamespace, Errno::ENOSPC))] {
            let mut facts = with_probe(facts_of(&set), failed);
            if failed.is_some() {
                // A node that lives in a user namespace.
                facts.process.asked_user_namespace = Fact::Known(false);
                facts.process.uid_map = crate::check::testing::pod_map(65_536);
            }
            node.kubelet = facts.kubelet.clone();
            let seen = Observation::new(facts, &node);
            let verdicts = Verdicts::of(&seen, Profile::NoProcessSandbox);
            for (speaker, said) in speakers(&seen, &verdicts, &node, Accept::Proven, &canaries) {
                for (key, value) in &said.labels {
                    let row = key.row().expect("a row");
                    assert!(row.speaker == speaker && row.values.allow(value), "{speaker:?} says {key:?} {value}");
                }
                said_keys.extend(said.labels.into_keys());
            }
        }
        let silent: Vec<_> = Key::ALL.into_iter().filter(|key| !said_keys.contains(key)).collect();
        assert_eq!(silent, [], "each label is said by somebody");
    }
}
