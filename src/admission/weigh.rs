//! Which changes of a builder's pod make builds fail, and which a builder does not notice.

use super::compare::Change;
use crate::profile::Capabilities;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a change is to builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// They fail, or run elsewhere than where they were proven.
    Obstacle,
    /// They work as before.
    Note,
}

/// One kind of change.
struct Rule {
    /// Part of the field's path; the first rule whose part is in it counts.
    part: &'static str,
    weigh: fn(&Change, &Pod) -> Weight,
}

const RULES: &[Rule] = &[
    // It copies a program into a volume, and ends.
    Rule { part: "initContainers[guard-program]", weigh: |_, _| Weight::Note },
    Rule { part: "securityContext.capabilities", weigh: capabilities },
    Rule { part: "securityContext.allowPrivilegeEscalation", weigh: |change, pod| note_if(!pod.is_rootless() || is(change, true)) },
    Rule { part: "securityContext.readOnlyRootFilesystem", weigh: |change, pod| note_if(is(change, false) || pod.has_volumes()) },
    Rule { part: "securityContext.runAsNonRoot", weigh: |change, pod| note_if(pod.is_rootless() || is(change, false)) },
    // No runtime gives a privileged container a filter.
    Rule { part: "securityContext.seccompProfile", weigh: |_, pod| note_if(pod.is_privileged()) },
    // The runtime chooses a label in any case, and only trying shows what a label refuses.
    Rule { part: "securityContext.seLinux", weigh: |_, _| Weight::Note },
    Rule { part: "securityContext.supplementalGroups", weigh: |_, _| Weight::Note },
    Rule { part: "securityContext.fsGroup", weigh: |_, _| Weight::Note },
    Rule { part: "securityContext.sysctls", weigh: |_, _| Weight::Note },
    Rule { part: "securityContext", weigh: |_, _| Weight::Obstacle },
    Rule { part: "nodeSelectorTerms", weigh: |change, _| note_if(keeps_terms(change)) },
    Rule { part: ".args", weigh: |change, _| note_if(keeps_all(change)) },
    Rule { part: ".command", weigh: |_, _| Weight::Obstacle },
    Rule { part: "volumeMounts", weigh: |_, _| Weight::Obstacle },
    Rule { part: "spec.volumes", weigh: |_, _| Weight::Obstacle },
    Rule { part: "spec.affinity", weigh: |_, _| Weight::Obstacle },
    // It only narrows where the builder runs.
    Rule { part: "spec.nodeSelector", weigh: |change, _| note_if(change.sent.is_none()) },
    Rule { part: "spec.hostUsers", weigh: |_, _| Weight::Obstacle },
    Rule { part: "spec.runtimeClassName", weigh: |_, _| Weight::Obstacle },
];

/// Weighs a change of the pod that was sent into the one that came back.
pub(super) fn weigh(change: &Change, sent: &Value, got: &Value) -> Weight {
    let pod = Pod { sent: container(sent), got: container(got) };
    let is_whole_container = change.field.ends_with(']') && change.field.starts_with("spec.containers[") && !change.field.contains("].");
    match RULES.iter().find(|rule| change.field.contains(rule.part)) {
        Some(rule) => (rule.weigh)(change, &pod),
        None => note_if(!is_whole_container),
    }
}

fn note_if(is_harmless: bool) -> Weight {
    if is_harmless { Weight::Note } else { Weight::Obstacle }
}

/// The builder's container, as it was sent and as it came back.
struct Pod<'a> {
    sent: &'a Value,
    got: &'a Value,
}

fn container(pod: &Value) -> &Value {
    &pod["spec"]["containers"][0]
}

impl Pod<'_> {
    /// Whether it makes a user namespace of its own, by helpers that need two capabilities.
    fn is_rootless(&self) -> bool {
        self.sent["securityContext"]["runAsUser"].as_u64().is_some_and(|uid| uid != 0)
    }

    fn is_privileged(&self) -> bool {
        self.got["securityContext"]["privileged"] == true
    }

    /// Whether all that is written beside the state has a volume: the sockets, and what is temporary.
    fn has_volumes(&self) -> bool {
        let mounts: BTreeSet<_> =
            self.got["volumeMounts"].as_array().into_iter().flatten().filter_map(|mount| mount["mountPath"].as_str()).collect();
        let is_there = |path: &str| mounts.iter().any(|mount| path.starts_with(mount));
        let temporary = !self.is_rootless() || mounts.iter().any(|mount| mount.ends_with("/.local/tmp") || mount.starts_with("/home/"));
        is_there("/tmp") && mounts.iter().any(|mount| *mount == "/run" || mount.starts_with("/run/")) && temporary
    }
}

