use super::args::{Connection, LabelPrefix};
use super::exit::{self, READY};
use super::{Error, block_on, names, output};
use crate::api::{Nodes, Ours};
use clap::Args;

/// Take our labels and conditions off the nodes, and nothing else
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  kubectl delete --ignore-not-found -k manifests/agent && buildkit-preflight cleanup
  buildkit-preflight cleanup --dry-run
  buildkit-preflight cleanup node1 node2

Delete the DaemonSet first: an agent that still runs writes again at its next heartbeat.
Needs an administrator's kubeconfig: `list` and `get` of nodes, `patch` of nodes/status.", exit::CLEANUP))]
pub(super) struct Arguments {
    /// Only these nodes
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
    // Node by node, so that it is known how far it came.
    for node in &found {
        let name = &node.name;
        let ours = Ours::on(node, &arguments.prefix.domain);
        if ours.is_empty() {
            output::print(&format!("{name}: nothing of ours\n"))?;
            continue;
        }
        let removed = if arguments.dry_run { Ok(()) } else { nodes.remove(name, &ours).await };
        let text = match removed {
            Ok(()) => {
                let done = if arguments.dry_run { "would remove" } else { "removed" };
                let list = [ours.labels, ours.conditions.iter().map(|kind| format!("condition {kind}")).collect()].concat().join("\n  ");
                format!("{name}: {done}\n  {list}\n")
            }
            Err(error) if all && error.code() == Some(404) => format!("{name}: gone meanwhile\n"),
            Err(error) => {
                errors.push(format!("{name}: {error}"));
                continue;
            }
        };
        output::print(&text)?;
    }
    match errors.as_slice() {
        [] => Ok(READY),
        errors => Err(Error::Io(errors.join("\n       "))),
    }
}
