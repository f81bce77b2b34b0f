mod certificates;
mod choose;
mod files;

use super::args::{Connection, LabelPrefix, LocalhostArguments};
use super::exit::{self, READY};
use super::image::image;
use super::uses::{Use, Uses};
use super::values::{OneOf, UNKNOWN_PROFILE, snapshotter};
use super::{Error, block_on, names, output};
use crate::fact::Snapshotter;
use crate::node::Pool;
use crate::profile::Profile;
use crate::render::{self, BUILDER_NAME, BUILDER_NAMESPACE, BuilderOptions, Config, ImageUser, LEAST_POD_IDS, Quantity, Storage};
use clap::Args;
use std::path::PathBuf;

/// Print a builder's manifests: namespace, Deployment, Service, NetworkPolicy; its pods run only on nodes that are ready for it
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render builder | kubectl apply -f -
  buildkit-preflight render builder --profile procmount --namespace builds
  buildkit-preflight render builder --profile baseline --seccomp-profile preflight/seccomp.json
  buildkit-preflight render builder --profile auto --min-nodes 3
  buildkit-preflight render builder --storage 50Gi,fast --tls
  buildkit-preflight render builder --pool example.org/pool=ci
  buildkit-preflight render builder --profile procmount --ids 131072 \\
      --image registry.example/builder:1 --user builder:2000

`buildkit-preflight check --cluster` says whether the cluster would admit its
pods. For procmount the output also has a ConfigMap with /etc/subuid and
/etc/subgid, which must fit the IDs of the pod.", exit::BUILDER))]
pub(super) struct Arguments {
    /// The way to run buildkitd; auto: the best profile for which enough nodes are ready
    #[arg(long, value_name = "PROFILE", default_value = "no-process-sandbox", value_parser = choice())]
    profile: Choice,
    /// The builder's own namespace, which is part of the output, labelled for pods of this profile
    #[arg(long, short = 'n', value_name = "NAME", default_value = BUILDER_NAMESPACE, value_parser = names::own_namespace)]
    namespace: String,
    /// Name no namespace: the objects go to that of kubectl, which must allow privileged pods
    #[arg(long)]
    no_namespace: bool,
    /// The name of the Deployment, Service and NetworkPolicy
    #[arg(long, value_name = "NAME", default_value = BUILDER_NAME, value_parser = names::service)]
    name: String,
    /// The builder's image [default: moby/buildkit, the variant for the profile]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<String>,
    #[command(flatten)]
    prefix: LabelPrefix,
    /// Send the pods to the nodes with this label, and only prefer those that are ready: for a pool that an autoscaler makes. It would
    /// make no node, or one after the other, for a label that the agent writes
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::pool)]
    pool: Option<Pool>,
    /// How many pods to run
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    replicas: u32,
    /// For procmount and userns: how many IDs the pod's user namespace must have; above 65536 the pods run only on nodes whose
    /// kubelet gives as many (userNamespaces.idsPerPod) [default: 65536]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    ids: Option<u32>,
    /// The user of a rootless image, whose home is /home/NAME; GID is UID unless given [default: user:1000]
    #[arg(long, value_name = "NAME:UID[:GID]", value_parser = names::image_user)]
    user: Option<ImageUser>,
    /// Keep the state, which is the build cache, in a claim of each pod's own, of this storage class; the pods are a StatefulSet's
    /// [default: an emptyDir on the node's disk]
    #[arg(long, value_name = "SIZE[,CLASS]", value_parser = names::storage)]
    storage: Option<Storage>,
    /// Keep the state in memory, up to this size, which the pod also requests; but for rootful, with --snapshotter native
    #[arg(long, value_name = "SIZE")]
    memory_storage: Option<Quantity>,
    /// The snapshotter for buildkitd: native copies whole trees, and works where overlayfs can't remove directories
    /// [default: the one that it chooses]
    #[arg(long, value_name = "NAME", value_parser = snapshotter())]
    snapshotter: Option<Snapshotter>,
    /// A buildkitd.toml, which becomes a ConfigMap
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Certificates in PEM that buildkitd trusts beside those of its image, for all registries
    #[arg(long, value_name = "FILE")]
    registry_ca: Option<PathBuf>,
    /// Let in only clients with a certificate; makes a CA and certificates, and puts them into Secrets. New ones each time
    #[arg(long)]
    tls: bool,
    /// Before buildkitd starts, check in the pod itself whether builds can work there, and fail with the cause if not (the default)
    #[arg(long)]
    guard: bool,
    /// Leave that check out
    #[arg(long)]
    no_guard: bool,
    /// The image with the guard's program, which is the agent's [default: buildkit-preflight:0.1.0, which no registry has]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    guard_image: Option<String>,
    /// Make the container's root read-only, with emptyDirs where buildkitd writes
    #[arg(long)]
    read_only_root: bool,
    #[command(flatten)]
    localhost: LocalhostArguments,
    /// How many nodes must be ready for the profile [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "With --profile auto")]
    min_nodes: Option<u32>,
    #[command(flatten, next_help_heading = "With --profile auto")]
    connection: Connection,
}

