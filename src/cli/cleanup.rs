use super::args::{Connection, LabelPrefix};
use super::exit::{self, READY};
use super::{Error, block_on, names, output};
use crate::api::{Nodes, Ours};
use crate::text::line;
use clap::Args;

/// Remove the labels and conditions of buildkit-preflight from the nodes, and nothing else
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight cleanup --dry-run
  buildkit-preflight cleanup
  buildkit-preflight cleanup node1 node2

Delete the agent's DaemonSet first: a running agent publishes again at its next
heartbeat. Needs a kubeconfig that may `list` and `get` nodes and `patch`
nodes/status.", exit::CLEANUP))]
pub(super) struct Arguments {
    /// The nodes to clean [default: all]
    #[arg(value_name = "NODE", value_parser = names::node)]
    nodes: Vec<String>,
    /// Print what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

/// What to do where the order was another.
const STILL_RUNNING: &str = "an agent that still runs writes again within about an hour: delete it first, then run cleanup again";

pub(super) fn run(arguments: Arguments) -> Result<u8, Error> {
    block_on(clean(arguments))
}

async fn clean(arguments: Arguments) -> Result<u8, Error> {
    let nodes = Nodes::new(arguments.connection.client().await?, arguments.prefix.domain.clone());
    let mut errors = Vec::new();
    let mut found = Vec::new();
    let all = arguments.nodes.is_empty();
    if all {
        found = nodes.list().await?;
    }
    for name in &arguments.nodes {
        match nodes.get(name).await {
            Ok(node) => found.push(node),
            Err(error) => errors.push(format!("{name}: {error}")),
        }
    }
    let mut has_removed = false;
    // Node by node, so that it is known how far it came.
    for node in &found {
        let name = &node.name;
        let ours = Ours::on(node, &arguments.prefix.domain);
        if ours.is_empty() {
            output::print(&format!("{}: no labels or conditions to remove\n", line(name)))?;
            continue;
        }
        let removed = if arguments.dry_run { Ok(()) } else { nodes.remove(name, &ours).await };
        let text = match removed {
            Ok(()) => {
                has_removed |= !arguments.dry_run;
                let done = if arguments.dry_run { "would remove" } else { "removed" };
                let labels = ours.labels.iter().map(|label| format!("\n  {}", line(label)));
                let conditions = ours.conditions.iter().map(|kind| format!("\n  condition {}", line(kind)));
                format!("{}: {done}{}\n", line(name), labels.chain(conditions).collect::<String>())
            }
            Err(error) if all && error.code() == Some(404) => format!("{}: the node was deleted meanwhile\n", line(name)),
            Err(error) => {
                errors.push(format!("{name}: {error}"));
                continue;
            }
        };
        output::print(&text)?;
    }
    if has_removed {
        output::note("note: ", STILL_RUNNING);
    }
    match errors.as_slice() {
        [] => Ok(READY),
        errors => Err(Error::Several(errors.to_vec())),
    }
}
