//! Tekton and Shipwright: their own controllers run our Task and our strategy, as clients in namespaces of the level restricted.

use super::fixtures::{self, NAMESPACE};
use super::git::Git;
use super::modules::Module;
use super::registry::digest;
use crate::admission::namespace;
use crate::agent::{self, verdict};
use crate::cluster::{Cluster, REGISTRY};
use crate::control;
use crate::processes::wait;
use crate::tools;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

const TEKTON: Module = Module {
    name: "tekton",
    path: "github.com/tektoncd/pipeline",
    programs: &["controller", "entrypoint", "nop", "webhook", "workingdirinit"],
};

const SHIPWRIGHT: Module = Module {
    name: "shipwright",
    path: "github.com/shipwright-io/build",
    programs: &["git", "image-processing", "shipwright-build-controller"],
};

/// What Tekton needs here, in this order.
const TEKTON_FILES: &[&str] = &[
    "config/100-namespace",
    "config/200-clusterrole.yaml",
    "config/200-role.yaml",
    "config/200-serviceaccount.yaml",
    "config/201-clusterrolebinding.yaml",
    "config/201-rolebinding.yaml",
    "config/300-crds",
    "config/config-defaults.yaml",
    "config/config-events.yaml",
    "config/config-feature-flags.yaml",
    "config/config-info.yaml",
    "config/config-leader-election-controller.yaml",
    "config/config-leader-election-events.yaml",
    "config/config-leader-election-webhook.yaml",
    "config/config-logging.yaml",
    "config/config-observability.yaml",
    "config/config-registry-cert.yaml",
    "config/config-spire.yaml",
    "config/config-tracing.yaml",
    "config/config-wait-exponential-backoff.yaml",
    "config/500-webhooks.yaml",
    "config/webhook.yaml",
    "config/controller.yaml",
];

const SHIPWRIGHT_FILES: &[&str] = &[
    "deploy/100-namespace.yaml",
    "deploy/200-role.yaml",
    "deploy/300-rolebinding.yaml",
    "deploy/400-serviceaccount.yaml",
    "deploy/crds",
    "deploy/500-controller.yaml",
];

/// Where builds of others run: pods there have no privilege.
const RESTRICTED: &str = "clients";

/// Where the daemon is for them.
fn daemon_address() -> String {
    format!("tcp://buildkitd.{NAMESPACE}:1234")
}

fn template(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/template").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Task under a name, where clients are.
fn task(name: &str) -> String {
    template("tekton-task.yaml").replacen("name: buildkit\n", &format!("name: {name}\n  namespace: {RESTRICTED}\n"), 1)
}

/// Waits until an object has this condition, and gives the object. A build that failed fails at once.
fn condition(cluster: &Cluster, namespace: &str, kind: &str, name: &str) -> Value {
    wait(&format!("{kind} {name} succeeds"), 180, || {
        let object = cluster.get(&[kind, name, "-n", namespace]);
        let conditions = object["status"]["conditions"].as_array();
        let condition = conditions.into_iter().flatten().find(|condition| condition["type"] == "Succeeded").cloned();
        match condition {
            Some(condition) if condition["status"] == "True" => Ok(object),
            Some(condition) if condition["status"] == "False" => {
                let pods = cluster.kubectl(&["describe", "pods", "-n", namespace]).unwrap_or_default();
                let logs =
                    cluster.kubectl(&["logs", "-n", namespace, "--all-containers", "--prefix", "-l", "app.kubernetes.io/managed-by"]);
                panic!("{kind} {name}: {condition:#}\n{pods}\n{}", logs.unwrap_or_default())
            }
            other => Err(format!("{other:?}")),
        }
    })
}

fn available(cluster: &Cluster, namespace: &str, deployment: &str) {
    let status = cluster.kubectl(&["rollout", "status", "-n", namespace, &format!("deployment/{deployment}"), "--timeout=110s"]);
    status.unwrap_or_else(|error| panic!("{error}\n{}", cluster.kubectl(&["describe", "pods", "-n", namespace]).unwrap_or_default()));
}

/// Tekton as it installs itself, with what lets its pods into a namespace of the level restricted.
fn tekton(cluster: &Cluster) {
    if cluster.kubectl(&["get", "namespace", "tekton-pipelines"]).is_ok() {
        return;
    }
    control::route_to_services();
    TEKTON.import(cluster);
    for file in TEKTON_FILES {
        TEKTON.apply(cluster, file, |text| text.replace("set-security-context: \"false\"", "set-security-context: \"true\""));
    }
    available(cluster, "tekton-pipelines", "tekton-pipelines-webhook");
    available(cluster, "tekton-pipelines", "tekton-pipelines-controller");
    cluster.apply(&format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {RESTRICTED}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
"
    ));
}

