//! What steps ask of the cluster.

use crate::cluster::{Cluster, REGISTRY};
use crate::image::tool;
use crate::processes::wait;
use crate::watch::Watch;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

impl Cluster {
    /// `kubectl` as the administrator: its output, or its errors. It is killed after two minutes.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.kubectl_with_input(arguments, "")
    }

    fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", "120"]).arg(tool("kubectl")).args(arguments);
        // HOME: where it keeps what it learns of the API.
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", &self.dir);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl");
        // It may end without having read.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("kubectl");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() {
            Ok(text(output.stdout))
        } else if output.status.code() == Some(124) {
            Err(format!("{}kubectl {arguments:?} took too long", text(output.stderr)))
        } else {
            // What a command in a pod says of its failure can be in either.
            Err(text(output.stdout) + &text(output.stderr))
        }
    }

    /// `kubectl get ... -o json`. Fails if that fails.
    pub(crate) fn get(&self, arguments: &[&str]) -> Value {
        let arguments = [&["get", "-o", "json"], arguments].concat();
        let text = self.kubectl(&arguments).unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"));
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// `kubectl apply` of manifests, which must succeed.
    pub(crate) fn apply(&self, yaml: &str) {
        self.try_apply(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    }

    /// `kubectl apply` of manifests that may be refused.
    pub(crate) fn try_apply(&self, yaml: &str) -> Result<String, String> {
        self.kubectl_with_input(&["apply", "-f", "-"], yaml)
    }

    /// A dry run of `kubectl apply` at the API server.
    pub(crate) fn dry_run(&self, yaml: &str) -> Result<String, String> {
        self.kubectl_with_input(&["apply", "--dry-run=server", "-f", "-"], yaml)
    }

    /// `kubectl delete`, of what may be gone already; waits until it is gone.
    pub(crate) fn delete(&self, arguments: &[&str]) {
        let arguments = [&["delete", "--ignore-not-found", "--grace-period=1"], arguments].concat();
        self.kubectl(&arguments).unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"));
    }

    /// Runs a command in a pod's first container.
    pub(crate) fn exec(&self, namespace: &str, pod: &str, command: &[&str]) -> Result<String, String> {
        self.kubectl(&[&["exec", "-n", namespace, pod, "--"], command].concat())
    }

    /// What a pod has printed; empty while there is nothing.
    pub(crate) fn logs(&self, namespace: &str, pod: &str) -> String {
        self.kubectl(&["logs", "-n", namespace, pod, "--all-containers"]).unwrap_or_default()
    }

    /// Waits until a pod is ready; one that is not tells its status and what it printed.
    pub(crate) fn pod_ready(&self, namespace: &str, pod: &str) {
        wait(&format!("pod {namespace}/{pod} is ready"), 120, || {
            let (_, object) = self.request("GET", &format!("/api/v1/namespaces/{namespace}/pods/{pod}"), None, "", "");
            let conditions = object["status"]["conditions"].as_array();
            let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
            if conditions.into_iter().flatten().any(ready) { Ok(()) } else { Err(object["status"].to_string()) }
        });
    }

    /// A request to the API server, with a token or as the administrator. An answer that is no JSON is a string; if there
    /// is none, the status is 0 and the string says why.
    pub(crate) fn request(&self, method: &str, path: &str, token: Option<&str>, content_type: &str, body: &str) -> (u16, Value) {
        match self.api.request(method, path, token, content_type, body) {
            Ok((status, text)) => (status, serde_json::from_str(&text).unwrap_or(Value::String(text))),
            Err(error) => (0, Value::String(error)),
        }
    }

    /// A token of a service account, bound to a pod of its namespace if one is named: it then tells the pod's node too.
    pub(crate) fn token(&self, namespace: &str, service_account: &str, pod: Option<&str>) -> String {
        let mut arguments = vec!["create", "token", service_account, "-n", namespace];
        arguments.extend(pod.into_iter().flat_map(|pod| ["--bound-object-kind=Pod", "--bound-object-name", pod]));
        self.kubectl(&arguments).unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}")).trim().to_owned()
    }

    /// The node's events from now on.
    pub(crate) fn watch_node(&self, name: &str) -> Watch {
        Watch::new(Arc::clone(&self.api), name)
    }

    /// The audit log's entries of users, or of user agents, whose names begin so. An entry is there before the answer is.
    pub(crate) fn audit(&self, prefix: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.audit_log()).expect("the audit log");
        let begins = |value: &Value| value.as_str().is_some_and(|name| name.starts_with(prefix));
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| begins(&entry["user"]["username"]) || begins(&entry["userAgent"])).collect()
    }

    /// Whether the registry has an image.
    pub(crate) fn image_in_registry(&self, name: &str, tag: &str) -> bool {
        let answer = self.api.fetch(&format!("http://{REGISTRY}/v2/{name}/manifests/{tag}"));
        answer.expect("the registry").0 == 200
    }
}
