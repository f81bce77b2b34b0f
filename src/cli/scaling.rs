//! `render karpenter`, `render cluster-autoscaler` and `render readiness-rule`: pools of nodes that grow and shrink.

use super::exit::{self, READY};
use super::{Error, names, output, values};
use crate::node::Pool;
use crate::profile::Profile;
use crate::render::{self, NodeClass};
use clap::Args;

/// The pool.
#[derive(Debug, Args)]
struct ThePool {
    /// The label of the pool's nodes; the agent never writes it
    #[arg(long, value_name = "KEY=VALUE", default_value_t = Pool::default(), value_parser = names::pool)]
    pool: Pool,
}

/// Print a NodeReadinessRule: node-readiness-controller keeps pods off the nodes of a pool until they are proven
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render readiness-rule | kubectl apply -f -
  buildkit-preflight render readiness-rule --profile procmount --name builds

The taint is readiness.k8s.io/rootless-buildkit. The agent and the canaries
tolerate it, and builders do not. A pool has one rule: for another profile or
pool make a rule of another name, since most fields can't be changed.", exit::RENDERED))]
pub(super) struct RuleArguments {
    /// The profile whose proof is waited for
    #[arg(long, value_name = "PROFILE", default_value = Profile::NoProcessSandbox.id(), value_parser = values::profile())]
    profile: Profile,
    /// The rule's name
    #[arg(long, value_name = "NAME", default_value = "rootless-buildkit", value_parser = names::service)]
    name: String,
    #[command(flatten)]
    of: ThePool,
}

/// Print a NodePool of Karpenter whose nodes take builders only after their proof
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render karpenter \\
      --node-class karpenter.k8s.aws/EC2NodeClass/default
  buildkit-preflight render karpenter --pool example.org/pool=ci \\
      --node-class karpenter.azure.com/AKSNodeClass/default

Apply with it what `render readiness-rule` prints, and send builders to the pool
with `render builder --pool`: without that rule the taint stays for ever.", exit::RENDERED))]
pub(super) struct KarpenterArguments {
    /// The object of your cloud that describes the machines (nodeClassRef), as GROUP/KIND/NAME
    #[arg(long, value_name = "CLASS", value_parser = names::node_class)]
    node_class: NodeClass,
    /// The NodePool's name
    #[arg(long, value_name = "NAME", default_value = "build", value_parser = names::service)]
    name: String,
    /// The most nodes that Karpenter makes for it
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_nodes: u32,
    #[command(flatten)]
    of: ThePool,
}

/// Print what cluster-autoscaler and its node groups must be told of a pool
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render cluster-autoscaler
  buildkit-preflight render cluster-autoscaler --pool example.org/pool=ci

Settings to copy: an argument of cluster-autoscaler, and for groups without a
node the tags or annotations of AWS, Azure, Cluster API and Google.", exit::RENDERED))]
pub(super) struct AutoscalerArguments {
    #[command(flatten)]
    of: ThePool,
}

pub(super) fn rule(arguments: &RuleArguments) -> Result<u8, Error> {
    output::print(&render::readiness_rule(&arguments.name, arguments.profile, &arguments.of.pool)?)?;
    Ok(READY)
}

pub(super) fn karpenter(arguments: &KarpenterArguments) -> Result<u8, Error> {
    let KarpenterArguments { node_class, name, max_nodes, of } = arguments;
    output::print(&render::karpenter(name, &of.pool, node_class, *max_nodes)?)?;
    Ok(READY)
}

pub(super) fn autoscaler(arguments: &AutoscalerArguments) -> Result<u8, Error> {
    output::print(&render::cluster_autoscaler(&arguments.of.pool)?)?;
    Ok(READY)
}
