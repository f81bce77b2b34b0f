//! One field changed in a builder's container: what is said of it, and what the change that is proposed makes of it.

use crate::check::Ready;
use crate::pod::{Judged, NoBuilder, Weight, Workload, builders, workloads};
use crate::profile::Profile;
use serde_json::{Value, json};

fn pod(image: &str, change: &dyn Fn(&mut Value, &mut Value)) -> Value {
    let mut container = json!({
        "name": "buildkitd",
        "image": image,
        "args": ["--oci-worker-no-process-sandbox"],
        "securityContext": {"seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}},
        "volumeMounts": [{"name": "state", "mountPath": "/home/user/.local/share/buildkit"}],
    });
    let mut spec = json!({"volumes": [{"name": "state", "emptyDir": {}}]});
    change(&mut spec, &mut container);
    spec["containers"] = json!([{"name": "other", "image": "x"}, container]);
    json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
}

const ROOTLESS: &str = "moby/buildkit:v0.33.1-rootless";
const ROOTFUL: &str = "moby/buildkit:v0.33.1";

/// The image, the change, the verdict, and the first finding that decides it: its cause and the end of its field's path.
type Row = (&'static str, fn(&mut Value, &mut Value), Ready, Option<(&'static str, &'static str)>);

const ROWS: &[Row] = &[
    (ROOTLESS, |_, _| {}, Ready::Ready, None),
    (
        ROOTLESS,
        |_, c| c["securityContext"]["seccompProfile"] = Value::Null,
        Ready::Ready,
        Some(("seccomp", "containers[1].securityContext.seccompProfile")),
    ),
    (
        ROOTLESS,
        |spec, c| {
            spec["securityContext"] = json!({"seccompProfile": {"type": "RuntimeDefault"}});
            c["securityContext"]["seccompProfile"] = Value::Null;
        },
        Ready::NotReady,
        Some(("seccomp", "spec.securityContext.seccompProfile")),
    ),
    (
        ROOTLESS,
        |_, c| c["securityContext"]["seccompProfile"]["type"] = "Localhost".into(),
        Ready::Unknown,
        Some(("seccomp", "seccompProfile")),
    ),
    (ROOTLESS, |_, c| c["securityContext"]["appArmorProfile"] = Value::Null, Ready::Ready, Some(("apparmor-profile", "appArmorProfile"))),
    (
        ROOTLESS,
        |_, c| c["securityContext"]["appArmorProfile"]["type"] = "RuntimeDefault".into(),
        Ready::NotReady,
        Some(("apparmor-profile", "appArmorProfile")),
    ),
    (
        ROOTLESS,
        |_, c| c["securityContext"]["capabilities"] = json!({"drop": ["SETUID"]}),
        Ready::NotReady,
        Some(("caps-dropped", "capabilities")),
    ),
    (ROOTLESS, |_, c| c["securityContext"]["capabilities"] = json!({"drop": ["NET_RAW"]}), Ready::Ready, None),
    (
        ROOTLESS,
        |_, c| c["securityContext"]["allowPrivilegeEscalation"] = false.into(),
        Ready::NotReady,
        Some(("no-new-privs", "allowPrivilegeEscalation")),
    ),
    (ROOTLESS, |_, c| c["securityContext"]["runAsUser"] = 1001.into(), Ready::NotReady, Some(("image-user", "runAsUser"))),
    (
        ROOTLESS,
        |spec, _| spec["securityContext"]["runAsUser"] = 1001.into(),
        Ready::NotReady,
        Some(("image-user", "spec.securityContext.runAsUser")),
    ),
    (ROOTLESS, |_, c| c["securityContext"]["runAsGroup"] = 0.into(), Ready::NotReady, Some(("image-user", "runAsGroup"))),
    (ROOTLESS, |_, c| c["securityContext"]["runAsUser"] = 0.into(), Ready::NotReady, Some(("image-user", "runAsUser"))),
    (ROOTLESS, |_, c| c["args"] = json!([]), Ready::NotReady, Some(("masked-proc", "containers[1].args"))),
    (ROOTLESS, |_, c| c["args"] = json!(["--oci-worker-no-process-sandbox=false"]), Ready::NotReady, Some(("masked-proc", "args"))),
    (ROOTLESS, |spec, _| spec["hostUsers"] = false.into(), Ready::NotReady, Some(("nested-userns-range", "spec.hostUsers"))),
    (
        ROOTLESS,
        |spec, c| {
            spec["hostUsers"] = false.into();
            c["securityContext"]["procMount"] = "Unmasked".into();
            c["args"] = json!([]);
            c["volumeMounts"] = json!([{"name": "ids", "mountPath": "/etc/subuid", "subPath": "ids"}]);
        },
        Ready::Ready,
        None,
    ),
    (ROOTLESS, |_, c| c["securityContext"]["procMount"] = "Unmasked".into(), Ready::NotReady, Some(("procmount-admission", "procMount"))),
    (
        ROOTLESS,
        |_, c| c["securityContext"]["readOnlyRootFilesystem"] = true.into(),
        Ready::NotReady,
        Some(("read-only-root", "readOnlyRootFilesystem")),
    ),
    (ROOTLESS, |_, c| c["env"] = json!([{"name": "TMPDIR", "value": "tmp"}]), Ready::NotReady, Some(("temp-dir", "env[0].value"))),
    (ROOTLESS, |_, c| c["env"] = json!([{"name": "TMPDIR", "value": "/home/user/t"}]), Ready::NotReady, Some(("temp-dir", "env[0].value"))),
    (ROOTLESS, |_, c| c["env"] = json!([{"name": "TMPDIR", "value": "/tmp"}]), Ready::Ready, None),
    (
        ROOTLESS,
        |_, c| c["env"] = json!([{"name": "XDG_RUNTIME_DIR", "value": "/run/user/1001"}]),
        Ready::NotReady,
        Some(("runtime-dir", "env[0].value")),
    ),
    (
        ROOTLESS,
        |_, c| c["args"] = json!(["--root=/data/b", "--oci-worker-no-process-sandbox"]),
        Ready::NotReady,
        Some(("state-dir", "containers[1].args")),
    ),
    (
        ROOTLESS,
        |_, c| {
            c["args"] = json!(["--root=/data/b", "--oci-worker-no-process-sandbox"]);
            c["volumeMounts"][0]["mountPath"] = "/data".into();
        },
        Ready::Ready,
        None,
    ),
    (
        ROOTLESS,
        |_, c| c["args"] = json!(["--addr", "unix:///run/buildkit/b.sock", "--oci-worker-no-process-sandbox"]),
        Ready::NotReady,
        Some(("runtime-dir", "containers[1].args")),
    ),
    (
        ROOTLESS,
        |spec, _| spec["volumes"][0]["emptyDir"]["medium"] = "Memory".into(),
        Ready::NotReady,
        Some(("overlay-no-xattr", "spec.volumes[0].emptyDir.medium")),
    ),
    (
        ROOTLESS,
        |spec, _| spec["volumes"][0] = json!({"name": "state", "persistentVolumeClaim": {"claimName": "c"}}),
        Ready::NotReady,
        Some(("state-dir", "fsGroup")),
    ),
    (
        ROOTLESS,
        |spec, _| spec["volumes"][0] = json!({"name": "state", "configMap": {"name": "c"}}),
        Ready::NotReady,
        Some(("state-dir", "volumes[0]")),
    ),
    (
        ROOTLESS,
        |spec, _| spec["volumes"][0] = json!({"name": "state", "hostPath": {"path": "/a"}}),
        Ready::Unknown,
        Some(("state-dir", "volumes[0].hostPath")),
    ),
    (
        ROOTLESS,
        |spec, _| spec["volumes"][0] = json!({"name": "state", "nfs": {"server": "s", "path": "/"}}),
        Ready::Unknown,
        Some(("state-dir", "volumes[0]")),
    ),
    (ROOTLESS, |spec, _| spec["volumes"] = json!([]), Ready::NotReady, Some(("invalid-pod", "volumeMounts[0]"))),
    (ROOTLESS, |spec, _| spec["volumes"][0]["emptyDir"]["mode"] = "0755".into(), Ready::NotReady, Some(("state-dir", "emptyDir.mode"))),
    (
        ROOTLESS,
        |_, c| c["volumeMounts"][0]["bindMountOptions"] = json!(["noexec"]),
        Ready::NotReady,
        Some(("locked-mount-flags", "bindMountOptions")),
    ),
    (
        ROOTLESS,
        |spec, _| spec["nodeSelector"] = json!({"kubernetes.io/os": "windows"}),
        Ready::NotReady,
        Some(("node-selector", "nodeSelector")),
    ),
    (ROOTLESS, |spec, _| spec["runtimeClassName"] = "kata".into(), Ready::Unknown, Some(("runtime-class", "runtimeClassName"))),
    (ROOTLESS, |_, c| c["command"] = json!(["buildkitd"]), Ready::NotReady, Some(("wrong-image-or-uid", "containers[1].command"))),
    (ROOTLESS, |_, c| c["command"] = json!(["rootlesskit", "buildkitd"]), Ready::Ready, None),
    (ROOTFUL, |_, _| {}, Ready::NotReady, Some(("wrong-image-or-uid", "privileged"))),
    (ROOTFUL, |_, c| c["securityContext"]["runAsUser"] = 1000.into(), Ready::NotReady, Some(("image-user", "containers[1].image"))),
    (ROOTFUL, |_, c| c["securityContext"] = json!({"privileged": true}), Ready::Ready, None),
    (
        ROOTFUL,
        |_, c| c["securityContext"] = json!({"privileged": true, "runAsNonRoot": true}),
        Ready::NotReady,
        Some(("image-user", "runAsNonRoot")),
    ),
    (
        ROOTFUL,
        |_, c| c["securityContext"] = json!({"privileged": true, "allowPrivilegeEscalation": false}),
        Ready::NotReady,
        Some(("invalid-pod", "allowPrivilegeEscalation")),
    ),
    // runc's state is none of buildkitd's.
    (
        ROOTFUL,
        |_, c| {
            c["securityContext"] = json!({"privileged": true, "readOnlyRootFilesystem": true});
            c["volumeMounts"] =
                ["/var/lib/buildkit", "/run/buildkit", "/tmp"].map(|path| json!({"name": "state", "mountPath": path})).to_vec().into();
        },
        Ready::NotReady,
        Some(("read-only-root", "readOnlyRootFilesystem")),
    ),
    ("registry.example/buildkit-fork:7", |_, _| {}, Ready::Unknown, Some(("image", "containers[1].image"))),
];

fn judge(workloads: &[Workload], container: Option<&str>) -> Result<Vec<Judged>, NoBuilder> {
    Ok(builders(workloads, container)?.iter().map(|builder| builder.judge()).collect())
}

#[test]
fn each_field_that_stops_a_builder_is_named_and_mended_where_an_object_can() {
    for (number, (image, change, verdict, first)) in ROWS.iter().enumerate() {
        let object = pod(image, change);
        let judged = judge(&workloads("f", &object.to_string()).expect("a pod"), None).expect("a builder").remove(0);
        let weight = match verdict {
            Ready::Ready => Weight::Needs,
            Ready::NotReady => Weight::Stops,
            Ready::Unknown => Weight::Unknown,
        };
        let found = judged.findings.iter().find(|finding| finding.weight == weight);
        let told = found.map(|finding| (finding.cause, finding.field.as_str()));
        assert_eq!(judged.verdict, *verdict, "row {number}: {told:?}");
        assert_eq!(told.map(|(id, _)| id), first.map(|(id, _)| id), "row {number}");
        let end = first.map_or("", |(_, end)| end);
        assert!(told.is_none_or(|(_, field)| field.ends_with(end)), "row {number}: {told:?}, not {end}");
        assert!(judged.findings.iter().all(|finding| finding.fix.is_some()), "row {number}: {:#?}", judged.findings);
        assert_eq!(judged.patch.is_some(), found.is_some_and(|finding| !finding.edits.is_empty()), "row {number}: {:?}", judged.patch);
    }
}

#[test]
fn an_object_without_a_builder_says_what_it_has() {
    let object = json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}});
    let workloads = workloads("f", &object.to_string()).expect("a pod");
    assert_eq!(judge(&workloads, None).expect_err("none").seen, ["Pod/p (a, b)"]);
    assert_eq!(judge(&workloads, Some("a")).expect("one").len(), 1);
    assert!(judge(&workloads, Some("c")).is_err());
}

#[test]
fn a_pod_without_a_word_on_confinement_is_what_a_canary_of_baseline_proves() {
    let closest = |change: &dyn Fn(&mut Value, &mut Value)| {
        let object = pod(ROOTLESS, change);
        let judged = judge(&workloads("f", &object.to_string()).expect("a pod"), None).expect("a builder").remove(0);
        (judged.profile, judged.needs())
    };
    assert_eq!(closest(&|_, container| container["securityContext"] = Value::Null), (Profile::Baseline, vec![]));
    let half = |_: &mut Value, container: &mut Value| container["securityContext"]["seccompProfile"] = Value::Null;
    assert_eq!(closest(&half), (Profile::NoProcessSandbox, vec!["seccomp"]), "less confined than that canary");
}
