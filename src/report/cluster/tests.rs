//! What a person gets to read of a cluster.

use super::*;
use crate::admission::{Answer, judge};
use crate::node::{DEFAULT_PREFIX, View};
use crate::render::{BuilderOptions, builder_pod};
use serde_json::json;

fn nodes(labels: &[serde_json::Value]) -> Vec<View> {
    let node = |(number, labels)| json!({"metadata": {"name": format!("node{number}"), "uid": "u", "labels": labels}});
    labels.iter().enumerate().map(node).map(|node| View::new(serde_json::from_value(node).expect("a node"), DEFAULT_PREFIX)).collect()
}

fn report(answer: impl Fn(serde_json::Value) -> Answer, nodes: Option<&[View]>) -> ClusterReport {
    let profile = |profile| {
        let sent = builder_pod(&BuilderOptions { profile, ..BuilderOptions::default() }).expect("a pod");
        let admission = judge(&answer(sent.clone()), &sent, "builds", "v1.33.13").expect("an answer");
        let fleet = nodes.map(|nodes| Fleet::new(nodes, profile, None));
        ClusterProfile::new(profile, admission, fleet.as_ref())
    };
    let total = nodes.map(<[View]>::len).ok_or_else(|| "nodes is forbidden".to_owned());
    ClusterReport::new("v1.33.13".into(), "builds".into(), total, Profile::ALL.map(profile).to_vec())
}

fn made(pod: serde_json::Value) -> Answer {
    Answer::Made { pod, warnings: Vec::new() }
}

/// Two nodes: the second can't run anything without root.
fn two() -> Vec<View> {
    let label = |key: &str| format!("{DEFAULT_PREFIX}/{key}");
    nodes(&[
        json!({label("no-process-sandbox"): "ready", label("privileged"): "unknown", label("rootful"): "unknown", label("procmount-candidate"): "true"}),
        json!({label("no-process-sandbox"): "not-ready", label("privileged"): "not-ready", label("rootful"): "unknown"}),
    ])
}

#[test]
fn a_pool_whose_newest_nodes_are_all_bad_is_named() {
    let node = |name: &str, verdict: &str| {
        let labels = json!({"buildkit-preflight.dev/no-process-sandbox": verdict, "karpenter.sh/nodepool": "build"});
        let key = json!({"f:metadata": {"f:labels": {"f:buildkit-preflight.dev/no-process-sandbox": {}}}});
        let managed = json!([{"manager": "buildkit-preflight/no-process-sandbox", "fieldsV1": key}]);
        let node = json!({"metadata": {"name": name, "uid": "u", "labels": labels, "managedFields": managed}});
        View::new(serde_json::from_value(node).expect("a node"), DEFAULT_PREFIX)
    };
    let nodes: Vec<_> = ["a", "b", "c"].into_iter().map(|name| node(name, "not-ready")).collect();
    let of = |report: &ClusterReport| report.profiles[0].nodes.clone().expect("nodes").barren_pools;
    let bad = report(made, Some(&nodes));
    let label = "karpenter.sh/nodepool=build".to_owned();
    assert_eq!(of(&bad), [BarrenPool { label, nodes: ["a", "b", "c"].map(str::to_owned).to_vec() }]);
    let text = cluster_table(&bad, Style { width: None, colour: false });
    assert!(text.contains("the newest 3 nodes of the pool karpenter.sh/nodepool=build are all proven not ready (a, b, c)"), "{text}");
    // The rest of the cluster may do, and the pool is named all the same.
    let more = [nodes, vec![node("z", "ready")]].concat();
    assert_eq!(of(&report(made, Some(&more[..2]))), []);
    assert_eq!(of(&report(made, Some(&more[1..]))), []);
}

