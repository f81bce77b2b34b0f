use super::args::{LabelPrefix, LocalhostArguments};
use super::exit::{self, READY};
use super::image::image;
use super::uses::{Use, Uses};
use super::{Error, builder, clients, confinement, names, neighbours, output, scaling, tools, values};
use crate::profile::Profile;
use crate::render::{self, AgentOptions, Tune};
use clap::{Args, Subcommand, ValueEnum};

/// Print manifests, for `kubectl apply -f -`
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = exit::help("", exit::BUILDER))]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(mut_arg("domain", |arg| arg.help("The prefix of the labels that the agent publishes")))]
    Agent(AgentArguments),
    Builder(Box<builder::Arguments>),
    Template(clients::Arguments),
    Values(tools::Arguments),
    ReadinessRule(scaling::RuleArguments),
    Karpenter(scaling::KarpenterArguments),
    ClusterAutoscaler(scaling::AutoscalerArguments),
    NfdRule(neighbours::NfdArguments),
    Npd(neighbours::NpdArguments),
    Monitoring(neighbours::MonitoringArguments),
    Confinement(confinement::Arguments),
}

/// Print the agent's manifests: namespace, account, rights, the admission policies that confine the agent, DaemonSet
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render agent --image r.example/p:1 | kubectl apply -f -
  buildkit-preflight render agent --namespace preflight --tune kernel
  buildkit-preflight render agent --canary procmount --canary userns
  buildkit-preflight render agent --baseline --seccomp-profile preflight/seccomp.json

The admission policy contains the namespace and the label prefix: set them here,
do not edit the output. To change the prefix of a running agent: delete the
agent, remove its labels with `buildkit-preflight cleanup`, then apply again.", exit::RENDERED))]
struct AgentArguments {
    /// The agent's own namespace, which is part of the output
    #[arg(long, short = 'n', value_name = "NAME", default_value_t = AgentOptions::default().namespace, value_parser = names::own_namespace)]
    namespace: String,
    #[command(flatten)]
    prefix: LabelPrefix,
    /// The agent's image [default: buildkit-preflight:0.1.0, which no registry has]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<String>,
    /// Add a container that sets sysctls which keep builders from running
    #[arg(long, value_name = "WHAT", value_enum)]
    tune: Option<Sysctls>,
    /// Add a canary of this profile: a pod with the shape of a builder's pod, which proves the profile; may be repeated. Those of userns,
    /// privileged and rootful have a privileged container without a token; for the last two it is privileged on the node itself
    #[arg(long = "canary", value_name = "PROFILE", value_parser = values::canary(), default_values = ["procmount"])]
    canaries: Vec<Profile>,
    /// Add no canary; nothing is published for those profiles
    #[arg(long)]
    no_canary: bool,
    /// Where the agents publish. With `nfd` they have no right to write Nodes, and there is no canary
    #[arg(long, value_name = "WHERE", value_enum)]
    publish: Option<Publish>,
    /// For a namespace where Pod Security enforces baseline: no Unconfined, no host path, and a canary of baseline alone
    #[arg(long)]
    baseline: bool,
    #[command(flatten)]
    localhost: LocalhostArguments,
    /// With --tune: also write /etc/sysctl.d/60-buildkit-preflight.conf on each node, which sets them again at each boot
    #[arg(long)]
    persist: bool,
}

/// Where the agents publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Publish {
    /// As features for node-feature-discovery; see `render nfd-rule`
    Nfd,
}

/// What the container may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sysctls {
    /// kernel.unprivileged_userns_clone only; needs no capability
    Kernel,
    /// Also limits on namespaces; needs the capability SYS_RESOURCE
    All,
}

/// What `render agent` takes.
pub(super) const USES: Uses = &[
    &[
        Use { by: &[], takes: &["tune", "persist", "canaries", "no_canary", "baseline", "seccomp_profile", "apparmor_profile"] },
        Use { by: &["publish"], takes: &[] },
    ],
    &[Use { by: &[], takes: &[] }, Use { by: &["tune"], takes: &["persist"] }, Use { by: &["baseline"], takes: &[] }],
    &[Use { by: &[], takes: &["canaries"] }, Use { by: &["no_canary"], takes: &[] }, Use { by: &["baseline"], takes: &[] }],
];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let chosen = match &arguments.what {
        What::Agent(chosen) => chosen,
        What::Builder(chosen) => return builder::run(chosen),
        What::Template(chosen) => return clients::run(chosen),
        What::Values(chosen) => return tools::run(chosen),
        What::ReadinessRule(chosen) => return scaling::rule(chosen),
        What::Karpenter(chosen) => return scaling::karpenter(chosen),
        What::ClusterAutoscaler(chosen) => return scaling::autoscaler(chosen),
        What::NfdRule(chosen) => return neighbours::nfd(chosen),
        What::Npd(chosen) => return neighbours::npd(chosen),
        What::Monitoring(chosen) => return neighbours::monitoring(chosen),
        What::Confinement(chosen) => return confinement::run(chosen),
    };
    let options = AgentOptions {
        namespace: chosen.namespace.clone(),
        prefix: chosen.prefix.domain.clone(),
        image: chosen.image.clone().unwrap_or_else(|| AgentOptions::default().image),
        nfd: chosen.publish.is_some(),
        tune: chosen.tune.map(|what| Tune { limits: what == Sysctls::All, persist: chosen.persist }),
        canaries: if chosen.no_canary { Vec::new() } else { chosen.canaries.clone() },
        baseline: chosen.baseline,
        localhost: chosen.localhost.of(chosen.baseline || !chosen.no_canary && chosen.canaries.contains(&Profile::Baseline))?,
    };
    let files: Vec<_> = render::agent(&options)?.into_iter().map(|(_, text)| text).collect();
    if chosen.image.is_none() {
        let image = &options.image;
        output::note(
            "warning: ",
            &format!("no --image: the manifests name {image}, which no registry has; load it into each node, or name yours"),
        );
    }
    output::print(&files.join("---\n"))?;
    Ok(READY)
}
