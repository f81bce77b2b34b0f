//! The volume of buildkitd's state.

use super::finding::{Finding, Weight, one};
use crate::cause::Cause;
use crate::pod::edit::Edit;
use crate::pod::view::{Storage, View};
use crate::profile::BUILDER_UID;
use serde_json::{Value, json};

/// Kinds of volumes that are never written to.
const FIXED: [&str; 6] = ["configMap", "secret", "downwardAPI", "projected", "image", "gitRepo"];
/// Kinds whose files are on another machine, or whose server decides who may write: the kubelet does not give them to a group.
const OF_SERVERS: [&str; 5] = ["nfs", "cephfs", "glusterfs", "azureFile", "flexVolume"];
/// Snapshotters that do not mount overlayfs with the kernel.
const WITHOUT_OVERLAYFS: [&str; 2] = ["native", "fuse-overlayfs"];

pub(super) fn volume(view: &View) -> Vec<Finding> {
    let state = view.state_dir();
    match view.storage(&state) {
        Storage::Root => vec![],
        Storage::Claim => one(ownership(view, view.workload.container_path(view.number, "volumeMounts"), "the claim")),
        Storage::Volume(at, volume, mount) => {
            let field =
                at.map_or_else(|| view.path(&format!("volumeMounts[{mount}]")), |at| view.workload.pod_path(&format!("volumes[{at}]")));
            let is_read_only = view.container()["volumeMounts"][mount]["readOnly"] == true;
            let kind = volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).find(|key| *key != "name");
            one(match kind {
                _ if at.is_none() => {
                    let why = format!("no volume has the name that is mounted on {state}: the API server refuses the pod");
                    Some(Finding::new(Weight::Stops, "invalid-pod", field, why).fix("declare the volume"))
                }
                Some(kind) if is_read_only || FIXED.contains(&kind) => {
                    let why = format!("buildkitd keeps its state in {state}, and the volume there is read-only");
                    Some(
                        Finding::stops(Cause::StateDir, field, why)
                            .fix(format!("mount an emptyDir or a claim on {state} that may be written")),
                    )
                }
                Some("emptyDir") => empty_dir(view, volume, &field),
                Some("hostPath") => host_path(view, volume, &field),
                Some(kind) if OF_SERVERS.contains(&kind) => {
                    let why = format!(
                        "whether user {} may write there, and give files to other users, is up to the server of the {kind} volume",
                        BUILDER_UID
                    );
                    Some(
                        Finding::new(Weight::Unknown, Cause::StateDir.id(), field, why)
                            .fix("use a volume of the node's disk: an emptyDir, or a claim with block storage"),
                    )
                }
                Some(_) => ownership(view, field, "the claim"),
                None => None,
            })
        }
    }
}

/// A fresh file system belongs to root; the kubelet gives it to `fsGroup` where the pod has one.
fn ownership(view: &View, field: String, what: &str) -> Option<Finding> {
    let has_group = view.workload.spec["securityContext"]["fsGroup"].is_number();
    if view.is_root() || has_group || is_given_away(view) {
        return None;
    }
    let why = format!("{what} belongs to root when it is new, and the builder is user {BUILDER_UID}: buildkitd can't write its state");
    let path = view.workload.pod_path("securityContext.fsGroup");
    let finding = Finding::stops(Cause::StateDir, path, format!("{why} ({field})"));
    Some(
        finding
            .fix("set fsGroup: 1000 in the pod's securityContext")
            .edits([Edit::Pod(&["securityContext", "fsGroup"], json!(BUILDER_UID))]),
    )
}

/// Whether an init container gives the state's volume to the builder.
fn is_given_away(view: &View) -> bool {
    let Storage::Volume(_, volume, _) = view.storage(&view.state_dir()) else { return has_chown(view, None) };
    has_chown(view, volume["name"].as_str())
}

fn has_chown(view: &View, volume: Option<&str>) -> bool {
    let calls_chown = |container: &Value| {
        let words = ["command", "args"].iter().flat_map(|list| container[*list].as_array().into_iter().flatten().filter_map(Value::as_str));
        let mounts = || container["volumeMounts"].as_array().into_iter().flatten();
        words.into_iter().any(|word| word.contains("chown") || word.contains("chmod"))
            && volume.is_none_or(|volume| mounts().any(|mount| mount["name"] == volume))
    };
    view.workload.spec["initContainers"].as_array().into_iter().flatten().any(calls_chown)
}

