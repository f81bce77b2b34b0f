//! Builders as the cluster admits them: what `render builder` prints, and what `check --cluster` says of it.

use crate::agent::{self, PREFIX, program, verdict};
use crate::canary::says;
use crate::cluster::Cluster;
use crate::pods;
use crate::processes::wait;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub(crate) const PROFILES: [&str; 6] = ["no-process-sandbox", "procmount", "userns", "baseline", "privileged", "rootful"];

/// Runs the program with an administrator's kubeconfig: exit code, standard output, standard error.
pub(crate) fn run(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program()).args(arguments).env("KUBECONFIG", cluster.kubeconfig()).output().expect("the program");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// `check --cluster`: exit code and report.
fn check(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) = run(cluster, &[&["check", "--cluster", "--format", "json"], arguments].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}{err}")))
}

/// The same as a person sees it, into the log of this run.
fn show(cluster: &Cluster, arguments: &[&str]) -> String {
    let (_, out, err) = run(cluster, &[&["check", "--cluster"], arguments].concat());
    println!("        $ buildkit-preflight check --cluster {}\n{}", arguments.join(" "), (out.clone() + &err).replace("\n\n", "\n"));
    out
}

fn profile<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["profiles"].as_array().expect("profiles").iter().find(|profile| profile["profile"] == name).expect("a profile")
}

pub(crate) fn namespace(cluster: &Cluster, name: &str, level: &str) {
    let labels = json!({"pod-security.kubernetes.io/enforce": level});
    cluster.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}).to_string());
    wait("its service account", 120, || cluster.kubectl(&["get", "serviceaccount", "default", "-n", name]));
}

pub(crate) fn pod_security_is_named_and_its_fix_works(cluster: &Cluster) {
    agent::deployed(cluster);
    for level in ["baseline", "restricted"] {
        namespace(cluster, level, level);
        let (code, report) = check(cluster, &["--namespace", level]);
        show(cluster, &["--namespace", level]);
        assert_eq!((code, report["profiles"].as_array().map(Vec::len)), (Some(1), Some(6)), "{report:#}");
        for name in PROFILES {
            let answer = profile(&report, name);
            if name == level {
                assert_eq!((&answer["pod"], &answer["findings"]), (&json!("accepted"), &json!([])), "{name}");
                continue;
            }
            let finding = &answer["findings"][0];
            assert_eq!(
                (&answer["verdict"], &answer["pod"], &finding["obstacle"], &finding["by"]),
                (&json!("not-ready"), &json!("refused"), &json!("pod-security"), &json!(level)),
                "{name}"
            );
            let what = if ["no-process-sandbox", "procmount", "baseline"].contains(&name) { "seccompProfile" } else { "privileged" };
            let message = finding["message"].as_str().expect("a message");
            assert!(message.starts_with("violates PodSecurity") && message.contains(what), "{name}: {message}");
        }
        // The fix as it stands there, word by word.
        let fix = profile(&report, "procmount")["findings"][0]["fix"].as_str().expect("a fix").to_owned();
        let words: Vec<_> = fix.split(' ').skip(1).collect();
        cluster.kubectl(&words).unwrap_or_else(|error| panic!("{fix}: {error}"));
        let (code, report) = check(cluster, &["--namespace", level, "--profile", "no-process-sandbox"]);
        assert_eq!(code, Some(0), "{report:#}");
        cluster.delete(&["namespace", level]);
    }
}