/// What `render builder` takes.
pub(super) const USES: Uses = &[
    &[Use { by: &[], takes: &["namespace"] }, Use { by: &["no_namespace"], takes: &[] }],
    &[Use { by: &[], takes: &["storage"] }, Use { by: &["memory_storage"], takes: &[] }],
    &[Use { by: &[], takes: &["guard", "guard_image"] }, Use { by: &["no_guard"], takes: &[] }],
];

#[derive(Clone, Copy, Debug)]
enum Choice {
    Auto,
    Profile(Profile),
}

fn choice() -> OneOf<Choice> {
    let ids = Profile::ALL.iter().map(|profile| profile.id()).chain(["auto"]);
    OneOf::new(UNKNOWN_PROFILE, ids, |id| if id == "auto" { Some(Choice::Auto) } else { id.parse().ok().map(Choice::Profile) })
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    // Before anybody is asked.
    arguments.prefix.is_not_of(arguments.pool.as_ref())?;
    let config = arguments.config()?;
    let profile = match arguments.profile {
        Choice::Profile(profile) => arguments.fits(profile)?,
        Choice::Auto => block_on(choose::choose(arguments))?,
    };
    if matches!(arguments.profile, Choice::Auto) && arguments.fits_shape(profile).is_err() {
        output::note("warning: ", &format!("--ids or --user has no effect with {profile}, which was chosen"));
    }
    let options = arguments.options(profile, config)?;
    let built = render::builder(&options)?;
    for note in built.notes.into_iter().chain(arguments.notes(&options)) {
        output::note("warning: ", &note);
    }
    if let Some(tls) = &options.tls {
        let [_, client] = render::secrets(&options.name);
        let said = format!("tls: the certificates are valid until {}; clients need the Secret {client} in their own namespace", tls.until);
        output::note("", &said);
    }
    output::print(&built.files.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n"))?;
    Ok(READY)
}

impl Arguments {
    fn config(&self) -> Result<Config, Error> {
        Ok(Config {
            toml: self.config.as_deref().map(files::toml).transpose()?,
            registry_ca: self.registry_ca.as_deref().map(files::certificates).transpose()?,
        })
    }

    /// What is to be printed for a profile.
    fn options(&self, profile: Profile, config: Config) -> Result<BuilderOptions, Error> {
        let namespace = (!self.no_namespace).then(|| self.namespace.clone());
        let tls = self.tls.then(|| certificates::make(render::server_names(&self.name, namespace.as_deref()))).transpose()?;
        let in_memory = self.memory_storage.clone().map(Storage::Memory);
        let guard = self.guard_image.clone().or_else(|| BuilderOptions::default().guard);
        Ok(BuilderOptions {
            profile,
            namespace,
            name: self.name.clone(),
            image: self.image.clone(),
            prefix: self.prefix.domain.clone(),
            pool: self.pool.clone(),
            replicas: self.replicas,
            ids: self.ids.unwrap_or(LEAST_POD_IDS),
            user: self.user.clone().unwrap_or_default(),
            storage: self.storage.clone().or(in_memory).unwrap_or(Storage::Disk),
            config,
            tls,
            guard: guard.filter(|_| !self.no_guard),
            snapshotter: self.snapshotter,
            read_only_root: self.read_only_root,
            localhost: self.localhost.of(profile == Profile::Baseline)?,
        })
    }

    /// What its user should know of what he left out.
    fn notes(&self, options: &BuilderOptions) -> Option<String> {
        let image = options.guard.as_ref().filter(|_| self.guard_image.is_none())?;
        Some(format!(
            "no --guard-image: the guard's image is {image}, which no registry has. Name the image that your agents have, load it into each node, or use --no-guard"
        ))
    }

    /// Whether what was asked of the pod means something to a profile.
    fn fits_shape(&self, profile: Profile) -> Result<Profile, Error> {
        let wrong = |message: String, hint: &str| Err(Error::BadInput { message, hint: Some(hint.to_owned()) });
        if self.ids.is_some() && !profile.has_pod_user_namespace() {
            return wrong(format!("--ids: the pod of {profile} has no user namespace of its own"), "leave it out: its IDs are the node's");
        }
        if self.user.is_some() && profile.uid() == 0 {
            return wrong(format!("--user: the image of {profile} runs as root"), "leave it out");
        }
        Ok(profile)
    }

    /// Whether all that was asked for means something to a profile.
    fn fits(&self, profile: Profile) -> Result<Profile, Error> {
        let wrong = |message: String, hint: &str| Err(Error::BadInput { message, hint: Some(hint.to_owned()) });
        self.fits_shape(profile)?;
        if self.connection.is_given() || self.min_nodes.is_some() {
            return wrong(
                "--kubeconfig, --context and --min-nodes have no effect without --profile auto".into(),
                "leave them out, or use --profile auto",
            );
        }
        Ok(profile)
    }
}
