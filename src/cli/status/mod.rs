//! How all nodes of a cluster stand, or one of them.

mod bundle;
mod fleet;
mod format;
mod node;
mod serve;
mod threshold;
mod watch;

use super::args::{Connection, LabelPrefix, asked};
use super::exit::{self, READY};
use super::uses::{Use, Uses};
use super::{Error, block_on, names, values};
use crate::api::Agents;
use crate::profile::Profile;
use clap::Args;
use format::Format;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use threshold::Threshold;

/// Show how all nodes of a cluster stand: ready or not, why, pool by pool, and what one change would unlock
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight status
  buildkit-preflight status --profile procmount --group-by topology.kubernetes.io/zone
  buildkit-preflight status node1
  buildkit-preflight status --format csv > nodes.csv
  buildkit-preflight status --format line --fail-below 90%
  buildkit-preflight status --watch
  buildkit-preflight status --format html > fleet.html
  buildkit-preflight status --serve 8080
  buildkit-preflight status --bundle report.tar.gz

Needs a kubeconfig that may `list` nodes (NODE: `get`). With the right to `list` pods in the agent's namespace and to `get` their
logs it also says why a node is silent. Nothing is written to the cluster.", exit::STATUS))]
pub(super) struct Arguments {
    /// Explain this node in full
    #[arg(value_name = "NODE", value_parser = names::node)]
    node: Option<String>,
    /// A way to run buildkitd; may be repeated [default: no-process-sandbox]. JSON and YAML have all
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// How to print it; the schema of the JSON is schema/fleet-report.json
    #[arg(long, short = 'o', value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show it again whenever it has changed, until a signal ends it
    #[arg(long)]
    watch: bool,
    /// Exit with 1 where fewer nodes are ready for a profile, as a number or in percent of the nodes that run Linux
    #[arg(long, value_name = "N|N%", default_value = "1", value_parser = threshold::parse)]
    fail_below: Threshold,
    /// Write all that an issue report needs into this new file, a tar.gz without names of your own
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Show it in a browser, live: a port of this machine, or IP:PORT
    #[arg(long, value_name = "ADDR", value_parser = serve::address)]
    serve: Option<SocketAddr>,
    #[command(flatten)]
    source: Source,
}

/// How a report is made.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// The namespace of the agent
    #[arg(long, short = 'n', value_name = "NAME", default_value = "buildkit-preflight", value_parser = names::namespace)]
    namespace: String,
    /// Tell pools apart by this label; may be repeated, the first one that a node has counts [default: those of the platforms]
    #[arg(long, value_name = "LABEL", value_parser = names::label_key)]
    group_by: Vec<String>,
    /// From which age on a heartbeat is too old; an agent with a longer --heartbeat needs a longer time
    #[arg(long, value_name = "TIME", default_value = "90m", value_parser = values::period())]
    stale_after: Duration,
    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

/// What of the arguments goes together.
pub(super) const USES: Uses = &[&[
    Use { by: &[], takes: &["profiles", "format", "watch", "fail_below", "group_by"] },
    Use { by: &["node"], takes: &["profiles", "format", "group_by"] },
    Use { by: &["bundle"], takes: &["group_by"] },
    Use { by: &["serve"], takes: &["group_by"] },
]];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if let Some(file) = &arguments.bundle {
        bundle::is_new(file)?;
    }
    block_on(answer(arguments))
}

async fn answer(arguments: &Arguments) -> Result<u8, Error> {
    let (source, profiles) = (&arguments.source, asked(&arguments.profiles));
    let agents = Agents::new(source.connection.client().await?);
    if let Some(name) = &arguments.node {
        let report = node::report(&agents, source, name).await?;
        arguments.format.print_node(&report, &profiles)?;
        return Ok(exit::of(profiles.iter().map(|profile| node::verdict(&report, *profile))));
    }
    if let Some(file) = &arguments.bundle {
        bundle::write(&agents, source, file).await?;
        return Ok(READY);
    }
    if let Some(address) = arguments.serve {
        return serve::serve(&agents, source, address).await;
    }
    if arguments.watch {
        return watch::watch(&agents, arguments, &profiles).await;
    }
    let report = fleet::report(&agents, source).await?;
    arguments.format.print(&report, &profiles)?;
    Ok(arguments.fail_below.code(&report, &profiles))
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use crate::fleet::status::STALE_AFTER;
    use clap::CommandFactory;

    #[test]
    fn a_heartbeat_is_too_old_at_the_age_that_has_its_reason() {
        let command = Cli::command();
        let status = command.find_subcommand("status").expect("the command");
        let argument = status.get_arguments().find(|argument| argument.get_id() == "stale_after").expect("the argument");
        let default = argument.get_default_values()[0].to_str().expect("UTF-8").parse::<jiff::SignedDuration>().expect("a time");
        assert_eq!(default.unsigned_abs(), STALE_AFTER);
    }
}
