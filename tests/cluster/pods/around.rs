//! What a pod refers to, and its manifest does not bring: secrets, ConfigMaps, claims, directories of the node.

use crate::cluster::Cluster;
use crate::processes::wait;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories of a node that are what they are.
const OF_THE_KERNEL: [&str; 3] = ["/dev", "/sys", "/proc"];
/// Under which names certificates are looked for, and which of the cluster's that is.
const CERTIFICATES: [(&str, &str); 6] = [
    ("ca.pem", "ca.crt"),
    ("cert.pem", "apiserver.crt"),
    ("key.pem", "apiserver.key"),
    ("ca.crt", "ca.crt"),
    ("tls.crt", "apiserver.crt"),
    ("tls.key", "apiserver.key"),
];

/// Names of objects, each with the keys that are asked of it.
type Wanted = BTreeMap<String, Vec<String>>;

/// Makes what the pod needs, beside these objects of its manifest, and changes its directories of the node to some of its own.
pub(super) fn make(cluster: &Cluster, objects: &[Value], pod: &mut Value) {
    let namespace = pod["metadata"]["namespace"].as_str().expect("a namespace").to_owned();
    for object in objects.iter().filter(|object| ["ConfigMap", "Secret"].iter().any(|kind| object["kind"] == *kind)) {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(namespace);
        create(cluster, &namespace, &object);
    }
    let is_there = |kind: &str, name: &str| objects.iter().any(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    let (mut secrets, mut maps) = (Wanted::new(), Wanted::new());
    references(&pod["spec"], &mut secrets, &mut maps);
    for (name, keys) in secrets.iter().filter(|(name, _)| !is_there("Secret", name)) {
        let read = |file: &str| fs::read_to_string(cluster.kubeconfig().with_file_name(file)).expect("a certificate");
        let mut data: Map<String, Value> = CERTIFICATES.iter().map(|(key, file)| ((*key).to_owned(), json!(read(file)))).collect();
        keys.iter().for_each(|key| _ = data.entry(key.clone()).or_insert(json!("{}")));
        create(cluster, &namespace, &json!({"kind": "Secret", "metadata": {"name": name}, "stringData": data}));
    }
    for (name, keys) in maps.iter().filter(|(name, _)| !is_there("ConfigMap", name)) {
        let mut data = Map::from_iter([("buildkitd.toml".to_owned(), json!(""))]);
        keys.iter().for_each(|key| _ = data.entry(key.clone()).or_insert(json!("")));
        create(cluster, &namespace, &json!({"kind": "ConfigMap", "metadata": {"name": name}, "data": data}));
    }
    let node = pod["spec"]["nodeSelector"]["kubernetes.io/hostname"].as_str().expect("a node").to_owned();
    for volume in pod["spec"]["volumes"].as_array_mut().into_iter().flatten() {
        if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            make_claim(cluster, &namespace, claim, &node);
        }
        own_directory(cluster, &namespace, &mut volume["hostPath"]);
        volume.as_object_mut().expect("a volume").retain(|_, value| !value.is_null());
    }
}

/// Who is named in volumes and variables.
fn references(value: &Value, secrets: &mut Wanted, maps: &mut Wanted) {
    let keys = |of: &Value| {
        of["items"].as_array().into_iter().flatten().filter_map(|item| Some(item["key"].as_str()?.to_owned())).collect::<Vec<_>>()
    };
    let key = |of: &Value| of["key"].as_str().map(str::to_owned);
    match value {
        Value::Array(values) => values.iter().for_each(|value| references(value, secrets, maps)),
        Value::Object(fields) => {
            for (field, inner) in fields {
                let name = inner["secretName"].as_str().or(inner["name"].as_str()).map(str::to_owned);
                match (field.as_str(), name) {
                    ("secret" | "secretRef", Some(name)) => secrets.entry(name).or_default().extend(keys(inner)),
                    ("secretKeyRef", Some(name)) => secrets.entry(name).or_default().extend(key(inner)),
                    ("configMap" | "configMapRef", Some(name)) => maps.entry(name).or_default().extend(keys(inner)),
                    ("configMapKeyRef", Some(name)) => maps.entry(name).or_default().extend(key(inner)),
                    _ => references(inner, secrets, maps),
                }
            }
        }
        _ => {}
    }
}

/// A claim, bound to a directory of the node that belongs to root, as a new file system does.
fn make_claim(cluster: &Cluster, namespace: &str, name: &str, node: &str) {
    let dir = directory(cluster, namespace, Path::new(name));
    let volume = format!("{namespace}-{name}");
    let claim = json!({"namespace": namespace, "name": name});
    let on_node = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [node]});
    post(
        cluster,
        "/api/v1/persistentvolumes",
        &json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": {
            "capacity": {"storage": "1Ti"}, "accessModes": ["ReadWriteOnce"], "claimRef": claim, "local": {"path": dir},
            "persistentVolumeReclaimPolicy": "Retain",
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        }}),
    );
    create(
        cluster,
        namespace,
        &json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
            "storageClassName": "", "volumeName": volume, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }}),
    );
}

fn directory(cluster: &Cluster, namespace: &str, path: &Path) -> PathBuf {
    let below = path.strip_prefix("/").unwrap_or(path);
    let dir = cluster.dir.join("volumes").join(namespace).join(below);
    fs::create_dir_all(&dir).expect("mkdir");
    dir
}

/// Another place for a directory of the node: it belongs to root, or is not there yet where the kubelet is to make it.
fn own_directory(cluster: &Cluster, namespace: &str, host_path: &mut Value) {
    let Some(path) = host_path["path"].as_str().map(PathBuf::from) else { return };
    if OF_THE_KERNEL.iter().any(|dir| path.starts_with(dir)) {
        return;
    }
    let dir = directory(cluster, namespace, &path);
    if host_path["type"] == "DirectoryOrCreate" {
        fs::remove_dir(&dir).expect("rmdir");
    }
    host_path["path"] = json!(dir);
}

/// Makes an object in a namespace. One that is there already stays.
fn create(cluster: &Cluster, namespace: &str, object: &Value) {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let mut object = object.clone();
    object["apiVersion"] = json!("v1");
    made(cluster, &format!("/api/v1/namespaces/{namespace}/{kind}s"), &object);
}

/// Makes an object that must be taken.
pub(super) fn made(cluster: &Cluster, path: &str, object: &Value) {
    let (status, answer) = post(cluster, path, object);
    assert_eq!(status, 201, "{path}: {answer}");
}

/// Status and answer of the API server to a new object. On a machine that is busy it may be late: one that is there already is this one.
pub(super) fn post(cluster: &Cluster, path: &str, object: &Value) -> (u16, Value) {
    wait("an answer of the API server", 120, || match cluster.request("POST", path, None, "application/json", &object.to_string()) {
        (0 | 429 | 500.., answer) => Err(answer.to_string()),
        (409, answer) => Ok((201, answer)),
        answer => Ok(answer),
    })
}