pub(crate) fn a_good_namespace_passes(cluster: &Cluster) {
    agent::deployed(cluster);
    verdict(cluster, "node2", "not-ready");
    namespace(cluster, "builds", "privileged");
    // Its pod is accepted and would be scheduled on both nodes; that it works there nobody has proven.
    let (code, report) = check(cluster, &["--namespace", "builds", "--profile", "rootful"]);
    let answer = profile(&report, "rootful");
    assert_eq!((code, &answer["verdict"], &answer["pod"]), (Some(3), &json!("unknown"), &json!("accepted")), "{report:#}");
    assert_eq!((&answer["nodes"]["ready"], &answer["nodes"]["unproven"]), (&json!(0), &json!(2)), "{report:#}");
    let (code, report) = check(cluster, &["--namespace", "builds", "--profile", "no-process-sandbox"]);
    assert_eq!(code, Some(0), "{report:#}");
    let answer = profile(&report, "no-process-sandbox");
    assert_eq!((&answer["pod"], &answer["nodes"]["names"]), (&json!("accepted"), &json!(["node1"])), "{report:#}");
    assert!(report["kubernetes"].as_str().is_some_and(|version| version.starts_with("v1.36")) && report["nodes"] == 2, "{report:#}");
    says(cluster, "node1", "procmount", "ready", "Proven");
    let (code, report) = check(cluster, &["--namespace", "builds"]);
    assert!(PROFILES.iter().all(|name| profile(&report, name)["pod"] == "accepted"), "{report:#}");
    assert_eq!(profile(&report, "procmount")["nodes"]["names"], json!(["node1"]), "{report:#}");
    // No pod has proven this one.
    assert_eq!((code, &profile(&report, "userns")["reason"]), (Some(1), &json!("no node is ready for this profile")));
    let shown = show(cluster, &["--namespace", "builds"]);
    assert!(shown.contains("no-process-sandbox  ready      accepted  1 of 2\n"), "{shown}");

    // Nothing was stored, and what a LimitRange gives a builder is no change.
    cluster.apply("{apiVersion: v1, kind: LimitRange, metadata: {name: small, namespace: builds}, spec: {limits: [{type: Container, default: {cpu: 2}}]}}");
    assert_eq!(check(cluster, &["--namespace", "builds", "--profile", "no-process-sandbox"]).0, Some(0));
    assert_eq!(cluster.get(&["pods", "-n", "builds"])["items"], json!([]));
    cluster.delete(&["namespace", "builds"]);
}

/// One after the other: others than Pod Security that refuse a pod, or change it.
pub(crate) fn others_that_refuse_or_change_are_named(cluster: &Cluster) {
    agent::deployed(cluster);
    namespace(cluster, "builds", "privileged");
    let asked = || check(cluster, &["--namespace", "builds", "--profile", "no-process-sandbox"]);
    let seen = |what: &str, obstacle: &str, by: Value| {
        wait(what, 60, || {
            let (code, report) = asked();
            let finding = &report["profiles"][0]["findings"][0];
            let right = code == Some(1) && finding["obstacle"] == obstacle && finding["by"] == by;
            if right { Ok(finding.clone()) } else { Err(format!("{code:?} {report:#}")) }
        })
    };
    let gone = |what: &str| wait(what, 60, || if asked().0 == Some(0) { Ok(()) } else { Err(format!("{:?}", asked())) });
    let only = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: builds}}";
    let pods = "resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]";

    cluster.apply("{apiVersion: v1, kind: ResourceQuota, metadata: {name: none, namespace: builds}, spec: {hard: {pods: 0}}}");
    let finding = seen("a quota refuses", "quota", json!("none"));
    assert!(finding["message"].as_str().is_some_and(|message| message.starts_with("exceeded quota: none, requested: pods=1")), "{finding}");
    cluster.delete(&["resourcequota/none", "-n", "builds"]);
    gone("the quota is gone");

    // The first refuses itself, the second gives the builder a limit that it can't have.
    for (bound, words) in [
        ("min: {memory: 1Gi}", "minimum memory usage per Container is 1Gi, but request is 256Mi"),
        ("max: {memory: 1Mi}", "must be less than or equal to memory limit of 1Mi"),
    ] {
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: LimitRange, metadata: {{name: small, namespace: builds}}, spec: {{limits: [{{type: Container, {bound}}}]}}}}"
        ));
        let finding = seen("a LimitRange refuses", "limit-range", Value::Null);
        assert!(finding["message"].as_str().is_some_and(|message| message.contains(words)), "{finding}");
        cluster.delete(&["limitrange/small", "-n", "builds"]);
        gone("the LimitRange is gone");
    }

    cluster.apply(&format!(
        "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: no-builders}}
spec:
  matchConstraints: {{{pods}, {only}}}
  validations: [{{expression: 'false', message: no builders here}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: no-builders}}
spec: {{policyName: no-builders, validationActions: [Deny]}}
"
    ));
    let finding = seen("a policy refuses", "admission-policy", json!("no-builders"));
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("no builders here")), "{finding}");
    cluster.delete(&["validatingadmissionpolicybinding/no-builders", "validatingadmissionpolicy/no-builders"]);
    gone("the policy is gone");

    cluster.apply(&format!(
        "apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: no-escalation}}
spec:
  matchConstraints: {{{pods}, {only}}}
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: '[JSONPatch{{op: \"add\", path: \"/spec/containers/0/securityContext/allowPrivilegeEscalation\", value: false}}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: no-escalation}}
spec: {{policyName: no-escalation}}
"
    ));
    let finding = seen("a policy changes", "changed-field", Value::Null);
    let field = "spec.containers[buildkitd].securityContext.allowPrivilegeEscalation";
    assert_eq!(finding["change"], json!({"field": field, "sent": null, "got": false}), "{finding:#}");
    show(cluster, &["--namespace", "builds", "--profile", "no-process-sandbox"]);
    cluster.delete(&["mutatingadmissionpolicybinding/no-escalation", "mutatingadmissionpolicy/no-escalation"]);
    gone("nothing changes it any more");

    let webhook = |side_effects: &str| {
        cluster.apply(&format!(
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: nobody}}
webhooks:
- name: nobody.example.com
  admissionReviewVersions: [v1]
  sideEffects: {side_effects}
  clientConfig: {{url: 'https://127.0.0.1:1/'}}
  rules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]
  {only}