fn is(change: &Change, value: bool) -> bool {
    change.got.as_ref().is_some_and(|got| *got == value)
}

/// A rootless builder needs no others than its helpers do. Root's builder needs what it has.
fn capabilities(change: &Change, pod: &Pod) -> Weight {
    if !change.field.starts_with("spec.containers[") {
        return Weight::Note;
    }
    let capabilities = Capabilities::of(&pod.got["securityContext"]["capabilities"]);
    note_if(if pod.is_rootless() { capabilities.missing_for_helpers().is_empty() } else { capabilities.drop.is_empty() })
}

/// Whether each place that is left is one that was asked for, with more asked of it.
fn keeps_terms(change: &Change) -> bool {
    let terms = |value: &Option<Value>| value.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let asks = |term: &Value| term["matchExpressions"].as_array().cloned().unwrap_or_default();
    let (sent, got) = (terms(&change.sent), terms(&change.got));
    let keeps = |term: &Value| sent.iter().any(|wanted| asks(wanted).iter().all(|ask| asks(term).contains(ask)));
    !got.is_empty() && got.iter().all(keeps)
}

/// Whether all that was sent is there, in its order.
fn keeps_all(change: &Change) -> bool {
    let list = |value: &Option<Value>| value.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
    let (sent, got) = (list(&change.sent), list(&change.got));
    let mut rest = got.iter();
    !sent.is_empty() && sent.iter().all(|word| rest.any(|other| other == word))
}

#[cfg(test)]
mod tests {
    use crate::admission::{Admission, Answer, Outcome, judge};
    use crate::profile::Profile;
    use crate::render::{BuilderOptions, builder_pod};
    use serde_json::{Value, json};

    fn after(options: &BuilderOptions, change: impl Fn(&mut Value, &mut Value)) -> Admission {
        let sent = builder_pod(options).expect("a pod");
        let mut pod = sent.clone();
        let mut container = pod["spec"]["containers"][0].take();
        change(&mut pod["spec"], &mut container);
        pod["spec"]["containers"][0] = container;
        judge(&Answer::Made { pod, warnings: Vec::new() }, &sent, "builds", "v1.36.3").expect("an answer")
    }

    /// A change, and whether builds work all the same in the default profile and in one whose builder is root.
    type Row = (fn(&mut Value, &mut Value), bool, bool);

