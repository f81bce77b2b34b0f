use super::*;
use crate::build::credentials::HomeFile;
use crate::build::{Template, plan, read_build, read_template};

const BUILD: &str = "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata:
  name: app
  labels:
    team: a
  annotations:
    note: b
    kubectl.kubernetes.io/last-applied-configuration: '{}'
spec:
  serviceAccountName: builder
  timeout: 20m
  nodeSelector:
    disk: ssd
  sources:
  - name: main
    git:
      url: https://git.example/a
      revision: v1
    subPath: web
  - git:
      url: git@git.example:b
      revision: main
    targetPath: lib
  - custom:
      image: fetch
      args: [--to, /workspace/c]
  steps:
  - name: one
    image: first
    env:
    - name: A
      value: b
    workingDir: /workspace/web
  - image: second
    terminationMessagePolicy: File
    env:
    - name: HOME
      value: /root
    volumeMounts:
    - name: mine
      mountPath: /workspace/
  volumes:
  - name: mine
    emptyDir: {}
";

fn options() -> JobOptions {
    JobOptions {
        namespace: "ns".into(),
        suffix: "x7k2p".into(),
        profile: Profile::NoProcessSandbox,
        prefix: "buildkit-preflight.dev".into(),
        git_image: "client".into(),
    }
}

fn home() -> Home {
    let file = |path: &str| HomeFile { path: path.into(), content: b"hidden".to_vec() };
    Home { files: vec![file(".git-credentials"), file(".ssh/id_a")], notes: Vec::new() }
}

fn made(build: &str, template: Option<&Template>, home: &Home) -> Made {
    let build = read_build("build.yaml", build).unwrap_or_else(|error| panic!("{error}"));
    job(&plan(build, template).unwrap_or_else(|error| panic!("{error}")), home, &options())
}

fn pod(made: &Made) -> &Value {
    &made.job["spec"]["template"]["spec"]
}

/// All containers in the order in which they run.
fn containers(made: &Made) -> Vec<&Value> {
    let list = |field: &str| pod(made)[field].as_array().expect("containers");
    list("initContainers").iter().chain(list("containers")).collect()
}

#[test]
fn a_build_is_a_job_that_ends_and_goes_by_itself() {
    let made = made(BUILD, None, &home());
    let spec = &made.job["spec"];
    assert_eq!(made.name, "app-x7k2p");
    assert_eq!((&made.job["apiVersion"], &made.job["kind"]), (&json!("batch/v1"), &json!("Job")));
    assert_eq!([&spec["backoffLimit"], &spec["activeDeadlineSeconds"], &spec["ttlSecondsAfterFinished"]], [0, 1200, 3600]);
    let labels = json!({"team": "a", "build.knative.dev/buildName": "app", "app.kubernetes.io/managed-by": "buildkit-preflight"});
    assert_eq!(made.job["metadata"], json!({"name": "app-x7k2p", "namespace": "ns", "labels": labels, "annotations": {"note": "b"}}));
    let of_pod = json!({"labels": labels, "annotations": {"note": "b", "sidecar.istio.io/inject": "false"}});
    assert_eq!(spec["template"]["metadata"], of_pod);
    let pod = pod(&made);
    assert_eq!((&pod["restartPolicy"], &pod["serviceAccountName"]), (&json!("Never"), &json!("builder")));
    assert_eq!(pod["nodeSelector"], json!({"disk": "ssd"}));
    assert_eq!(pod["securityContext"]["fsGroup"], 1000);
    assert!(pod.get("automountServiceAccountToken").is_none(), "as Kubernetes has it");
    let terms = &pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
    assert_eq!(terms[0]["matchExpressions"][0]["key"], "buildkit-preflight.dev/no-process-sandbox");
}

#[test]
fn containers_have_the_order_and_the_names_of_knative() {
    let made = made(BUILD, None, &home());
    let names = [
        "build-step-credential-initializer",
        "build-step-git-source-main",
        "build-step-git-source-1",
        "build-step-custom-source",
        "build-step-one",
        "build-step-unnamed-1",
    ];
    assert_eq!(containers(&made).iter().map(|container| container["name"].as_str()).collect::<Vec<_>>(), names.map(Some));
    assert_eq!(pod(&made)["containers"].as_array().map(Vec::len), Some(1), "`kubectl logs job/X` shows the last step");
    let stages: Vec<_> = made.stages.iter().map(|stage| (stage.container.as_str(), stage.image.as_str())).collect();
    assert_eq!(stages, names.into_iter().zip(["client", "client", "client", "fetch", "first", "second"]).collect::<Vec<_>>());
}