"
        ));
    };
    webhook("None");
    let finding = seen("a webhook does not answer", "webhook", json!("nobody.example.com"));
    assert!(finding["message"].as_str().is_some_and(|message| message.contains("connection refused")), "{finding}");
    cluster.delete(&["validatingwebhookconfiguration/nobody"]);
    gone("the webhook is gone");
    cluster.delete(&["namespace", "builds"]);
}

/// A kubeconfig of a user, or for another port.
fn kubeconfig(cluster: &Cluster, name: &str, change: impl Fn(String) -> String) -> PathBuf {
    let path = cluster.dir.join(format!("{name}.kubeconfig"));
    fs::write(&path, change(fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig"))).expect("write");
    path
}

pub(crate) fn what_cannot_be_told_is_unknown_and_says_why(cluster: &Cluster) {
    agent::deployed(cluster);
    // No such namespace: nothing is known of a pod in it.
    let (code, report) = check(cluster, &["--namespace", "nowhere", "--profile", "no-process-sandbox"]);
    let finding = &report["profiles"][0]["findings"][0];
    assert_eq!((code, &finding["obstacle"]), (Some(3), &json!("namespace-missing")), "{report:#}");
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("render builder")), "{finding}");

    // Nobody's account: each right that is missing is named.
    cluster.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: asker, namespace: default}}");
    let token = cluster.token("default", "asker", None);
    let asker = kubeconfig(cluster, "asker", |text| {
        let cut = |line: &str| {
            if line.starts_with("users:") { format!("users: [{{name: admin, user: {{token: {token}}}}}]") } else { line.into() }
        };
        text.lines().map(cut).collect::<Vec<_>>().join("\n")
    });
    let asker = ["--kubeconfig", asker.to_str().expect("UTF-8")];
    let as_asker = || check(cluster, &[&asker[..], &["--namespace", "default", "--profile", "no-process-sandbox"]].concat());
    let (code, report) = as_asker();
    let answer = &report["profiles"][0];
    assert_eq!((code, &answer["findings"][0]["obstacle"], &answer["nodes"]), (Some(3), &json!("no-right"), &Value::Null), "{report:#}");
    let shown = show(cluster, &[&asker[..], &["--namespace", "default", "--profile", "no-process-sandbox"]].concat());
    for right in ["kubectl auth can-i create pods --namespace default", "kubectl auth can-i list nodes"] {
        assert!(shown.contains(right), "{right}: {shown}");
    }
    let (code, _, err) = run(cluster, &[&["render", "builder", "--profile", "auto"][..], &asker].concat());
    assert!(code == Some(4) && err.contains("cannot list resource \"nodes\""), "{code:?} {err}");
    // With the one right and not the other the pod is known, and its nodes are not.
    cluster.kubectl(&["create", "role", "pods", "-n", "default", "--verb=create", "--resource=pods"]).expect("kubectl create role");
    cluster
        .kubectl(&["create", "rolebinding", "pods", "-n", "default", "--role=pods", "--serviceaccount=default:asker"])
        .expect("a binding");
    wait("the right is given", 60, || match as_asker() {
        (Some(3), report) if report["profiles"][0]["pod"] == "accepted" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // The same for a builder of somebody's.
    let (code, builder) = pods::check(cluster, &pods::deployment(""), &[&asker[..], &["--namespace", "default"]].concat());
    let answer = &builder["cluster"];
    assert_eq!((code, &answer["pod"], &answer["nodes"]), (Some(3), &json!("accepted"), &Value::Null), "{builder:#}");
    assert!(answer["nodesUnknown"].as_str().is_some_and(|why| why.contains("cannot list resource \"nodes\"")), "{builder:#}");
    cluster.delete(&["-n", "default", "rolebinding/pods", "role/pods", "serviceaccount/asker"]);

    let away = kubeconfig(cluster, "away", |text| text.replace(":6443", ":1"));
    let (code, out, err) = run(cluster, &["check", "--cluster", "--kubeconfig", away.to_str().expect("UTF-8")]);
    assert!(code == Some(4) && out.is_empty() && err.contains("could not be reached"), "{code:?} {err}");
}

/// What `render builder` prints, on standard output and on standard error. The guard is of the agent's image, as its default is called.
pub(crate) fn rendered(cluster: &Cluster, arguments: &[&str]) -> (String, String) {
    let (code, out, err) = run(cluster, &[&["render", "builder"], arguments].concat());
    assert_eq!(code, Some(0), "{arguments:?}: {err}");
    (out, err)
}

/// With strict validation, as kubectl asks for.
pub(crate) fn each_profiles_builder_is_taken(cluster: &Cluster) {
    namespace(cluster, "rendered", "privileged");
    for name in PROFILES {
        let all = ["--storage", "20Gi,fast", "--tls", "--read-only-root"];
        let memory = ["--memory-storage", "1Gi", "--no-guard"];
        for more in [&[][..], &["--name", "other", "--replicas", "2"], &["--ids", "131072"], &["--ids", "196608"], &all, &memory] {
            if more.contains(&"--ids") && !["procmount", "userns"].contains(&name) {
                continue;
            }
            let (manifests, _) = rendered(cluster, &[&["--namespace", "rendered", "--profile", name], more].concat());
            let taken = cluster.dry_run(&manifests).unwrap_or_else(|error| panic!("{name} {more:?}: {error}"));
            assert_eq!(taken.lines().count(), manifests.matches("\nkind: ").count(), "{name}: {taken}");
            assert!(
                (taken.contains("deployment.apps/") || taken.contains("statefulset.apps/"))
                    && taken.contains("networkpolicy")
                    && !taken.contains("Warning"),
                "{taken}"
            );
        }
    }
    cluster.delete(&["namespace", "rendered"]);
}

pub(crate) fn auto_takes_the_best_that_nodes_are_ready_for(cluster: &Cluster) {
    agent::deployed(cluster);
    verdict(cluster, "node2", "not-ready");
    says(cluster, "node1", "procmount", "ready", "Proven");
    says(cluster, "node2", "procmount", "not-ready", "Seccomp");
    let (manifests, why) = rendered(cluster, &["--profile", "auto"]);
    assert!(manifests.contains("key: buildkit-preflight.dev/procmount\n") && manifests.contains("procMount: Unmasked"), "{manifests}");
    assert!(why.contains("auto: procmount: 1 of 2 nodes is ready: 1 not ready"), "{why}");
    // What a pod in that shape would publish.
    let userns = |word: &str| {
        let labelled = cluster.kubectl(&["label", "node/node1", "node/node2", &format!("{PREFIX}/userns{word}")]);
        labelled.unwrap_or_else(|error| panic!("{error}"));
    };
    userns("=ready");
    let (manifests, why) = rendered(cluster, &["--profile", "auto", "--min-nodes", "2"]);
    assert!(manifests.contains("hostUsers: false") && manifests.contains("privileged: true") && why.contains("auto: userns"), "{why}");
    userns("-");
    let (manifests, why) = rendered(cluster, &["--profile", "auto", "--min-nodes", "2"]);
    assert!(
        manifests.contains("operator: NotIn") && why.contains("auto: privileged: 0 of 2 nodes are ready: 2 not known to fail"),
        "{why}"
    );
    println!("        $ buildkit-preflight render builder --profile auto --min-nodes 2\n{why}");
    let (code, out, err) = run(cluster, &["render", "builder", "--profile", "auto", "--min-nodes", "3"]);
    assert!(code == Some(1) && out.is_empty() && err.contains("no profile has 3 nodes that are ready"), "{code:?} {err}");
}

/// The computed ranges on a real pod with a user namespace: a builder that goes where the canary was, maps all IDs but two, and
/// builds an image with a file of nobody's.
pub(crate) fn procmount_maps_all_ids_but_two_and_builds(cluster: &Cluster) {
    agent::deployed(cluster);
    let (manifests, warning) = rendered(cluster, &["--profile", "procmount", "--namespace", "nested"]);
    assert!(warning.contains("warning: build steps have the IDs 0 to 65534"), "{warning}");
    cluster.apply(&manifests);
    let pod = wait("its pod", 60, || {
        let pods = cluster.get(&["pods", "-n", "nested"]);
        pods["items"][0]["metadata"]["name"].as_str().map(str::to_owned).ok_or_else(|| pods.to_string())
    });
    cluster.pod_ready("nested", &pod);
    assert_eq!(cluster.get(&["pod", "-n", "nested", &pod])["spec"]["nodeName"], "node1");
    let inside = |script: &str| cluster.exec("nested", &pod, &["sh", "-c", script]).unwrap_or_else(|error| panic!("{script}: {error}"));
    for (file, ids) in [("uid_map", "/etc/subuid"), ("gid_map", "/etc/subgid")] {
        assert_eq!(inside(&format!("cat {ids}")), "user:1:999\nuser:1001:64535\n");
        let map = inside(&format!("for p in /proc/[0-9]*; do if [ $(cat $p/comm) = buildkitd ]; then cat $p/{file}; fi; done"));
        let map: Vec<Vec<_>> = map.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
        assert_eq!(map, [["0", "1000", "1"], ["1", "1", "999"], ["1000", "1001", "64535"]]);
    }
    let build = |id: &str| {
        let script = format!(
            "d=$(mktemp -d); cp /bin/busybox $d; printf 'FROM scratch\\nCOPY busybox /busybox\\nRUN [\"/busybox\", \"chown\", \"{id}:{id}\", \"/busybox\"]\\n' > $d/Dockerfile
            buildctl build --progress plain --frontend dockerfile.v0 --local context=$d --local dockerfile=$d --output type=oci,dest=$d/image.tar 2>&1"
        );
        cluster.exec("nested", &pod, &["sh", "-c", &script])
    };
    for id in ["999", "1000", "65534"] {
        build(id).unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    let error = build("65535").expect_err("there is no such ID");
    assert!(error.contains("Invalid argument"), "{error}");
    cluster.delete(&["namespace", "nested", "--wait=false"]);
}

/// An API server that can still be told to do without pod user namespaces: it drops what it does not know, without a word.
pub(crate) fn an_old_api_server_drops_fields_and_they_are_named(cluster: &Cluster) {
    cluster.start_old_api_server();
    let old = kubeconfig(cluster, "old", |text| text.replace(":6443", ":6444"));
    let old = ["--kubeconfig", old.to_str().expect("UTF-8")];
    let kubectl = |arguments: &[&str]| cluster.kubectl(&[&old[..], arguments].concat());
    wait("the old API server is ready", 180, || kubectl(&["get", "--raw", "/readyz"]));
    // There are no controllers and no kubelets.
    kubectl(&["create", "namespace", "buildkit"]).expect("a namespace");
    kubectl(&["create", "serviceaccount", "default", "-n", "buildkit"]).expect("a service account");
    let (code, report) = check(cluster, &old);
    show(cluster, &old);
    assert_eq!((code, &report["kubernetes"], &report["nodes"]), (Some(1), &json!("v1.33.13"), &json!(0)), "{report:#}");
    let findings = |name: &str| -> Vec<Value> {
        let findings = profile(&report, name)["findings"].as_array().expect("findings").iter();
        findings.map(|finding| json!([finding["gate"], finding["change"]["field"], finding["change"]["got"]])).collect()
    };
    let host_users = json!(["UserNamespacesSupport", "spec.hostUsers", null]);
    let proc_mount = json!(["ProcMountType", "spec.containers[buildkitd].securityContext.procMount", "Default"]);
    assert_eq!(findings("procmount"), [host_users.clone(), proc_mount]);
    assert_eq!(findings("userns"), [host_users]);
    for name in ["no-process-sandbox", "privileged", "rootful"] {
        assert_eq!((findings(name).len(), &profile(&report, name)["pod"]), (0, &json!("accepted")), "{name}");
    }
    cluster.stop_old_api_server();
}
