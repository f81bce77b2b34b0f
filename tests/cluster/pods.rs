//! Builders that people have, as the cluster admits them: `check -f --cluster`.

use crate::admission::{namespace, run};
use crate::agent::{self, verdict};
use crate::cluster::Cluster;
use crate::processes::wait;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

const NAMESPACE: &str = "people";

/// A builder as many have one, with more in its pod's spec.
pub(crate) fn deployment(more: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: builder}}
spec:
  selector: {{matchLabels: {{app: builder}}}}
  template:
    metadata: {{labels: {{app: builder}}}}
    spec:
      {more}
      volumes: [{{name: state, emptyDir: {{}}}}]
      containers:
      - name: buildkitd
        image: moby/buildkit:v0.34.2-rootless
        args: [--oci-worker-no-process-sandbox]
        securityContext: {{seccompProfile: {{type: Unconfined}}, appArmorProfile: {{type: Unconfined}}}}
        volumeMounts: [{{name: state, mountPath: /home/user/.local/share/buildkit}}]
"
    )
}

fn file(cluster: &Cluster, text: &str) -> PathBuf {
    let path = cluster.dir.join("people.yaml");
    fs::write(&path, text).expect("write");
    path
}

/// Exit code, and the report of the one builder.
pub(crate) fn check(cluster: &Cluster, text: &str, arguments: &[&str]) -> (Option<i32>, Value) {
    let path = file(cluster, text);
    let all = [&["check", "-f", path.to_str().expect("UTF-8"), "--cluster", "--format", "json"], arguments].concat();
    let (code, out, err) = run(cluster, &all);
    let mut report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}{err}"));
    (code, report["builders"][0].take())
}

fn node<'a>(builder: &'a Value, name: &str) -> (&'a str, &'a str) {
    let node = builder["cluster"]["nodes"].as_array().into_iter().flatten().find(|node| node["node"] == name).expect("the node");
    (node["fit"].as_str().expect("a word"), node["why"].as_str().unwrap_or_default())
}

fn prepared(cluster: &Cluster) {
    agent::deployed(cluster);
    verdict(cluster, "node2", "not-ready");
    namespace(cluster, NAMESPACE, "privileged");
}

pub(crate) fn each_node_is_listed_for_somebodys_builder(cluster: &Cluster) {
    prepared(cluster);
    let in_people = |more: &str| check(cluster, &deployment(more), &["-n", NAMESPACE]);
    let (code, builder) = in_people("");
    assert_eq!((code, &builder["verdict"], &builder["cluster"]["pod"]), (Some(0), &json!("ready"), &json!("accepted")), "{builder:#}");
    assert_eq!(node(&builder, "node1"), ("fits", ""), "{builder:#}");
    let (fit, why) = node(&builder, "node2");
    assert!(fit == "does-not-fit" && why.contains("not-ready"), "{builder:#}");

    let (code, builder) = in_people("nodeSelector: {kubernetes.io/hostname: node2}");
    assert_eq!(code, Some(1), "{builder:#}");
    assert!(node(&builder, "node1").1.contains("spec.nodeSelector wants kubernetes.io/hostname=node2"), "{builder:#}");

    cluster.kubectl(&["cordon", "node1"]).expect("kubectl cordon");
    let (code, builder) = in_people("");
    cluster.kubectl(&["uncordon", "node1"]).expect("kubectl uncordon");
    assert_eq!((code, node(&builder, "node1").1), (Some(1), "it is cordoned (kubectl uncordon node1)"), "{builder:#}");

    cluster.kubectl(&["taint", "nodes", "node1", "dedicated=web:NoSchedule"]).expect("kubectl taint");
    let (refused, tolerated) = (in_people(""), in_people("tolerations: [{key: dedicated, operator: Exists}]"));
    cluster.kubectl(&["taint", "nodes", "node1", "dedicated-"]).expect("kubectl taint");
    assert_eq!((refused.0, node(&refused.1, "node1").1), (Some(1), "its taint dedicated=web:NoSchedule is not tolerated"));
    assert_eq!(tolerated.0, Some(0), "{:#}", tolerated.1);

    // A shape whose canary nobody has asked for: nothing speaks against it, and nobody knows.
    let rootful = deployment("")
        .replace("-rootless", "")
        .replace("args: [--oci-worker-no-process-sandbox]", "args: []")
        .replace("{seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}}", "{privileged: true}");
    let (code, builder) = check(cluster, &rootful, &["-n", NAMESPACE]);
    assert_eq!((code, node(&builder, "node1").0, &builder["profile"]), (Some(3), "unknown", &json!("rootful")), "{builder:#}");

    // The namespace that the object names goes before the one that is given.
    let elsewhere = deployment("").replace("{name: builder}", "{name: builder, namespace: nowhere}");
    let (code, builder) = check(cluster, &elsewhere, &["-n", NAMESPACE]);
    assert_eq!((code, &builder["cluster"]["obstacles"][0]["obstacle"]), (Some(3), &json!("namespace-missing")), "{builder:#}");
    assert_eq!(cluster.get(&["pods", "-n", NAMESPACE])["items"], json!([]), "nothing was stored");
    cluster.delete(&["namespace", NAMESPACE]);
}