/// A clone of a repository as a volume, which is the workspace `source`.
fn workspace(cluster: &Cluster, name: &str) {
    let dir = cluster.dir.join("workspaces").join(name);
    let cloned = Command::new("git").args(["clone", "--quiet", &Git::url("app")]).arg(&dir).status().expect("git");
    assert!(cloned.success(), "a clone");
    let owned = Command::new("chown").args(["-R", "1000:1000"]).arg(&dir).status().expect("chown");
    assert!(owned.success(), "chown");
    cluster.apply(&format!(
        "apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec: {{storageClassName: '', capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], hostPath: {{path: {}}}, claimRef: {{name: {name}, namespace: {RESTRICTED}}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: {RESTRICTED}}}
spec: {{storageClassName: '', volumeName: {name}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
",
        dir.display()
    ));
}

/// A run of the Task on the workspace, with these parameters; it must succeed.
fn task_run(cluster: &Cluster, name: &str, parameters: &str) -> Value {
    cluster.apply(&format!(
        "apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: {name}, namespace: {RESTRICTED}}}
spec:
  taskRef: {{name: buildkit}}
  params:
    - {{name: BUILDKIT_DAEMON_ADDRESS, value: '{}'}}
{parameters}
  podTemplate: {{securityContext: {{fsGroup: 1000}}}}
  workspaces: [{{name: source, persistentVolumeClaim: {{claimName: source}}}}]
",
        daemon_address()
    ));
    condition(cluster, RESTRICTED, "taskrun", name)
}

fn result<'a>(run: &'a Value, name: &str) -> Option<&'a str> {
    let results = run["status"]["results"].as_array();
    results.into_iter().flatten().find(|result| result["name"] == name)?["value"].as_str()
}

pub(crate) fn tekton_runs_the_task(cluster: &Cluster) {
    fixtures::daemon(cluster);
    tekton(cluster);
    cluster.apply(&format!(
        "{}\n",
        template("tekton-task.yaml").replace("name: buildkit\n", &format!("name: buildkit\n  namespace: {RESTRICTED}\n"))
    ));
    workspace(cluster, "source");

    let image = format!("{REGISTRY}/tekton:1");
    let run = task_run(cluster, "usual", &format!("    - {{name: IMAGE, value: '{image}'}}"));
    let pushed = digest(cluster, &image).expect("it was pushed");
    assert_eq!(result(&run, "IMAGE_DIGEST"), Some(pushed.as_str()), "{}", run["status"]);
    assert_eq!(result(&run, "IMAGE_URL"), Some(image.as_str()));

    // What a parameter says is one argument, whatever it looks like; a directory and a Dockerfile elsewhere are found.
    let image = format!("{REGISTRY}/tekton:2");
    let parameters = format!(
        "    - {{name: IMAGE, value: '{image}'}}
    - {{name: CONTEXT, value: sub}}
    - {{name: DOCKERFILE, value: docker/Other.Dockerfile}}
    - {{name: TLSVERIFY, value: 'false'}}
    - {{name: BUILD_EXTRA_ARGS, value: '--no-cache  --opt=label:extra=*'}}
    - {{name: BUILD_ARGS, value: ['A=`touch /tmp/oops` \"quoted\" ; exit 9', 'B=2']}}"
    );
    let run = task_run(cluster, "changed", &parameters);
    assert_eq!(result(&run, "IMAGE_DIGEST"), digest(cluster, &image).as_deref(), "{}", run["status"]);
    let log = cluster.logs(RESTRICTED, "changed-pod");
    assert!(log.contains("other, built of sub"), "{log}");
    let skipped = format!("{REGISTRY}/tekton:skipped");
    let run = task_run(cluster, "skipped", &format!("    - {{name: IMAGE, value: '{skipped}'}}\n    - {{name: SKIP_PUSH, value: 'true'}}"));
    assert_eq!(digest(cluster, &skipped), None, "{}", run["status"]);

    // Tekton's own admission refuses what its types don't know.
    let refused = cluster.dry_run(&task("wrong").replacen("  steps:", "  stepz: []\n  steps:", 1));
    assert!(refused.as_ref().is_err_and(|error| error.contains("stepz")), "{refused:?}");
}

