//! What a user may choose of a builder.

use super::config::Config;
use super::names::{BUILDER_NAME, BUILDER_NAMESPACE};
use super::storage::Storage;
use super::tls::Tls;
use crate::fact::{Snapshotter, SubId};
use crate::node::{DEFAULT_PREFIX, Pool};
use crate::profile::{BUILDER_UID, Profile};
use crate::render::image::AGENT_IMAGE;
use crate::render::localhost::Localhost;
use crate::render::sub_ids::LEAST_POD_IDS;

/// What a user may choose of a builder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuilderOptions {
    /// The way to run buildkitd.
    pub profile: Profile,
    /// Where it lives; none: in the namespace of whoever applies the manifests, which is no part of them.
    pub namespace: Option<String>,
    /// What Deployment, Service and NetworkPolicy are called.
    pub name: String,
    /// Another image than upstream's for the profile.
    pub image: Option<String>,
    /// The prefix of the nodes' labels.
    pub prefix: String,
    /// The pool to which its pods go, where an autoscaler makes the nodes; none: any node that is ready.
    pub pool: Option<Pool>,
    /// How many pods.
    pub replicas: u32,
    /// How many IDs the user namespace of its pod must have.
    pub ids: u32,
    /// Who a rootless image runs as.
    pub user: ImageUser,
    /// What its state lies on.
    pub storage: Storage,
    /// What buildkitd is told in files.
    pub config: Config,
    /// The certificates with which daemon and clients prove who they are; none: whoever reaches the port can build.
    pub tls: Option<Tls>,
    /// The image of the guard, which looks in the pod itself whether a build can work there; none: no guard.
    pub guard: Option<String>,
    /// The snapshotter that buildkitd is told to use; none: it chooses.
    pub snapshotter: Option<Snapshotter>,
    /// Whether the container's root is read-only.
    pub read_only_root: bool,
    /// Profiles of the node's own that confine it.
    pub localhost: Localhost,
}

impl Default for BuilderOptions {
    fn default() -> Self {
        BuilderOptions {
            profile: Profile::NoProcessSandbox,
            namespace: Some(BUILDER_NAMESPACE.into()),
            name: BUILDER_NAME.into(),
            image: None,
            prefix: DEFAULT_PREFIX.into(),
            pool: None,
            replicas: 1,
            ids: LEAST_POD_IDS,
            user: ImageUser::default(),
            storage: Storage::Disk,
            config: Config::default(),
            tls: None,
            guard: Some(AGENT_IMAGE.into()),
            snapshotter: None,
            read_only_root: false,
            localhost: Localhost::default(),
        }
    }
}

impl BuilderOptions {
    /// The snapshotter that buildkitd is told to use. In memory overlayfs works for root of the machine alone (the cause
    /// `overlay-no-xattr`), and buildkitd would take it anyway.
    pub(super) fn told_snapshotter(&self) -> Option<Snapshotter> {
        let in_memory = matches!(self.storage, Storage::Memory(_)) && self.profile.is_in_user_namespace();
        self.snapshotter.or_else(|| in_memory.then_some(Snapshotter::Native))
    }
}

/// A user in an image's /etc/passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUser {
    /// The name; its home is below /home.
    pub name: String,
    /// The ID.
    pub uid: u32,
    /// The ID of its group.
    pub gid: u32,
}

impl Default for ImageUser {
    /// As in `moby/buildkit:rootless`.
    fn default() -> Self {
        ImageUser { name: "user".into(), uid: BUILDER_UID, gid: BUILDER_UID }
    }
}

impl ImageUser {
    /// The lines of /etc/subuid or /etc/subgid that give it these ranges.
    pub(in crate::render) fn lines(&self, ranges: &[SubId]) -> Vec<String> {
        ranges.iter().map(|range| format!("{}:{range}", self.name)).collect()
    }

    /// Its home directory.
    pub(super) fn home(&self) -> String {
        format!("/home/{}", self.name)
    }
}
