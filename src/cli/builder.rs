use super::args::{Connection, LabelPrefix};
use super::exit::{self, READY};
use super::image::image;
use super::values::{OneOf, UNKNOWN_PROFILE};
use super::{Error, block_on, names, output};
use crate::api::Nodes;
use crate::fleet::{ADVICE, best};
use crate::profile::Profile;
use crate::render::{self, BuilderOptions, ImageUser, LEAST_POD_IDS};
use clap::Args;

/// Print a builder's manifests: namespace, Deployment, Service, NetworkPolicy; its pods run only on nodes that are ready for it
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render builder | kubectl apply -f -
  buildkit-preflight render builder --profile procmount --namespace builds
  buildkit-preflight render builder --profile auto --min-nodes 3
  buildkit-preflight render builder --profile procmount --ids 131072 \\
      --image registry.example/builder:1 --user builder:2000

`buildkit-preflight check --cluster` says whether the cluster would admit its
pods. For procmount the output also has a ConfigMap with /etc/subuid and
/etc/subgid, which must fit the IDs of the pod.", exit::BUILDER))]
pub(super) struct Arguments {
    /// The way to run buildkitd; auto: the best profile for which enough nodes are ready
    #[arg(long, value_name = "PROFILE", default_value = "no-process-sandbox", value_parser = choice())]
    profile: Choice,
    /// The builder's own namespace, which is part of the output, labelled for privileged pods
    #[arg(long, value_name = "NAME", default_value_t = BuilderOptions::default().namespace, value_parser = names::own_namespace)]
    namespace: String,
    /// The name of the Deployment, Service and NetworkPolicy
    #[arg(long, value_name = "NAME", default_value_t = BuilderOptions::default().name, value_parser = names::service)]
    name: String,
    /// The builder's image [default: moby/buildkit, the variant for the profile]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<String>,
    #[command(flatten)]
    prefix: LabelPrefix,
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
    /// How many nodes must be ready for the profile [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "With --profile auto")]
    min_nodes: Option<u32>,
    #[command(flatten, next_help_heading = "With --profile auto")]
    connection: Connection,
}

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
    let profile = match arguments.profile {
        Choice::Profile(profile) => arguments.fits(profile)?,
        Choice::Auto => block_on(choose(arguments))?,
    };
    if matches!(arguments.profile, Choice::Auto) && arguments.fits_shape(profile).is_err() {
        output::say("warning: ", &format!("--ids or --user has no effect with {profile}, which was chosen"));
    }
    let options = BuilderOptions {
        profile,
        namespace: arguments.namespace.clone(),
        name: arguments.name.clone(),
        image: arguments.image.clone(),
        prefix: arguments.prefix.domain.clone(),
        replicas: arguments.replicas,
        ids: arguments.ids.unwrap_or(LEAST_POD_IDS),
        user: arguments.user.clone().unwrap_or_default(),
    };
    let built = render::builder(&options)?;
    for note in built.notes {
        output::say("warning: ", &note);
    }
    output::print(&built.files.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n"))?;
    Ok(READY)
}

impl Arguments {
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

/// Takes the best profile for which enough nodes are ready, and says why on standard error.
async fn choose(arguments: &Arguments) -> Result<Profile, Error> {
    let nodes = Nodes::new(arguments.connection.client().await?, arguments.prefix.domain.clone()).list().await?;
    let ids = arguments.ids.filter(|ids| *ids > LEAST_POD_IDS);
    let least = arguments.min_nodes.unwrap_or(1);
    let (best, fleets) = best(&nodes, ids, least as usize);
    let lines = fleets.iter().map(|fleet| format!("{:<18}  {fleet}", fleet.profile.id()));
    match best {
        Some(profile) => {
            let better: Vec<_> = lines.zip(&fleets).take_while(|(_, fleet)| fleet.profile != profile).map(|(line, _)| line).collect();
            let taken = fleets.iter().find(|fleet| fleet.profile == profile).map(ToString::to_string).unwrap_or_default();
            output::say("auto: ", &format!("{profile}: {taken}"));
            if !better.is_empty() {
                let nodes = if least == 1 { "node" } else { "nodes" };
                output::say("", &format!("better profiles with fewer than {least} ready {nodes}:"));
                better.iter().for_each(|line| output::say("  ", line));
            }
            if !profile.is_proven_by_a_pod() {
                output::say("warning: ", &format!("no agent proves {profile}, and its container is privileged: a build may still fail"));
            }
            Ok(profile)
        }
        None => Err(Error::NotReady {
            message: format!(
                "no profile has {} ready, so nothing is printed",
                if least == 1 { "a node that is".to_owned() } else { format!("{least} nodes that are") }
            ),
            more: lines.collect(),
            hint: ADVICE.into(),
        }),
    }
}