    #[test]
    fn only_what_makes_builds_fail_is_an_obstacle() {
        let rows: &[Row] = &[
            // GKE Autopilot.
            (
                |spec, container| {
                    spec["securityContext"]["seccompProfile"] = json!({"type": "RuntimeDefault"});
                    spec["tolerations"] =
                        json!([{"key": "kubernetes.io/arch", "operator": "Equal", "value": "amd64", "effect": "NoSchedule"}]);
                    container["securityContext"]["capabilities"] = json!({"drop": ["NET_RAW"]});
                },
                true,
                false,
            ),
            (|_, container| container["securityContext"]["capabilities"] = json!({"add": ["SETFCAP", "SYS_CHROOT"]}), true, true),
            (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["SETUID"]}), false, false),
            (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["CAP_SETGID"]}), false, false),
            (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["ALL"]}), false, false),
            (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["ALL"], "add": ["SETUID"]}), false, false),
            (
                |_, container| container["securityContext"]["capabilities"] = json!({"drop": ["ALL"], "add": ["SETUID", "SETGID"]}),
                true,
                false,
            ),
            (|_, container| container["securityContext"]["allowPrivilegeEscalation"] = true.into(), true, true),
            (|_, container| container["securityContext"]["allowPrivilegeEscalation"] = false.into(), false, true),
            (|_, container| container["securityContext"]["readOnlyRootFilesystem"] = true.into(), false, false),
            (|_, container| container["securityContext"]["readOnlyRootFilesystem"] = false.into(), true, true),
            (|_, container| container["securityContext"]["runAsNonRoot"] = true.into(), true, false),
            (|spec, _| spec["securityContext"]["runAsNonRoot"] = true.into(), true, false),
            (|_, container| container["securityContext"]["runAsUser"] = 1_000_660_000.into(), false, false),
            (|_, container| container["securityContext"]["runAsGroup"] = 5.into(), false, false),
            (|_, container| container["securityContext"]["seccompProfile"] = json!({"type": "RuntimeDefault"}), false, true),
            (
                |_, container| {
                    container["securityContext"]["seccompProfile"] =
                        json!({"type": "Localhost", "localhostProfile": "profiles/unshare.json"})
                },
                false,
                true,
            ),
            (|_, container| container["securityContext"]["appArmorProfile"] = json!({"type": "RuntimeDefault"}), false, false),
            // OpenShift.
            (|spec, _| spec["securityContext"] = json!({"seLinuxOptions": {"level": "s0:c26,c5"}, "fsGroup": 1_000_660_000}), true, true),
            (|_, container| container["securityContext"]["seLinuxOptions"] = json!({"type": "container_engine_t"}), true, true),
            (|spec, _| spec["securityContext"]["supplementalGroups"] = json!([7]), true, true),
            (|spec, _| spec["nodeSelector"] = json!({"pool": "build"}), true, true),
            (|spec, _| spec["priorityClassName"] = "low".into(), true, true),
            (|spec, _| spec["terminationGracePeriodSeconds"] = 25.into(), true, true),
            (|spec, _| spec["automountServiceAccountToken"] = true.into(), true, true),
            (|_, container| container["args"].as_array_mut().expect("a list").push("--debug".into()), true, true),
            (|_, container| drop(container["args"].as_array_mut().expect("a list").pop()), false, false),
            (|_, container| container["command"] = json!(["sh"]), true, true),
            (|_, container| container["volumeMounts"] = json!([]), false, false),
            (|spec, _| spec["hostUsers"] = Value::Null, true, true),
            (|spec, _| spec["runtimeClassName"] = "gvisor".into(), false, false),
            (|spec, _| spec["initContainers"][0]["securityContext"] = json!({"runAsUser": 5}), true, true),
            (|spec, _| spec["affinity"] = Value::Null, false, false),
            (
                |spec, _| {
                    let terms =
                        &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
                    terms[0]["matchExpressions"]
                        .as_array_mut()
                        .expect("a list")
                        .push(json!({"key": "arch", "operator": "In", "values": ["amd64"]}));
                },
                true,
                true,
            ),
            (
                |spec, _| {
                    let terms =
                        &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
                    terms
                        .as_array_mut()
                        .expect("a list")
                        .push(json!({"matchExpressions": [{"key": "arch", "operator": "In", "values": ["amd64"]}]}));
                },
                false,
                false,
            ),
        ];
        for (number, (change, rootless, rootful)) in rows.iter().enumerate() {
            for (profile, works) in [(Profile::NoProcessSandbox, *rootless), (Profile::Rootful, *rootful)] {
                let admission = after(&BuilderOptions { profile, ..BuilderOptions::default() }, change);
                let expected = if works { Outcome::Accepted } else { Outcome::Changed };
                assert_eq!(admission.outcome, expected, "{profile}: row {number}: {:#?}", admission);
            }
        }
    }

    #[test]
    fn what_builds_do_not_notice_is_noted() {
        let notes = |change: fn(&mut Value, &mut Value)| after(&BuilderOptions::default(), change).notes;
        assert_eq!(
            notes(|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["NET_RAW"]})),
            [r#"spec.containers[buildkitd].securityContext.capabilities: {"drop":["NET_RAW"]} was added"#]
        );
        assert_eq!(notes(|spec, _| spec["nodeSelector"] = json!({"pool": "build"})), [r#"spec.nodeSelector: {"pool":"build"} was added"#]);
    }

    #[test]
    fn a_read_only_root_is_no_obstacle_where_each_place_has_its_volume() {
        for profile in [Profile::NoProcessSandbox, Profile::Rootful] {
            let options = BuilderOptions { profile, read_only_root: true, ..BuilderOptions::default() };
            let again = after(&options, |_, container| container["securityContext"]["readOnlyRootFilesystem"] = true.into());
            assert_eq!(again.outcome, Outcome::Accepted, "{again:#?}");
        }
    }
}
