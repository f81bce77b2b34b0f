//! What the cluster itself must do, before an agent is on it.

use crate::cluster::{Cluster, REGISTRY};
use crate::images::BUILDER;
use crate::processes::wait;
use serde_json::Value;

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
