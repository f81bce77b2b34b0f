use super::args::{Connection, LabelPrefix};
use super::exit::{self, NOT_READY, READY};
use super::{Error, block_on, output, values};
use crate::api::Nodes;
use crate::node::Key;
use crate::profile::Profile;
use crate::text::line;
use clap::Args;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Say which verdict of the default profile each node has by its labels; `helm test` runs it
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight verdicts
  buildkit-preflight verdicts --wait 60s --selector kubernetes.io/os=linux

A label stays when its agent is gone. Needs the right to `list` nodes.", exit::VERDICTS))]
pub(super) struct Arguments {
    /// Look at nodes with this label only; may be repeated
    #[arg(long = "selector", value_name = "KEY=VALUE", value_parser = label)]
    selector: Vec<(String, String)>,
    /// How long to wait for nodes that have no verdict yet
    #[arg(long, value_name = "TIME", value_parser = values::deadline())]
    wait: Option<Duration>,
    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

/// How long until the nodes are listed again.
const PAUSE: Duration = Duration::from_secs(2);

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| "a label is written KEY=VALUE".into())
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    block_on(say(arguments))
}

async fn say(arguments: &Arguments) -> Result<u8, Error> {
    let nodes = Nodes::new(arguments.connection.client().await?, arguments.prefix.domain.clone());
    let selector: BTreeMap<_, _> = arguments.selector.iter().cloned().collect();
    let until = Instant::now() + arguments.wait.unwrap_or_default();
    let of_default = Key::Verdict(Profile::NoProcessSandbox);
    loop {
        let found = nodes.list_where(&selector).await?;
        let is_complete = !found.is_empty() && found.iter().all(|node| node.ours.contains_key(&of_default));
        if is_complete || Instant::now() >= until {
            let verdict = |verdict: Option<&String>| verdict.map_or_else(|| "no verdict".into(), |verdict| line(verdict).into_owned());
            let of_node = |node: &crate::node::View| format!("{}: {}\n", line(&node.name), verdict(node.ours.get(&of_default)));
            output::print(&found.iter().map(of_node).collect::<String>())?;
            if found.is_empty() {
                output::say("error: ", "no node has these labels");
            }
            return Ok(if is_complete { READY } else { NOT_READY });
        }
        tokio::time::sleep(PAUSE).await;
    }
}
