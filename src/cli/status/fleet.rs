//! Asks a cluster how its nodes stand.

use super::Source;
use crate::api::{self, Agents, is_unconfined};
use crate::cli::Error;
use crate::fleet::status::{AgentPod, FleetNode, FleetReport, Head, Rules, Words, explain_silence};
use crate::profile::Profile;
use jiff::Timestamp;

/// Up to so many silent nodes are asked about one by one; above that, all pods are listed.
const ONE_BY_ONE: usize = 8;

/// Of so many pods that run and publish nothing the log is read: what stands in one of them is most often the same in all.
const LOGS: usize = 5;

/// How all nodes stand. The one way to a report: the table, the files and the pages are made of it.
pub(super) async fn report(agents: &Agents, source: &Source) -> Result<FleetReport, Error> {
    let (mut head, rules) = head(agents, source).await?;
    let mut words = Words::default();
    let mut list = agents.nodes(|node| FleetNode::new(node, &rules, &mut words)).await?;
    drop(words);
    head.pods_unknown = explain(agents, source, &mut list).await.err().map(|error| error.to_string());
    Ok(FleetReport::new(head, list))
}

/// What a report rests on. The time is the API server's: heartbeats are compared with it, and this machine's clock may be wrong.
pub(super) async fn head(agents: &Agents, source: &Source) -> Result<(Head, Rules), Error> {
    let (kubernetes, date) = agents.version().await?;
    let now = date.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok()).map_or_else(Timestamp::now, |zoned| zoned.timestamp());
    let rules = Rules {
        prefix: source.prefix.domain.clone(),
        group_by: source.group_by.clone(),
        now: Timestamp::from_second(now.as_second()).unwrap_or(now),
        stale_after: source.stale_after,
    };
    let head = Head {
        kubernetes,
        cluster: agents.cluster().map(str::to_owned),
        time: rules.now.to_string(),
        group_by: rules.keys(),
        default_profile: Profile::NoProcessSandbox.id().into(),
        stale_after_seconds: rules.stale_after.as_secs(),
        namespace: Some(source.namespace.clone()),
        pods_unknown: None,
    };
    Ok((head, rules))
}

/// Says of silent nodes what became of the agent's pods there. Who may not see pods gets the rest all the same.
pub(super) async fn explain(agents: &Agents, source: &Source, list: &mut [FleetNode]) -> Result<(), api::Error> {
    let namespace = &source.namespace;
    let silent: Vec<String> = list.iter().filter(|node| node.silent_because.is_some()).map(|node| node.name.to_string()).collect();
    let mut pods: Vec<AgentPod> = Vec::new();
    match silent.len() {
        0 => return Ok(()),
        1..=ONE_BY_ONE => {
            for name in &silent {
                pods.extend(agents.pods(namespace, Some(name)).await?);
            }
        }
        _ => pods = agents.pods(namespace, None).await?,
    }
    let quiet = pods.iter_mut().filter(|pod| pod.is_running && !pod.is_ready && silent.contains(&pod.node));
    for pod in quiet.take(LOGS) {
        // Another right, which many have not; the pod's state is told all the same.
        pod.is_unconfined = agents.log(namespace, &pod.name).await.is_ok_and(|log| is_unconfined(&log));
    }
    explain_silence(list, &pods, namespace);
    Ok(())
}
