//! `render nfd-rule`, `render npd` and `render monitoring`: what other projects are told.

use super::args::LabelPrefix;
use super::exit::{self, READY};
use super::uses::{Use, Uses};
use super::{Error, names, output, values};
use crate::profile::Profile;
use crate::render::{self, AgentOptions, NpdOptions};
use clap::Args;
use std::time::Duration;

/// Print a NodeFeatureRule: node-feature-discovery makes labels of what the agents write as features
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render agent --publish nfd | kubectl apply -f -
  buildkit-preflight render nfd-rule | kubectl apply -f -

The agents then have no right to write Nodes: node-feature-discovery does.", exit::RENDERED))]
pub(super) struct NfdArguments {
    #[command(flatten)]
    prefix: LabelPrefix,
}

/// Print a configuration of node-problem-detector that runs `check` on its node
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render npd > buildkit-preflight.json
  node-problem-detector --config.custom-plugin-monitor=buildkit-preflight.json

The condition is RootlessBuildKitUnavailable: True is a problem.", exit::RENDERED))]
pub(super) struct NpdArguments {
    /// Where this program is, as node-problem-detector sees it; it must exist
    #[arg(long, value_name = "PATH", default_value = "/usr/local/bin/buildkit-preflight", value_parser = names::absolute)]
    path: String,
    /// The profile to check
    #[arg(long, value_name = "PROFILE", default_value = Profile::NoProcessSandbox.id(), value_parser = values::profile())]
    profile: Profile,
    /// How often to check
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = values::period())]
    interval: Duration,
}

/// Print a PodMonitor and a PrometheusRule for the Prometheus Operator, or a dashboard for Grafana
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render monitoring | kubectl apply -f -
  buildkit-preflight render monitoring --dashboard > dashboard.json

Grafana imports the dashboard, and asks for its Prometheus.", exit::RENDERED))]
pub(super) struct MonitoringArguments {
    /// The agent's namespace
    #[arg(long, value_name = "NAME", default_value_t = AgentOptions::default().namespace, value_parser = names::own_namespace)]
    namespace: String,
    /// Print the dashboard instead
    #[arg(long)]
    dashboard: bool,
}

/// What `render monitoring` takes.
pub(super) const MONITORING_USES: Uses = &[&[Use { by: &[], takes: &["namespace"] }, Use { by: &["dashboard"], takes: &[] }]];

pub(super) fn nfd(arguments: &NfdArguments) -> Result<u8, Error> {
    output::print(&render::nfd_rule(&arguments.prefix.domain)?)?;
    Ok(READY)
}

pub(super) fn npd(arguments: &NpdArguments) -> Result<u8, Error> {
    let NpdArguments { path, profile, interval } = arguments;
    output::print(&render::npd(&NpdOptions { path: path.clone(), profile: *profile, seconds: interval.as_secs().max(1) }))?;
    Ok(READY)
}

pub(super) fn monitoring(arguments: &MonitoringArguments) -> Result<u8, Error> {
    let text = match arguments.dashboard {
        true => render::dashboard(),
        false => render::monitoring(&arguments.namespace)?.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n"),
    };
    output::print(&text)?;
    Ok(READY)
}
