//! One node in full.

use super::{Source, fleet};
use crate::api::Agents;
use crate::check::Ready;
use crate::cli::Error;
use crate::fleet::status::{FleetNode, State, Words};
use crate::node::{Node, View};
use crate::profile::Profile;
use crate::report::{NodeEvent, NodeReport};

/// Asks for one node, its events, and what became of the agent's pod there.
pub(super) async fn report(agents: &Agents, source: &Source, name: &str) -> Result<NodeReport, Error> {
    let (mut head, rules) = fleet::head(agents, source).await?;
    let object = match agents.node(name).await {
        Err(error) if error.code() == Some(404) => {
            return Err(Error::Io(format!("the cluster has no node {name}; `buildkit-preflight status --format csv` lists all of them")));
        }
        object => object?,
    };
    let read =
        || serde_json::from_value::<Node>(object.clone()).map_err(|error| Error::Io(format!("the node {name} could not be read: {error}")));
    let mut row = [FleetNode::new(read()?, &rules, &mut Words::default())];
    let view = View::new(read()?, &rules.prefix);
    head.pods_unknown = fleet::explain(agents, source, &mut row).await.err().map(|error| error.to_string());
    let [row] = row;
    let events = agents.events(Some(name)).await.map_err(|error| error.to_string());
    let events = events.map(|events| events.into_iter().filter_map(|event| serde_json::from_value::<NodeEvent>(event).ok()).collect());
    Ok(NodeReport::new(head, row, &view, rules.now, events))
}

/// The verdict by which the exit code is chosen: what nobody vouches for is unknown.
pub(super) fn verdict(report: &NodeReport, profile: Profile) -> Ready {
    match report.node.profiles.get(profile).verdict {
        State::Ready => Ready::Ready,
        State::NotReady => Ready::NotReady,
        State::Unknown | State::Silent => Ready::Unknown,
    }
}
