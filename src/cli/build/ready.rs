//! Whether a node is ready for a build, asked before anything is created.

use super::progress::Progress;
use crate::api::{self, Nodes, Server};
use crate::cli::Error;
use crate::fleet::{ADVICE, Fleet, obstacles};
use crate::profile::Profile;
use crate::text::counted;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often nodes are looked at while one is waited for.
const PERIOD: Duration = Duration::from_secs(3);
/// How many nodes are named.
const NAMED: usize = 20;

/// What is asked.
pub(super) struct Wanted<'a> {
    pub(super) profile: Profile,
    pub(super) prefix: &'a str,
    /// Labels that the node must have.
    pub(super) selector: &'a BTreeMap<String, String>,
    /// Whether to wait, and for how long at most.
    pub(super) wait: Option<Option<Duration>>,
}

impl Wanted<'_> {
    /// Looks for a ready node, and waits for one if that is asked for.
    ///
    /// # Errors
    /// None is ready: why, for each node.
    pub(super) async fn find(&self, server: &Server, progress: &Progress) -> Result<(), Error> {
        let nodes = Nodes::new(server.clone(), self.prefix.to_owned());
        let begun = Instant::now();
        let mut has_told = false;
        loop {
            let listed = nodes.list_where(self.selector).await;
            let found = match &listed {
                Ok(found) => found,
                // Who may not see nodes still has builds that run on ready ones alone.
                Err(error) if error.is_forbidden() => {
                    progress.note(&format!("whether a node is ready is not known ({error}); the Job waits until one is"));
                    return Ok(());
                }
                // Whoever waits bears an API server that is away for a while.
                Err(error) if has_told && error.may_be_done() && !self.is_over(begun) => {
                    self.pause(begun).await;
                    continue;
                }
                Err(_) => return listed.map(|_| ()).map_err(api::Error::into),
            };
            let fleet = Fleet::new(found, self.profile, None);
            if fleet.ready().next().is_some() || fleet.unproven() > 0 {
                return Ok(());
            }
            if self.is_over(begun) {
                return Err(self.refusal(found, &fleet));
            }
            if !has_told {
                progress.note(&format!("{}: waiting for a node", self.what_is_missing(&fleet)));
                has_told = true;
            }
            self.pause(begun).await;
        }
    }

    /// Whether it is not to be waited for any longer.
    fn is_over(&self, begun: Instant) -> bool {
        self.wait.is_none_or(|most| most.is_some_and(|most| begun.elapsed() >= most))
    }

    async fn pause(&self, begun: Instant) {
        let left = self.wait.flatten().map_or(PERIOD, |most| most.saturating_sub(begun.elapsed()));
        tokio::time::sleep(left.min(PERIOD + Duration::from_millis(fastrand::u64(..1000)))).await;
    }

    fn what_is_missing(&self, fleet: &Fleet) -> String {
        match (fleet.total(), self.selector.is_empty()) {
            (0, true) => "the cluster has no nodes".into(),
            (0, false) => format!("no node has the labels of the nodeSelector ({})", self.labels()),
            _ => format!("no node is ready for {}", self.profile.id()),
        }
    }

    fn labels(&self) -> String {
        self.selector.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
    }

    fn refusal(&self, nodes: &[crate::node::View], fleet: &Fleet) -> Error {
        let all = obstacles(nodes, self.profile);
        let width = |of: fn(&crate::fleet::Obstacle) -> usize| all.iter().take(NAMED).map(of).max().unwrap_or_default();
        let (name, verdict) = (width(|one| one.node.len()), width(|one| one.verdict.len()));
        let mut more: Vec<_> =
            all.iter().take(NAMED).map(|one| format!("{:<name$}  {:<verdict$}  {}", one.node, one.verdict, one.why)).collect();
        if all.len() > NAMED {
            more.push(format!("and {}", counted(all.len() - NAMED, "more node")));
        }
        let hint = match fleet.total() {
            0 if !self.selector.is_empty() => "`kubectl get nodes --show-labels` shows which labels nodes have".into(),
            _ => format!("{}; --wait waits for a node", fleet.advice().unwrap_or_else(|| ADVICE.to_owned())),
        };
        Error::NotReady { message: format!("{}, so nothing was created", self.what_is_missing(fleet)), more, hint }
    }
}