#[test]
fn steps_have_a_home_and_a_workspace_and_else_what_they_say() {
    let made = made(BUILD, None, &home());
    let all = containers(&made);
    let home = json!({"name": "home", "mountPath": "/builder/home"});
    let env = json!({"name": "HOME", "value": "/builder/home"});
    let one = json!({
        "name": "build-step-one",
        "image": "first",
        "env": [env, {"name": "A", "value": "b"}],
        "workingDir": "/workspace/web",
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace", "subPath": "web"}, home],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    let second = json!({
        "name": "build-step-unnamed-1",
        "image": "second",
        "env": [{"name": "HOME", "value": "/root"}],
        "workingDir": "/workspace",
        "volumeMounts": [{"name": "mine", "mountPath": "/workspace/"}, home],
        "terminationMessagePolicy": "File",
    });
    assert_eq!([all[4], all[5]], [&one, &second]);
    let custom = json!({
        "name": "build-step-custom-source",
        "image": "fetch",
        "args": ["--to", "/workspace/c"],
        "env": [env],
        "workingDir": "/workspace",
        "volumeMounts": [{"name": "workspace", "mountPath": "/workspace"}, home],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    assert_eq!(all[3], &custom);
}

#[test]
fn our_containers_are_restricted_and_take_values_as_arguments() {
    let made = made(BUILD, None, &home());
    for container in &containers(&made)[..3] {
        let security = &container["securityContext"];
        assert_eq!([&security["runAsNonRoot"], &security["allowPrivilegeEscalation"]], [true, false]);
        assert_eq!((&security["runAsUser"], &security["capabilities"]), (&json!(1000), &json!({"drop": ["ALL"]})));
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}));
    }
    let arguments = |index: usize| containers(&made)[index]["command"].as_array().expect("words")[4..].to_vec();
    assert_eq!(arguments(0), [".git-credentials", ".ssh/id_a"]);
    assert_eq!(arguments(1), ["https://git.example/a", "v1", "", "web"]);
    assert_eq!(arguments(2), ["git@git.example:b", "main", "lib", ""]);
    let scripts: Vec<_> = containers(&made)[..3].iter().map(|container| container["command"][2].as_str().expect("a script")).collect();
    assert!(scripts.iter().all(|script| !script.contains("git.example") && script.starts_with("set -eu\n")));
}

#[test]
fn what_is_secret_is_in_the_secret_alone() {
    let with = made(BUILD, None, &home());
    let items = json!([{"key": "home-0", "path": ".git-credentials"}, {"key": "home-1", "path": ".ssh/id_a"}]);
    let volumes = json!([
        {"name": "workspace", "emptyDir": {}},
        {"name": "home", "emptyDir": {}},
        {"name": "buildkit-preflight-secrets", "secret": {"secretName": "app-x7k2p", "items": items, "defaultMode": 288}},
        {"name": "mine", "emptyDir": {}},
    ]);
    assert_eq!(pod(&with)["volumes"], volumes);
    let mounts = |made: &Made, volume: &str| -> Vec<usize> {
        let has = |container: &Value| container["volumeMounts"].as_array().is_some_and(|list| list.iter().any(|one| one["name"] == volume));
        containers(made).iter().enumerate().filter(|(_, container)| has(container)).map(|(index, _)| index).collect()
    };
    assert_eq!(mounts(&with, "buildkit-preflight-secrets"), [0]);
    let secret = with.secret("u-i-d").expect("a secret");
    assert_eq!(secret["data"], json!({"home-0": "aGlkZGVu", "home-1": "aGlkZGVu"}));
    let owner = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "app-x7k2p", "uid": "u-i-d"}]);
    assert_eq!((&secret["metadata"]["ownerReferences"], &secret["metadata"]["name"]), (&owner, &json!("app-x7k2p")));
    assert!(!with.job.to_string().contains("hidden") && !with.job.to_string().contains("aGlkZGVu"));
    let without = made(BUILD, None, &Home::default());
    assert_eq!((without.secret("u"), mounts(&without, "buildkit-preflight-secrets")), (None, Vec::new()));
}

#[test]
fn a_template_is_filled_in_and_its_environment_is_the_builds() {
    let template = "apiVersion: build.knative.dev/v1alpha1
kind: ClusterBuildTemplate
metadata:
  name: t
spec:
  parameters:
  - name: IMAGE
  - name: TAG
    default: latest
  steps:
  - name: ${STEP}
    image: ${IMAGE}:${TAG}
    env:
    - name: A
      value: own
    - name: B
      value: own
    volumeMounts:
    - name: cache
      mountPath: /cache
  volumes:
  - name: cache
    persistentVolumeClaim:
      claimName: ${IMAGE}
";
    let build = "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata:
  generateName: app-
spec:
  template:
    name: t
    kind: ClusterBuildTemplate
    arguments:
    - name: IMAGE
      value: img
    - name: STEP
      value: go
    env:
    - name: B
      value: ${IMAGE}
    - name: C
      value: new
";
    let template = read_template("t.yaml", template).unwrap_or_else(|error| panic!("{error}"));
    let made = made(build, Some(&template), &Home::default());
    let step = containers(&made)[1];
    assert_eq!((&step["name"], &step["image"]), (&json!("build-step-go"), &json!("img:latest")));
    let env = json!([
        {"name": "HOME", "value": "/builder/home"},
        {"name": "A", "value": "own"},
        {"name": "B", "value": "img"},
        {"name": "C", "value": "new"},
    ]);
    assert_eq!(step["env"], env);
    assert_eq!(pod(&made)["volumes"][2], json!({"name": "cache", "persistentVolumeClaim": {"claimName": "img"}}));
    assert_eq!((made.name.as_str(), &made.job["spec"]["activeDeadlineSeconds"]), ("app-x7k2p", &json!(600)));
}

#[test]
fn a_long_name_leaves_room_for_what_makes_it_the_only_one() {
    for (build, wanted) in [
        ("a".repeat(63), format!("{}-x7k2p", "a".repeat(57))),
        (format!("{}-{}", "a".repeat(56), "b".repeat(6)), format!("{}-x7k2p", "a".repeat(56))),
    ] {
        assert_eq!(name(&build, "x7k2p"), wanted);
    }
}
