use super::args::LabelPrefix;
use super::exit::{self, READY};
use super::uses::{Use, Uses};
use super::{Error, builder, names, output, values};
use crate::profile::Profile;
use crate::render::{self, AgentOptions, Tune};
use clap::{Args, Subcommand, ValueEnum};

/// Print manifests, for `kubectl apply -f -`
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Agent(AgentArguments),
    Builder(Box<builder::Arguments>),
}

/// The agent: namespace, account, rights, the admission policies that confine it, DaemonSet
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render agent --image registry.example/buildkit-preflight:0.1.0 | kubectl apply -f -
  buildkit-preflight render agent --namespace preflight --label-prefix nodes.example.org
  buildkit-preflight render agent --image ... --tune kernel
  buildkit-preflight render agent --image ... --canary procmount --canary userns

Namespace and label prefix stand in the admission policy too, so change them here and not in the result. To change
the prefix of an agent that runs: delete it, take its labels off with `cleanup`, apply anew.", exit::PRINTED))]
struct AgentArguments {
    /// The agent's own namespace: it is made with the agent, and goes with it
    #[arg(long, value_name = "NAME", default_value_t = AgentOptions::default().namespace, value_parser = names::own_namespace)]
    namespace: String,
    #[command(flatten)]
    prefix: LabelPrefix,
    /// The agent's image
    #[arg(long, value_name = "IMAGE", default_value_t = AgentOptions::default().image, value_parser = names::image)]
    image: String,
    /// Add a container that sets sysctls where they keep builders from running
    #[arg(long, value_name = "WHAT", value_enum)]
    tune: Option<Sysctls>,
    /// Add a canary of this profile, a pod in its builder's shape that proves it; that of userns has a privileged container
    /// without a token; may be repeated
    #[arg(long = "canary", value_name = "PROFILE", value_parser = values::canary(), default_values = ["procmount"])]
    canaries: Vec<Profile>,
    /// Add none: nothing is said of these profiles then
    #[arg(long)]
    no_canary: bool,
    /// Let it also write /etc/sysctl.d/60-buildkit-preflight.conf on each node, which sets them again at each boot
    #[arg(long)]
    persist: bool,
}

/// What it may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sysctls {
    /// kernel.unprivileged_userns_clone alone, without any capability
    Kernel,
    /// Limits on namespaces too, with the capability SYS_RESOURCE
    All,
}

/// What `render agent` takes.
pub(super) const USES: Uses = &[
    &[Use { by: &[], takes: &[] }, Use { by: &["tune"], takes: &["persist"] }],
    &[Use { by: &[], takes: &["canaries"] }, Use { by: &["no_canary"], takes: &[] }],
];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let chosen = match &arguments.what {
        What::Agent(chosen) => chosen,
        What::Builder(chosen) => return builder::run(chosen),
    };
    let options = AgentOptions {
        namespace: chosen.namespace.clone(),
        prefix: chosen.prefix.domain.clone(),
        image: chosen.image.clone(),
        tune: chosen.tune.map(|what| Tune { limits: what == Sysctls::All, persist: chosen.persist }),
        canaries: if chosen.no_canary { Vec::new() } else { chosen.canaries.clone() },
    };
    let files: Vec<_> = render::agent(&options)?.into_iter().map(|(_, text)| text).collect();
    output::print(&files.join("---\n"))?;
    Ok(READY)
}