/// A Task whose step is its own builder, with the settings that `render values` prints: it goes where the label is.
pub(crate) fn a_step_that_is_its_own_builder_builds(cluster: &Cluster) {
    const NAMESPACE: &str = "tasks";
    agent::deployed(cluster);
    verdict(cluster, "node2", "not-ready");
    tekton(cluster);
    namespace(cluster, NAMESPACE, "privileged");
    let run = |name: &str, profile: &str| {
        let parts: Result<[Value; 2], _> = tools::settings(cluster, &["--for", "tekton", "--profile", profile]).try_into();
        let [run, mut task] = parts.expect("for the TaskRun and for the Task");
        let daemon = "rootlesskit buildkitd $BUILDKITD_FLAGS &\nuntil buildctl debug workers > /dev/null 2>&1; do sleep 0.2; done\n";
        task["spec"]["steps"][0]["command"] = json!(["sh", "-ec", format!("{daemon}{}", tools::JOB)]);
        let mut spec = run["spec"].clone();
        spec["taskSpec"] = task["spec"].take();
        let metadata = json!({"name": name, "namespace": NAMESPACE});
        json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": metadata, "spec": spec}).to_string()
    };
    cluster.apply(&run("own", "no-process-sandbox"));
    let pod = condition(cluster, NAMESPACE, "taskrun", "own")["status"]["podName"].clone();
    let pod = cluster.get(&["pod", "-n", NAMESPACE, pod.as_str().expect("a name")]);
    assert_eq!(pod["spec"]["nodeName"], "node1");
    for profile in ["userns", "privileged", "rootful"] {
        cluster.dry_run(&run("other", profile)).unwrap_or_else(|error| panic!("{profile}: {error}"));
    }
    cluster.delete(&["namespace", NAMESPACE, "--wait=false"]);
}

/// Shipwright's own steps as the level restricted wants them, by the settings that an administrator has for it.
fn restrict(text: String) -> String {
    let setting = |name: &str, command: &str| {
        let step = json!({
            "command": [format!("/ko-app/{command}")],
            "env": [{"name": "HOME", "value": "/shared-home"}],
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 1000,
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        });
        format!("            - name: {name}_CONTAINER_TEMPLATE\n              value: '{step}'\n")
    };
    let settings = setting("GIT", "git") + &setting("IMAGE_PROCESSING", "image-processing");
    text.replace("            - name: GIT_CONTAINER_IMAGE\n", &format!("{settings}            - name: GIT_CONTAINER_IMAGE\n"))
}

pub(crate) fn shipwright_runs_the_strategy(cluster: &Cluster) {
    fixtures::daemon(cluster);
    tekton(cluster);
    SHIPWRIGHT.import(cluster);
    for file in SHIPWRIGHT_FILES {
        SHIPWRIGHT.apply(cluster, file, restrict);
    }
    available(cluster, "shipwright-build", "shipwright-build-controller");
    cluster.apply(&template("shipwright-strategy.yaml"));

    let image = format!("{REGISTRY}/shipwright:1");
    let values = "{name: build-args, values: [{value: 'A=`exit 9` \"quoted\"'}]}, {name: secrets, values: [{value: 's=first line\nsecond'}]}, {name: platforms, values: [{value: linux/amd64}]}";
    build_run(cluster, "app", &image, "", values);
    let run = condition(cluster, RESTRICTED, "buildrun", "app");
    let pushed = digest(cluster, &image).expect("it was pushed");
    assert_eq!(run["status"]["output"]["digest"], pushed.as_str(), "{}", run["status"]);

    // It knows the field by which a Build with another strategy goes where the label is.
    let mut build = cluster.get(&["build.shipwright.io", "app", "-n", RESTRICTED]);
    build["spec"]["nodeSelector"] = tools::settings(cluster, &["--for", "shipwright"])[0]["spec"]["nodeSelector"].take();
    cluster.dry_run(&build.to_string()).unwrap_or_else(|error| panic!("{error}"));

    build_run(cluster, "missing", &image, "contextDir: elsewhere", "");
    // Where Shipwright reads why: this version of it does not know the reason that this version of Tekton gives.
    let said = wait("the step of the BuildRun fails", 180, || {
        let runs = cluster.get(&["taskruns", "-n", RESTRICTED, "-l", "buildrun.shipwright.io/name=missing"]);
        let steps = runs["items"][0]["status"]["steps"].as_array().cloned().unwrap_or_default();
        let said = steps.iter().filter(|step| step["terminated"]["exitCode"] == 1).find_map(|step| step["terminated"]["message"].as_str());
        said.map(str::to_owned).ok_or_else(|| runs["items"][0]["status"].to_string())
    });
    assert!(said.contains("ContextDirNotFound") && said.contains("/elsewhere' does not exist."), "{said}");
}

/// A Build of the repository `app` and a run of it.
fn build_run(cluster: &Cluster, name: &str, image: &str, source: &str, values: &str) {
    let comma = if values.is_empty() { "" } else { ", " };
    cluster.apply(&format!(
        "apiVersion: shipwright.io/v1beta1
kind: Build
metadata: {{name: {name}, namespace: {RESTRICTED}}}
spec:
  source:
    type: Git
    git: {{url: '{}'}}
    {source}
  strategy: {{kind: ClusterBuildStrategy, name: buildkit-client}}
  paramValues: [{{name: daemon-address, value: '{}'}}{comma}{values}]
  output: {{image: '{image}', insecure: true}}
---
apiVersion: shipwright.io/v1beta1
kind: BuildRun
metadata: {{name: {name}, namespace: {RESTRICTED}}}
spec: {{build: {{name: {name}}}}}
",
        Git::url("app"),
        daemon_address(),
    ));
}
