//! What the cluster itself must do, before an agent is on it.

use crate::cluster::{Cluster, REGISTRY};
use crate::images::BUILDER;
use crate::processes::wait;
use crate::run::AGENT;
use serde_json::Value;

/// A build with RUN steps, pushed to the registry under $1. The base is a directory; file capabilities that the build
/// gives must be in the image.
const BUILD: &str = r#"set -e
mkdir -p /tmp/context; cd /tmp/context
printf 'FROM base\nRUN id > /made\nRUN setcap cap_setuid=ep /usr/bin/newuidmap\n' > Dockerfile
buildctl build --progress plain --frontend dockerfile.v0 --local context=. --local dockerfile=. \
  --local base=/base --opt context:base=local:base --output type=image,name=$1,push=true,registry.insecure=true"#;

pub(crate) fn both_nodes_are_ready(cluster: &Cluster) {
    let nodes = cluster.get(&["nodes"]);
    let names: Vec<_> = nodes["items"].as_array().expect("a list").iter().filter_map(|node| node["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["node1", "node2"]);
    for name in names {
        wait(&format!("{name} is ready"), 60, || cluster.node_ready(name));
    }
}

/// A pod on each node, and a Service that leads to both.
pub(crate) fn pods_reach_all(cluster: &Cluster) {
    for node in ["node1", "node2"] {
        cluster.apply(&format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: client-{node}, labels: {{app: client}}}}
spec:
  nodeName: {node}
  containers:
  - name: client
    image: {BUILDER}
    command: [sh, -c, 'mkdir /tmp/www; echo {node} > /tmp/www/index.html; exec busybox httpd -f -p 8080 -h /tmp/www']
"
        ));
    }
    cluster.apply(
        "{apiVersion: v1, kind: Service, metadata: {name: client}, spec: {selector: {app: client}, ports: [{port: 80, targetPort: 8080}]}}",
    );
    for node in ["node1", "node2"] {
        let pod = format!("client-{node}");
        cluster.pod_ready("default", &pod);
        let does = |script: &str| {
            wait(&format!("{pod}: {script}"), 60, || cluster.exec("default", &pod, &["sh", "-c", script]));
        };
        does("nslookup kubernetes.default.svc.cluster.local | grep -q 10.96.0.1");
        does("nc -w 5 kubernetes.default 443 < /dev/null");
        does(&format!("timeout 5 wget -q -O - http://{REGISTRY}/v2/"));
        // Both are behind the Service: in a few requests each answers.
        for other in ["node1", "node2"] {
            does(&format!("for i in 1 2 3 4 5 6 7 8; do timeout 2 wget -q -O - http://client; done | grep -q {other}"));
        }
    }
    cluster.delete(&["service/client"]);
}

pub(crate) fn tokens_and_audit(cluster: &Cluster) {
    let token = cluster.token("default", "default", Some("client-node2"));
    let (status, review) = cluster.request(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        Some(&token),
        "application/json",
        r#"{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}"#,
    );
    assert_eq!(status, 201, "{review:#}");
    let user = &review["status"]["userInfo"];
    assert_eq!(user["username"], "system:serviceaccount:default:default");
    assert_eq!(user["extra"]["authentication.kubernetes.io/node-name"][0], "node2", "{user:#}");

    let (status, _) = cluster.request("GET", "/api/v1/namespaces/kube-system/secrets", Some(&token), "", "");
    assert_eq!(status, 403);
    let entries = cluster.audit("system:serviceaccount:default:default");
    let refused = |entry: &Value| entry["responseStatus"]["code"] == 403 && entry["objectRef"]["resource"] == "secrets";
    assert!(entries.iter().any(refused), "{entries:#?}");
    cluster.delete(&["pod/client-node1", "pod/client-node2"]);
}

/// A pod of the agent's image on each node, with what a check says there.
pub(crate) fn agents_image(cluster: &Cluster) {
    for (node, verdict) in [("node1", "ready"), ("node2", "not-ready")] {
        let pod = format!("check-{node}");
        cluster.apply(&pod_yaml(&pod, node, AGENT, "command: [sleep, 1d]", ""));
        cluster.pod_ready("default", &pod);
        // Its status says the same as the report.
        let (Ok(report) | Err(report)) = cluster.exec("default", &pod, &["buildkit-preflight", "check", "--format=json"]);
        let end = report.rfind('}').map_or(0, |end| end + 1);
        let report: Value = serde_json::from_str(&report[..end]).unwrap_or_else(|error| panic!("{error}: {report}"));
        let profile = &report["profiles"][0];
        assert_eq!(profile["verdict"], verdict, "{profile:#}");
        cluster.delete(&[&format!("pod/{pod}")]);
    }
}

