//! A builder's manifests.

mod config;
mod ids;
mod names;
mod options;
mod pod;
mod quantity;
mod storage;
mod tls;
mod values;

pub(super) use config::CONFIG_DIR;
pub use config::Config;
pub use names::{BUILDER_NAME, BUILDER_NAMESPACE, ROOTLESS_IMAGE, secrets, server_names};
pub(super) use names::{PORT, stock_image};
pub use options::{BuilderOptions, ImageUser};
pub(super) use pod::CERTIFICATES;
pub use quantity::{BadQuantity, Quantity};
pub use storage::Storage;
pub use tls::{Pair, Tls};

use super::Error;
use super::template::{Templates, objects};
use crate::fact::Snapshotter;
use crate::profile::Profile;
use ids::SubIds;
use serde_json::Value;
use values::values;

/// The file of the builder's pod.
const WORKLOAD: &str = "buildkitd.yaml";

/// The list of those files, for kustomize.
pub const BUILDER_KUSTOMIZATION: &str = include_str!("builder/kustomization.yaml");

/// A builder's manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    /// By file, in the order in which they are to be made.
    pub files: Vec<(&'static str, String)>,
    /// What its user should know.
    pub notes: Vec<String>,
}

/// A builder's manifests.
///
/// # Errors
/// Says why no range of IDs fits, or which template is wrong.
pub fn builder(options: &BuilderOptions) -> Result<Builder, Error> {
    let sub_ids = SubIds::of(options)?;
    let (templates, values) = (Templates::new()?, values(options, sub_ids.as_ref()));
    let files = [
        ("builder/namespace.yaml", options.namespace.is_some()),
        ("builder/sub-ids.yaml", sub_ids.is_some()),
        ("builder/config.yaml", !options.config.is_empty()),
        ("builder/certificates.yaml", options.tls.is_some()),
        ("builder/buildkitd.yaml", true),
        ("builder/network-policy.yaml", true),
    ];
    let file = |name: &'static str| Ok((name.trim_start_matches("builder/"), templates.manifest(name, &values)?));
    let files = files.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| file(name)).collect::<Result<_, Error>>()?;
    Ok(Builder { files, notes: notes(options, sub_ids.as_ref()) })
}

/// What the templates are filled in with.
pub(super) fn template_values(options: &BuilderOptions) -> Result<minijinja::Value, Error> {
    Ok(values(options, SubIds::of(options)?.as_ref()))
}

/// What its user should know.
fn notes(options: &BuilderOptions, sub_ids: Option<&SubIds>) -> Vec<String> {
    let risk = (options.profile == Profile::Rootful).then(|| {
        "rootful is at your own risk: a client that can build has the rights of root on the node. Take it where no other profile works"
            .to_owned()
    });
    let memory = matches!(options.storage, Storage::Memory(_)).then(|| {
        let copies = options.told_snapshotter() == Some(Snapshotter::Native);
        let how = if copies { ". Layers are copied (native), so each takes the memory of all below it" } else { "" };
        format!("--memory-storage: nodes are proven with the state on a disk; the guard looks at this one{how}")
    });
    // A Secret is a tmpfs on the node.
    let secret = (options.tls.is_some() && !options.profile.shape().host_users)
        .then(|| format!("--tls: a pod of {} can have a Secret only on Linux 6.3 or newer", options.profile));
    let open = options.tls.is_none().then(|| {
        "without --tls, every client that reaches the builder's port can build. The NetworkPolicy lets in only pods of its namespace, if the network plugin enforces policies".to_owned()
    });
    let pool = options.pool.as_ref().map(|_| {
        "--pool: what the agent says of a node is a preference only. Without the taint of `render readiness-rule` builders start on nodes that are not proven, where only the guard stops them".to_owned()
    });
    [sub_ids.and_then(SubIds::unpacked), risk, memory, secret, open, pool].into_iter().flatten().collect()
}

/// The pod that these manifests lead to, as an object.
///
/// # Errors
/// As [`builder`].
pub fn builder_pod(options: &BuilderOptions) -> Result<Value, Error> {
    let files = builder(options)?.files;
    let text = files.iter().find(|(file, _)| *file == WORKLOAD).map_or("", |(_, text)| text);
    let mut workload = objects(WORKLOAD, text)?.into_iter().next().unwrap_or_default();
    let mut pod = workload["spec"]["template"].take();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["generateName"] = format!("{}-", options.name).into();
    Ok(pod)
}

#[cfg(test)]
mod tests;
