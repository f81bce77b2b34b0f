//! The charts by the real helm (`make helm`): what they make is what `render` prints, whatever is chosen.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// An option of `render`, and the value of the chart that does the same.
type Row = (&'static [&'static str], &'static [&'static str]);

const AGENT: &[Row] = &[
    (&[], &[]),
    (&["--namespace", "preflight"], &["namespace.name=preflight"]),
    (&["--label-prefix", "n.example.org"], &["labelPrefix=n.example.org"]),
    (&["--image", "r.example/p:v2"], &["image.repository=r.example/p", "image.tag=v2"]),
    (&["--tune", "kernel"], &["tune.sysctls=kernel"]),
    (&["--tune", "all", "--persist"], &["tune.sysctls=all", "tune.persist=true"]),
    (&["--canary", "rootful", "--canary", "userns", "--canary", "privileged"], &["canaries={rootful,userns,privileged}"]),
    (&["--no-canary"], &["canaries=null"]),
    (&["--baseline"], &["baseline=true"]),
    (
        &["--baseline", "--seccomp-profile", "a/b.json", "--apparmor-profile", "c"],
        &["baseline=true", "seccompProfile=a/b.json", "appArmorProfile=c"],
    ),
];

const BUILDER: &[Row] = &[
    (&[], &[]),
    (&["--profile", "procmount"], &["profile=procmount"]),
    (&["--profile", "userns"], &["profile=userns"]),
    (&["--profile", "baseline"], &["profile=baseline"]),
    (&["--profile", "privileged"], &["profile=privileged"]),
    (&["--profile", "rootful"], &["rootless=false"]),
    (&["--namespace", "builds"], &["namespace.name=builds"]),
    (&["--name", "b1", "--replicas", "3"], &["fullnameOverride=b1", "replicaCount=3"]),
    (&["--image", "r.example/b:v1"], &["image.repository=r.example/b", "image.tag=v1"]),
    (&["--label-prefix", "n.example.org"], &["labelPrefix=n.example.org"]),
    (&["--pool", "example.org/pool=ci"], &["pool=example.org/pool=ci"]),
    (&["--profile", "procmount", "--ids", "131072"], &["profile=procmount", "ids=131072"]),
    (&["--profile", "procmount", "--user", "b:2000"], &["profile=procmount", "user.name=b", "user.uid=2000"]),
    (&["--storage", "50Gi,fast"], &["buildkitVolume.type=pvc", "buildkitVolume.pvc.size=50Gi", "buildkitVolume.pvc.storageClassName=fast"]),
    (&["--memory-storage", "1.5Gi"], &["buildkitVolume.emptyDir.medium=Memory", "buildkitVolume.emptyDir.sizeLimit=1.5Gi"]),
    (&["--snapshotter", "native"], &["snapshotter=native"]),
    (&["--guard"], &[]),
    (&["--no-guard"], &["guard.enabled=false"]),
    (&["--guard-image", "r.example/p:v2"], &["guard.image.repository=r.example/p", "guard.image.tag=v2"]),
    (&["--read-only-root"], &["readOnlyRootFilesystem=true"]),
    (
        &["--profile", "baseline", "--seccomp-profile", "a/b.json", "--apparmor-profile", "c"],
        &["profile=baseline", "seccompProfile=a/b.json", "appArmorProfile=c"],
    ),
];

/// Options that no value has: they ask the cluster, make what is new each time, read files, leave out what Helm always says, or speak of
/// the program alone. With `--publish nfd` nothing is there that the chart is made for: no right, no canary, nothing to clean up.
const WITHOUT: &[&str] = &[
    "--min-nodes",
    "--kubeconfig",
    "--context",
    "--tls",
    "--config",
    "--registry-ca",
    "--no-namespace",
    "--publish",
    "--quiet",
    "--verbose",
    "--help",
];