pub(crate) fn builder_works_on_node1(cluster: &Cluster) {
    let image = build_on(cluster, "node1");
    cluster.apply(&pod_yaml("pulled", "node2", &image, "command: [sleep, 1d]", ""));
    cluster.pod_ready("default", "pulled");
    let output = cluster.exec("default", "pulled", &["sh", "-c", "cat /made && setcap -v cap_setuid=ep /usr/bin/newuidmap"]);
    assert!(output.as_ref().is_ok_and(|output| output.starts_with("uid=0")), "{output:?}");
    cluster.delete(&["pod/pulled"]);
}

pub(crate) fn builder_fails_on_node2(cluster: &Cluster) {
    cluster.apply(&builder(cluster, "builder-node2", "node2"));
    wait("the builder says why it fails", 60, || {
        let log = cluster.logs("default", "builder-node2");
        if log.contains("fork/exec /proc/self/exe: operation not permitted") { Ok(()) } else { Err(log) }
    });
    cluster.delete(&["pod/builder-node2"]);
}

pub(crate) fn builder_works_on_ordinary_node2(cluster: &Cluster) {
    cluster.node2_ordinary(true);
    build_on(cluster, "node2");
    cluster.node2_ordinary(false);
}

pub(crate) fn watch_outlives_the_api_server(cluster: &Cluster) {
    let watch = cluster.watch_node("node1");
    let label = |value: &str| cluster.kubectl(&["label", "--overwrite", "node/node1", "node/node2", &format!("smoke={value}")]);
    let seen = |value: &str| {
        wait(&format!("the watch sees {value}"), 30, || {
            let events = watch.events();
            assert!(events.iter().all(|event| event["object"]["metadata"]["name"] == "node1"), "only of this node");
            let found = events.iter().any(|event| event["object"]["metadata"]["labels"]["smoke"] == value);
            if found { Ok(()) } else { Err(format!("{} events", events.len())) }
        });
    };
    label("before").expect("kubectl label");
    seen("before");
    cluster.stop_api_server();
    assert_eq!(cluster.request("GET", "/readyz", None, "", "").0, 0, "nobody answers");
    cluster.start_api_server();
    label("after").expect("kubectl label");
    seen("after");
    cluster.kubectl(&["label", "node/node1", "node/node2", "smoke-"]).expect("kubectl label");
}

/// A pod on this node, as user 1000 and without a seccomp profile.
fn pod_yaml(name: &str, node: &str, image: &str, container: &str, volumes: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  nodeName: {node}
  restartPolicy: Never
  containers:
  - name: main
    image: {image}
    securityContext: {{runAsUser: 1000, runAsGroup: 1000, seccompProfile: {{type: Unconfined}}}}
    {container}
  volumes: [{volumes}]
"
    )
}

/// A rootless builder of the default profile.
fn builder(cluster: &Cluster, name: &str, node: &str) -> String {
    let container = "args: [--oci-worker-no-process-sandbox]
    readinessProbe: {exec: {command: [buildctl, debug, workers]}, periodSeconds: 1}
    volumeMounts: [{name: state, mountPath: /home/user/.local/share/buildkit}, {name: base, mountPath: /base, readOnly: true}]";
    let base = cluster.image_base();
    let volumes = format!("{{name: state, emptyDir: {{}}}}, {{name: base, hostPath: {{path: {}}}}}", base.display());
    pod_yaml(name, node, BUILDER, container, &volumes)
}

/// Builds and pushes an image, and gives its name.
fn build_on(cluster: &Cluster, node: &str) -> String {
    let (pod, image) = (format!("builder-{node}"), format!("smoke-{node}"));
    let name = format!("{REGISTRY}/{image}:1");
    cluster.apply(&builder(cluster, &pod, node));
    cluster.pod_ready("default", &pod);
    assert!(!cluster.image_in_registry(&image, "1"));
    let output = cluster.exec("default", &pod, &["sh", "-c", BUILD, "sh", &name]);
    output.unwrap_or_else(|output| panic!("{output}\n{}", cluster.logs("default", &pod)));
    assert!(cluster.image_in_registry(&image, "1"));
    cluster.delete(&[&format!("pod/{pod}")]);
    name
}