#[test]
fn a_profile_is_ready_where_its_pod_can_be_made_and_a_node_waits_for_it() {
    insta::assert_snapshot!(cluster_table(&report(made, Some(&two())), Style::default()), @r"
    Kubernetes v1.33.13 · namespace builds · 2 nodes

    PROFILE             VERDICT    POD       NODES   WHY
    no-process-sandbox  ready      accepted  1 of 2
    procmount           not ready  accepted  0 of 2  no node is ready for this profile
    userns              not ready  accepted  0 of 2  no node is ready for this profile
    baseline            not ready  accepted  0 of 2  no node is ready for this profile
    privileged          unknown    accepted  0 of 2  no pod has proven this profile
    rootful             unknown    accepted  0 of 2  no pod has proven this profile

    no-process-sandbox is ready
      nodes  node0

    procmount is not ready
      nodes  0 of 2 nodes are ready: 1 not proven yet (a pod of the profile would start), 1 where a pod of the profile would not start
      fix    deploy the canary that proves this profile: add `--canary procmount` to `buildkit-preflight render agent`, beside the canaries that you have

    userns, baseline are not ready
      nodes  0 of 2 nodes are ready: 2 where a pod of the profile would not start
      fix    `kubectl describe node` shows why a node is not ready; where no agent has answered, deploy the agent (`buildkit-preflight render agent`)

    privileged is unknown
      nodes  0 of 2 nodes are ready: 1 not known to fail (no pod has proven it), 1 not ready

    rootful is unknown
      nodes  0 of 2 nodes are ready: 2 not known to fail (no pod has proven it)
    ");
}

#[test]
fn what_is_the_same_for_several_profiles_is_said_once() {
    let refused = |_| {
        Answer::Refused {
        code: 403,
        message: "pods \"buildkitd-x\" is forbidden: violates PodSecurity \"restricted:latest\": procMount (container \"b\" must not set (it)), seccompProfile (...)".into(),
    }
    };
    insta::assert_snapshot!(cluster_table(&report(refused, Some(&two())), Style::default()), @r#"
    Kubernetes v1.33.13 · namespace builds · 2 nodes

    PROFILE             VERDICT    POD      NODES   WHY
    no-process-sandbox  not ready  refused  1 of 2  Pod Security refuses the builder's pod (restricted)
    procmount           not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
    userns              not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
    baseline            not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
    privileged          not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)
    rootful             not ready  refused  0 of 2  Pod Security refuses the builder's pod (restricted)

    no-process-sandbox, procmount, userns, privileged, rootful are not ready (pod-security)
      tried  a dry run of the builder's pod in namespace builds: refused
      why    violates PodSecurity "restricted:latest": procMount, seccompProfile
      fix    kubectl label namespace builds pod-security.kubernetes.io/enforce=privileged --overwrite

    baseline is not ready (pod-security)
      tried  a dry run of the builder's pod in namespace builds: refused
      why    violates PodSecurity "restricted:latest": procMount, seccompProfile
      fix    kubectl label namespace builds pod-security.kubernetes.io/enforce=baseline --overwrite
    "#);
}

#[test]
fn without_the_right_to_list_nodes_it_is_unknown() {
    let report = report(made, None);
    assert!(report.profiles.iter().all(|profile| profile.verdict == Ready::Unknown));
    let text = cluster_table(&report, Style { colour: true, width: None });
    assert!(text.contains("can't be listed: nodes is forbidden") && text.contains("\x1b[33munknown"), "{text}");
    assert!(report.profiles[0].reason.as_deref() == Some("the nodes can't be listed"));
}

#[test]
fn many_nodes_are_counted_and_some_named() {
    let labels = vec![json!({format!("{DEFAULT_PREFIX}/no-process-sandbox"): "ready"}); 205];
    let report = report(made, Some(&nodes(&labels)));
    let ready = report.profiles[0].nodes.as_ref().expect("nodes");
    assert_eq!((ready.ready, ready.names.len()), (205, 100));
    assert!(cluster_table(&report, Style::default()).contains("node0, node1, node2, node3, node4 and 200 more"));
}

#[test]
fn no_text_of_a_cluster_acts_on_the_terminal() {
    const FORGED: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\r\nFORGED";
    let refused = |_| Answer::Refused { code: 403, message: format!("pods is forbidden: {FORGED}") };
    for answer in [&made as &dyn Fn(serde_json::Value) -> Answer, &refused] {
        for nodes in [Some(two()), None] {
            let mut report = report(answer, nodes.as_deref());
            report.kubernetes += FORGED;
            report.namespace += FORGED;
            report.nodes_unknown.iter_mut().for_each(|why| *why += FORGED);
            for profile in &mut report.profiles {
                profile.warnings.push(FORGED.into());
                profile.reason = Some(FORGED.into());
                for finding in &mut profile.findings {
                    finding.message += FORGED;
                    finding.fix = Some(FORGED.into());
                }
                if let Some(nodes) = &mut profile.nodes {
                    nodes.names.iter_mut().for_each(|name| *name += FORGED);
                    nodes.summary += FORGED;
                    nodes.barren_pools.push(BarrenPool { label: FORGED.into(), nodes: vec![FORGED.into()] });
                }
            }
            for width in [None, Some(80), Some(40)] {
                let text = cluster_table(&report, Style { colour: false, width });
                assert!(text.contains("FORGED") && !text.contains(|c: char| c != '\n' && c.is_control() || c == '\u{202e}'), "{text:?}");
                assert!(!text.lines().any(|line| line.starts_with("FORGED")), "{text}");
            }
        }
    }
}
