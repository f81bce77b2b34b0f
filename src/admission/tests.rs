//! What builders notice of admission, and what they do not.

use crate::admission::{Admission, Answer, Outcome, judge, judge_builder};
use crate::check::Ready;
use crate::pod::{Weight, builders, workloads};
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
                spec["tolerations"] = json!([{"key": "kubernetes.io/arch", "operator": "Equal", "value": "amd64", "effect": "NoSchedule"}]);
                container["securityContext"]["capabilities"] = json!({"drop": ["NET_RAW"]});
            },
            true,
            true,
        ),
        // Real builds by a privileged root had all capabilities, whatever was dropped.
        (|_, container| container["securityContext"]["capabilities"] = json!({"add": ["SETFCAP", "SYS_CHROOT"]}), true, true),
        (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["SETUID"]}), false, true),
        (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["CAP_SETGID"]}), false, true),
        (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["ALL"]}), false, true),
        (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["ALL"], "add": ["SETUID"]}), false, true),
        (|_, container| container["securityContext"]["capabilities"] = json!({"drop": ["ALL"], "add": ["SETUID", "SETGID"]}), true, true),
        (|_, container| container["securityContext"]["allowPrivilegeEscalation"] = true.into(), true, true),
        (|_, container| container["securityContext"]["allowPrivilegeEscalation"] = false.into(), false, true),
        (|_, container| container["securityContext"]["readOnlyRootFilesystem"] = true.into(), false, false),
        (|_, container| container["securityContext"]["readOnlyRootFilesystem"] = false.into(), true, true),
        (|_, container| container["securityContext"]["runAsNonRoot"] = true.into(), true, false),
        (|spec, _| spec["securityContext"]["runAsNonRoot"] = true.into(), true, false),
        (|_, container| container["securityContext"]["runAsUser"] = 1_000_660_000.into(), false, false),
        // So did they in another group.
        (|_, container| container["securityContext"]["runAsGroup"] = 5.into(), false, true),
        (|_, container| container["securityContext"]["seccompProfile"] = json!({"type": "RuntimeDefault"}), false, true),
        (
            |_, container| {
                container["securityContext"]["seccompProfile"] = json!({"type": "Localhost", "localhostProfile": "profiles/unshare.json"})
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
        // The guard ends where the builder would fail.
        (|spec, _| spec["initContainers"][1]["securityContext"]["runAsUser"] = 5.into(), false, false),
        (|spec, _| spec["initContainers"][1]["securityContext"]["allowPrivilegeEscalation"] = false.into(), false, true),
        (|spec, _| spec["initContainers"][1]["securityContext"]["capabilities"] = json!({"drop": ["NET_RAW"]}), true, true),
        (|spec, _| spec["affinity"] = Value::Null, false, false),
        (
            |spec, _| {
                let terms = &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
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
                let terms = &mut spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
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

/// What a platform makes of somebody's pod: who did it (by an annotation), the change, and what is said of it: the verdict on the
/// object as it came back, the outcome, who is named, and a part of the remedy.
type OfPlatform = (&'static str, Value, fn(&mut Value, &mut Value), Ready, Outcome, Option<&'static str>, &'static str);

fn platforms() -> Vec<OfPlatform> {
    use Outcome::{Accepted, Changed};
    use Ready::{NotReady, Unknown};
    let scc = |name: &str| json!({"openshift.io/scc": name});
    let ready = Ready::Ready;
    vec![
        (
            "Autopilot's additions",
            json!({"autopilot.gke.io/warden-version": "3"}),
            |spec, container| {
                spec["securityContext"]["seccompProfile"] = json!({"type": "RuntimeDefault"});
                spec["tolerations"] = json!([{"key": "kubernetes.io/arch", "operator": "Equal", "value": "amd64", "effect": "NoSchedule"}]);
                container["securityContext"]["capabilities"] = json!({"drop": ["NET_RAW"]});
            },
            ready,
            Accepted,
            None,
            "",
        ),
        (
            "Autopilot where the container says nothing of seccomp",
            json!({"autopilot.gke.io/warden-version": "3"}),
            |spec, container| {
                spec["securityContext"]["seccompProfile"] = json!({"type": "RuntimeDefault"});
                container["securityContext"]["seccompProfile"] = Value::Null;
            },
            NotReady,
            Changed,
            Some("GKE Autopilot"),
            "GKE Standard",
        ),
        (
            "nested-container",
            scc("nested-container"),
            |spec, container| {
                spec["securityContext"] = json!({"seLinuxOptions": {"type": "container_engine_t", "level": "s0:c26,c5"}, "fsGroup": 1000});
                container["securityContext"]["capabilities"] = json!({"drop": ["ALL"], "add": ["SETUID", "SETGID"]});
            },
            ready,
            Accepted,
            None,
            "",
        ),
        (
            "anyuid",
            scc("anyuid"),
            |spec, container| {
                spec["securityContext"]["seLinuxOptions"] = json!({"level": "s0:c26,c15"});
                container["securityContext"]["capabilities"] = json!({"drop": ["MKNOD"]});
            },
            ready,
            Accepted,
            None,
            "",
        ),
        (
            "restricted-v2",
            scc("restricted-v2"),
            |spec, container| {
                spec["securityContext"] = json!({
                    "seLinuxOptions": {"level": "s0:c27,c4"}, "fsGroup": 1_000_720_000, "seccompProfile": {"type": "RuntimeDefault"}
                });
                container["securityContext"]["seccompProfile"] = Value::Null;
                container["securityContext"]["runAsUser"] = 1_000_720_000.into();
                container["securityContext"]["runAsNonRoot"] = true.into();
                container["securityContext"]["allowPrivilegeEscalation"] = false.into();
                container["securityContext"]["capabilities"] = json!({"drop": ["ALL"]});
            },
            NotReady,
            Changed,
            Some("SCC restricted-v2"),
            "add-scc-to-user privileged --serviceaccount builder --namespace builds",
        ),
        (
            "Kyverno adds what restricted wants",
            json!({"policies.kyverno.io/last-applied-patches": "add-allowPrivilegeEscalation.kyverno.io: added /spec/containers/0/securityContext/allowPrivilegeEscalation"}),
            |_, container| container["securityContext"]["allowPrivilegeEscalation"] = false.into(),
            NotReady,
            Changed,
            Some("Kyverno"),
            "PolicyException",
        ),
        (
            "Kyverno's Localhost profile",
            json!({"policies.kyverno.io/last-applied-patches": "unshare.kyverno.io: replaced /spec/containers/0/securityContext/seccompProfile"}),
            |_, container| {
                container["securityContext"]["seccompProfile"] = json!({"type": "Localhost", "localhostProfile": "profiles/unshare.json"});
                container["securityContext"]["capabilities"] = json!({"add": ["SETFCAP", "SYS_CHROOT"]});
            },
            Unknown,
            Changed,
            Some("Kyverno"),
            "PolicyException",
        ),
        (
            "Gatekeeper's read-only root",
            json!({"gatekeeper.sh/mutations": "Assign//readonly:1"}),
            |_, container| container["securityContext"]["readOnlyRootFilesystem"] = true.into(),
            NotReady,
            Changed,
            Some("Gatekeeper: Assign//readonly:1"),
            "excludedNamespaces",
        ),
        (
            "somebody who does not sign",
            json!({}),
            |spec, _| spec["hostUsers"] = false.into(),
            NotReady,
            Changed,
            None,
            "kubectl get mutatingwebhookconfigurations",
        ),
        (
            "a mesh, a mirror, a proxy, a limit and a pool",
            json!({}),
            |spec, container| {
                container["image"] = "mirror.example/cache/7f3a:latest".into();
                container["env"] = json!([{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]);
                container["resources"] = json!({"limits": {"cpu": "2"}});
                container["terminationMessagePath"] = "/dev/termination-log".into();
                spec["nodeSelector"] = json!({"pool": "builds"});
                spec["initContainers"] = json!([{"name": "mesh", "restartPolicy": "Always"}]);
            },
            ready,
            Accepted,
            None,
            "",
        ),
        (
            "a variable that leads away",
            json!({}),
            |_, container| container["env"] = json!([{"name": "TMPDIR", "value": "tmp"}]),
            NotReady,
            Changed,
            None,
            "mutatingwebhookconfigurations",
        ),
    ]
}

#[test]
fn platforms_are_named_where_builds_fail_by_them_and_nowhere_else() {
    let text = "kind: Deployment
metadata: {name: b}
spec:
  template:
    spec:
      serviceAccountName: builder
      volumes: [{name: state, emptyDir: {}}]
      containers:
      - name: buildkitd
        image: moby/buildkit:v0.33.1-rootless
        args: [--oci-worker-no-process-sandbox]
        securityContext: {seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}}
        volumeMounts: [{name: state, mountPath: /home/user/.local/share/buildkit}]
";
    let workloads = workloads("f", text).expect("a deployment");
    let builder = builders(&workloads, None).expect("a builder")[0];
    let sent = builder.workload.pod();
    for (what, annotations, change, verdict, outcome, by, remedy) in platforms() {
        let mut pod = sent.clone();
        pod["metadata"]["annotations"] = annotations;
        let mut container = pod["spec"]["containers"][0].take();
        change(&mut pod["spec"], &mut container);
        // What injects containers may put them first.
        pod["spec"]["containers"] = json!([{"name": "injected", "image": "x"}, container]);
        let judged = builder.judge_returned(&pod);
        assert_eq!(judged.verdict, verdict, "{what}: {:#?}", judged.findings);
        let admission =
            judge_builder(&Answer::Made { pod, warnings: Vec::new() }, &builder, &sent, "builds", "v1.33.5").expect("an answer");
        assert_eq!(admission.outcome, outcome, "{what}: {admission:#?}");
        let named = admission.findings.iter().all(|finding| finding.by.as_deref() == by);
        assert!(named, "{what}: {:#?}", admission.findings);
        let told = admission.findings.iter().all(|finding| finding.fix.as_ref().is_some_and(|fix| fix.contains(remedy)));
        assert!(told, "{what}: {:#?}", admission.findings);
        // Paths are the object's.
        let paths = judged.findings.iter().filter(|finding| finding.weight == Weight::Stops).map(|finding| finding.field.as_str());
        assert!(paths.into_iter().all(|path| path.starts_with("spec.template.spec.")), "{what}");
    }
}

#[test]
fn an_object_can_say_aloud_what_a_policy_adds_where_it_is_silent() {
    let text = "kind: Pod
metadata: {name: b}
spec:
  containers:
  - name: buildkitd
    image: moby/buildkit:v0.33.1-rootless
    args: [--oci-worker-no-process-sandbox]
    securityContext: {seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}}
";
    let workloads = workloads("f", text).expect("a pod");
    let builder = builders(&workloads, None).expect("a builder")[0];
    let mut pod = builder.workload.pod();
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = false.into();
    let mended = builder.mended(&pod).expect("a change");
    assert_eq!(mended.spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"], true);
    assert!(builder.judge_returned(&pod).patch.is_some());
    // What the object says already, no change of it mends.
    pod["spec"]["containers"][0]["securityContext"] = json!({"seccompProfile": {"type": "RuntimeDefault"}});
    pod["spec"]["containers"][0]["securityContext"]["appArmorProfile"] = json!({"type": "Unconfined"});
    let forced = builder.judge_returned(&pod);
    assert_eq!((forced.verdict, forced.patch, builder.mended(&pod).is_none()), (Ready::NotReady, None, true));
}