/// A policy that changes the builder's container by these changes, each where it holds.
fn policy(name: &str, condition: &str, changes: &[(&str, &str)]) -> String {
    let changes: Vec<_> = changes
        .iter()
        .map(|(field, value)| format!("JSONPatch{{op: \"add\", path: \"/spec/containers/0/{field}\", value: {value}}}"))
        .collect();
    format!(
        "apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {{name: {name}}}
spec:
  matchConstraints:
    resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]
    namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {NAMESPACE}}}}}
  matchConditions: [{{name: holds, expression: '{condition}'}}]
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: '[{}]'
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {{name: {name}}}
spec: {{policyName: {name}}}
",
        changes.join(", ")
    )
}

pub(crate) fn what_becomes_of_somebodys_builder_is_judged(cluster: &Cluster) {
    prepared(cluster);
    let asked = || check(cluster, &deployment(""), &["-n", NAMESPACE]);
    let until = |what: &str, is_so: &dyn Fn(Option<i32>, &Value) -> bool| {
        wait(what, 60, || {
            let (code, builder) = asked();
            if is_so(code, &builder) { Ok(builder) } else { Err(format!("{code:?} {builder:#}")) }
        })
    };
    let gone = |name: &str| {
        cluster.delete(&[&format!("mutatingadmissionpolicybinding/{name}"), &format!("mutatingadmissionpolicy/{name}")]);
        until("the policy is gone", &|code, builder| code == Some(0) && builder["cluster"]["notes"] == json!([]))
    };

    // As Autopilot and a security context constraint of OpenShift do: harmless.
    let harmless = [
        ("securityContext/capabilities", "Object.spec.containers.securityContext.capabilities{drop: [\"NET_RAW\"]}"),
        ("securityContext/seLinuxOptions", "Object.spec.containers.securityContext.seLinuxOptions{type: \"container_engine_t\"}"),
    ];
    cluster.apply(&policy("harmless", "true", &harmless));
    let notes = |builder: &Value| builder["cluster"]["notes"].as_array().map_or(0, Vec::len);
    let builder = until("harmless additions are noted", &|code, builder| code == Some(0) && notes(builder) == 2);
    assert_eq!(node(&builder, "node1").0, "fits", "{builder:#}");
    gone("harmless");

    // Where a container is silent it is confined, as many policies do it: it can say it aloud.
    let silent = "!has(object.spec.containers[0].securityContext.allowPrivilegeEscalation)";
    cluster.apply(&policy("silent", silent, &[("securityContext/allowPrivilegeEscalation", "false")]));
    let builder = until("what a policy adds is judged", &|code, _| code == Some(1));
    let finding = &builder["findings"][0];
    let field = "spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation";
    assert_eq!((&finding["cause"], &finding["field"]), (&json!("no-new-privs"), &json!(field)), "{builder:#}");
    assert_eq!(builder["cluster"]["obstacles"][0]["obstacle"], "changed-field", "{builder:#}");
    assert_eq!((&builder["cluster"]["pod"], &builder["cluster"]["patchTaken"]), (&json!("changed"), &json!(true)), "{builder:#}");
    let path = file(cluster, &deployment(""));
    let path = path.to_str().expect("UTF-8");
    let (_, patch, _) = run(cluster, &["check", "-f", path, "--cluster", "-n", NAMESPACE, "--format", "patch"]);
    let patched = cluster.kubectl(&["patch", "--local", "-f", path, "-o", "yaml", "--patch", &patch]).expect("kubectl patch");
    let (code, builder) = check(cluster, &patched, &["-n", NAMESPACE]);
    assert_eq!(code, Some(0), "{patch}{builder:#}");
    gone("silent");

    // Whatever the container says: no change of the object helps.
    cluster.apply(&policy("always", "true", &[("securityContext/allowPrivilegeEscalation", "false")]));
    let builder = until("a policy that always changes", &|code, _| code == Some(1));
    assert_eq!(builder["cluster"]["patchTaken"], json!(false), "{builder:#}");
    let (_, shown, _) = run(cluster, &["check", "-f", path, "--cluster", "-n", NAMESPACE]);
    println!("{}", shown.replace("\n\n", "\n"));
    assert!(shown.contains("exempt builders from it"), "{shown}");
    gone("always");

    cluster.apply(&format!(
        "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: none, namespace: {NAMESPACE}}}, spec: {{hard: {{pods: 0}}}}}}"
    ));
    let builder = until("a quota refuses", &|code, _| code == Some(1));
    assert_eq!((&builder["cluster"]["obstacles"][0]["by"], &builder["cluster"]["pod"]), (&json!("none"), &json!("refused")), "{builder:#}");
    cluster.delete(&["resourcequota/none", "-n", NAMESPACE]);
    cluster.delete(&["namespace", NAMESPACE]);

    namespace(cluster, NAMESPACE, "baseline");
    let (code, builder) = asked();
    let obstacle = &builder["cluster"]["obstacles"][0];
    assert_eq!((code, &obstacle["obstacle"], &obstacle["by"]), (Some(1), &json!("pod-security"), &json!("baseline")), "{builder:#}");
    cluster.delete(&["namespace", NAMESPACE]);
}