fn empty_dir(view: &View, volume: &Value, field: &str) -> Option<Finding> {
    let empty_dir = &volume["emptyDir"];
    let snapshotter = view.snapshotter();
    let overlayfs = !snapshotter.as_deref().is_some_and(|name| WITHOUT_OVERLAYFS.contains(&name));
    if empty_dir["medium"] == "Memory" && view.is_in_user_namespace() && overlayfs {
        let why = "in memory overlayfs has no place for its marks within a user namespace: steps that remove or rename a directory of a lower layer fail (EIO)";
        let mut disk = volume.clone();
        disk["emptyDir"]["medium"] = "".into();
        return Some(
            Finding::stops(Cause::OverlayNoXattr, format!("{field}.emptyDir.medium"), why)
                .fix("use an emptyDir on the node's disk, or give buildkitd --oci-worker-snapshotter=native, which copies")
                .edits([Edit::Volume(volume["name"].as_str()?.to_owned(), disk)]),
        );
    }
    // Alpha in Kubernetes 1.37: <https://kep.k8s.io/5502>. The group is the pod's fsGroup, which the kubelet lets write.
    let mode = mode(&empty_dir["mode"])?;
    let has_group = view.workload.spec["securityContext"]["fsGroup"].is_number();
    if view.is_root() || has_group || mode & 0o002 != 0 {
        return None;
    }
    let why = format!("an emptyDir belongs to root, and with mode {mode:04o} user {BUILDER_UID} can't write to it");
    let finding = Finding::stops(Cause::StateDir, format!("{field}.emptyDir.mode"), why)
        .fix("remove the mode, or set fsGroup: 1000 in the pod's securityContext");
    Some(finding.edits([Edit::Pod(&["securityContext", "fsGroup"], json!(BUILDER_UID))]))
}

fn mode(value: &Value) -> Option<u32> {
    let text = value.as_str().and_then(|text| u32::from_str_radix(text.trim_start_matches("0o"), 8).ok());
    text.or_else(|| value.as_u64().and_then(|mode| u32::try_from(mode).ok()))
}

fn host_path(view: &View, volume: &Value, field: &str) -> Option<Finding> {
    if view.is_root() || is_given_away(view) {
        return None;
    }
    let path = volume["hostPath"]["path"].as_str().unwrap_or_default();
    let fix = format!("give {path} on each node to user {BUILDER_UID}, use an emptyDir, or let an init container chown it");
    if volume["hostPath"]["type"] == "DirectoryOrCreate" {
        let why =
            format!("the kubelet makes {path} for root with mode 0755, and never gives it to fsGroup: the builder is user {BUILDER_UID}");
        return Some(
            Finding::new(
                Weight::Unknown,
                Cause::StateDir.id(),
                format!("{field}.hostPath"),
                format!("{why}; where it is there already, its owner decides"),
            )
            .fix(fix),
        );
    }
    let why = format!("whether user {BUILDER_UID} may write to {path} is up to its owner on each node");
    Some(Finding::new(Weight::Unknown, Cause::StateDir.id(), format!("{field}.hostPath"), why).fix(fix))
}

/// Alpha in Kubernetes 1.37: <https://kep.k8s.io/5855>.
pub(super) fn flags(view: &View) -> Vec<Finding> {
    let Storage::Volume(_, _, mount) = view.storage(&view.state_dir()) else { return vec![] };
    let options = view.container()["volumeMounts"][mount]["bindMountOptions"].as_array().cloned().unwrap_or_default();
    let stopping: Vec<_> = options.iter().filter_map(Value::as_str).filter(|option| *option == "noexec").collect();
    let finding = || {
        let why = format!("the state's volume is mounted with {}: the programs of steps lie on it", stopping.join(", "));
        Finding::stops(Cause::LockedMountFlags, view.path(&format!("volumeMounts[{mount}].bindMountOptions")), why)
            .fix("remove noexec from bindMountOptions")
    };
    one((!stopping.is_empty()).then(finding))
}

pub(super) fn advice(view: &View) -> Vec<Finding> {
    let state = view.state_dir();
    let is_read_only = view.container()["securityContext"]["readOnlyRootFilesystem"] == true;
    match view.storage(&state) {
        Storage::Root if !is_read_only => {
            let why =
                format!("no volume is mounted on {state}. On the container's root layers are copied, and the cache ends with the pod");
            let finding = Finding::new(Weight::Advice, Cause::OverlayBackingFs.id(), view.path("volumeMounts"), why);
            vec![finding.fix(format!("mount an emptyDir or a claim on {state}"))]
        }
        Storage::Volume(Some(at), volume, _) if volume["emptyDir"]["medium"] == "Memory" => {
            let has_limit = !view.container()["resources"]["limits"]["memory"].is_null();
            let why = "layers in memory count as the container's: without a limit a large build takes the node's memory";
            let field = view.workload.pod_path(&format!("volumes[{at}].emptyDir"));
            one((!has_limit).then(|| {
                Finding::new(Weight::Advice, "memory-volume", field, why)
                    .fix("set limits.memory in the container's resources, and sizeLimit")
            }))
        }
        _ => one(fuse_overlayfs(view)),
    }
}

fn fuse_overlayfs(view: &View) -> Option<Finding> {
    let name = view.snapshotter().filter(|name| name == "fuse-overlayfs")?;
    let has_device = view.is_privileged()
        || view.workload.spec["volumes"].as_array().into_iter().flatten().any(|volume| volume["hostPath"]["path"] == "/dev/fuse");
    let why = format!("{name} needs /dev/fuse, which nothing here gives the container");
    let finding = || {
        Finding::new(Weight::Needs, Cause::DevFuse.id(), view.path("args"), why)
            .fix("a device plugin that gives /dev/fuse, or another snapshotter")
    };
    (!has_device && !view.is_root()).then(finding)
}