fn below(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn helm(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(below("target/tools/helm")).args(arguments).env("SOURCE_DATE_EPOCH", "0").output().expect("make helm-tools");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn rendered(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight")).arg("render").args(arguments).output().expect("the program");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The objects by kind and name, but for hooks.
fn objects(text: &str) -> BTreeMap<String, Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    let all = all.into_iter().filter(|object| !object.is_null() && object["metadata"]["annotations"]["helm.sh/hook"].is_null());
    all.map(|object| (format!("{} {}", object["kind"], object["metadata"]["name"]), object)).collect()
}

fn is_the_same(chart: &str, what: &str, own: &str, rows: &[Row]) {
    for (options, values) in rows {
        let named = values.iter().find(|value| value.starts_with("namespace.name="));
        let namespace = named.map_or_else(|| format!("namespace.name={own}"), |named| (*named).to_owned());
        let dir = below("charts").join(chart).display().to_string();
        let mut arguments = vec!["template", chart, &dir, "--namespace", "other", "--set", "namespace.create=true", "--set", &namespace];
        for value in *values {
            // An empty list has no other form.
            let empty = if *value == "canaries=null" { ["--set-json", "canaries=[]"] } else { ["--set", value] };
            arguments.extend(empty);
        }
        let made = helm(&arguments).unwrap_or_else(|error| panic!("{values:?}: {error}"));
        assert_eq!(objects(&made), objects(&rendered(&[&[what], *options].concat())), "{options:?}");
    }
}

#[test]
fn the_agents_chart_makes_what_render_prints() {
    is_the_same("buildkit-preflight", "agent", "buildkit-preflight", AGENT);
}

#[test]
fn the_builders_chart_makes_what_render_prints() {
    is_the_same("buildkitd", "builder", "buildkit", BUILDER);
}

#[test]
fn each_option_has_its_row() {
    for (what, rows) in [("agent", AGENT), ("builder", BUILDER)] {
        let help = rendered(&[what, "--help"]);
        // Further in stands what is said of them.
        let lines = help.lines().filter(|line| line.len() - line.trim_start().len() <= 6);
        let options = lines.filter_map(|line| {
            line.trim_start().split([' ', ',']).find(|word| word.starts_with("--")).filter(|_| line.trim_start().starts_with('-'))
        });
        for option in options {
            let has = rows.iter().any(|(options, _)| options.contains(&option));
            assert!(has || WITHOUT.contains(&option), "{what} {option}: no value");
        }
    }
}

#[test]
fn a_package_is_the_same_each_time() {
    let packed = ["a", "b"].map(|run| {
        let dir = below("target/charts-twice").join(run);
        let (to, from) = (dir.display().to_string(), below("charts/buildkitd").display().to_string());
        helm(&["package", "--destination", &to, &from]).expect("a package");
        std::fs::read(dir.join(format!("buildkitd-{}.tgz", env!("CARGO_PKG_VERSION")))).expect("a file")
    });
    assert_eq!(packed[0], packed[1]);
}

#[test]
fn wrong_values_are_refused_and_named() {
    let wrong = [
        ("buildkit-preflight", "namespace.create=yes", "/namespace/create"),
        ("buildkit-preflight", "canaries={root}", "/canaries/0"),
        ("buildkit-preflight", "canary=userns", "canary"),
        ("buildkit-preflight", "labelPrefix=Example", "/labelPrefix"),
        ("buildkit-preflight", "tune=all", "/tune"),
        ("buildkit-preflight", "tune.sysctls=some", "/tune/sysctls"),
        ("buildkit-preflight", "image.name=a", "name"),
        ("buildkit-preflight", "image.digest=sha256:1", "/image/digest"),
        ("buildkit-preflight", "seccompProfile=/a", "/seccompProfile"),
        ("buildkit-preflight", "cleanup=false", "/cleanup"),
        ("buildkitd", "profile=root", "/profile"),
        ("buildkitd", "replicas=2", "replicas"),
        ("buildkitd", "replicaCount=-1", "/replicaCount"),
        ("buildkitd", "ids=1", "/ids"),
        ("buildkitd", "user.uid=0", "/user/uid"),
        ("buildkitd", "pool=a", "/pool"),
        ("buildkitd", "buildkitVolume.type=disk", "/buildkitVolume/type"),
        ("buildkitd", "buildkitVolume.pvc.size=10GB", "/buildkitVolume/pvc/size"),
        ("buildkitd", "snapshotter=zfs", "/snapshotter"),
        ("buildkitd", "tls.enable=true", "enable"),
        ("buildkitd", "service.port=0", "/service/port"),
    ];
    for (chart, value, named) in wrong {
        let dir = below("charts").join(chart).display().to_string();
        let error = helm(&["template", "a", &dir, "--namespace", "other", "--set", value]).expect_err(value);
        assert!(error.contains("don't meet the specifications of the schema") && error.contains(named), "{value}: {error}");
    }
}
