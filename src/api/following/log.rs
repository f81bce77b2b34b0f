//! Containers' logs, each to its end.

use super::event::{Event, Following, RETRY};
use super::seen::Seen;
use crate::api::lines::Lines;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// A log that says nothing for so long is asked for anew: its connection may be dead.
const SILENT_LOG: Duration = Duration::from_secs(60);

impl Following<'_> {
    /// Reads the log of each container, in the order in which they run.
    pub(super) async fn read_logs(&self, mut state: watch::Receiver<Option<Value>>) {
        for (index, stage) in self.stages.iter().enumerate() {
            let container = stage.container.as_str();
            let Ok(pod) = state.wait_for(|pod| pod.as_ref().is_some_and(|pod| has_started(pod, container))).await.map(|pod| pod.clone())
            else {
                return;
            };
            let pod = pod.as_ref().and_then(|pod| pod["metadata"]["name"].as_str()).unwrap_or_default().to_owned();
            (self.tell)(Event::Started(index));
            self.read_log(index, &pod, container, &mut state).await;
        }
    }

    /// Reads one log to its end, also over several connections.
    async fn read_log(&self, index: usize, pod: &str, container: &str, state: &mut watch::Receiver<Option<Value>>) {
        let mut seen = Seen::default();
        loop {
            let is_ended = || state.borrow().as_ref().is_none_or(|pod| has_ended(pod, container)) || state.has_changed().is_err();
            let had_ended = is_ended();
            let since = seen.begin().map(str::to_owned);
            let is_whole = match self.jobs.log(pod, container, since.as_deref()).await {
                Ok(lines) => self.pass_on(index, lines, &mut seen).await,
                // Its pod is gone, and its log with it.
                Err(error) => error.code() == Some(404),
            };
            if is_whole && had_ended {
                return;
            }
            // A log ends a moment before its container is seen to have ended.
            let ended = state.wait_for(|pod| pod.as_ref().is_none_or(|pod| has_ended(pod, container)));
            let is_over = tokio::time::timeout(RETRY, ended).await;
            if is_whole && is_over.is_ok() {
                return;
            }
        }
    }

    /// Passes on what comes in. Whether it came to its end.
    async fn pass_on(&self, index: usize, mut lines: Lines, seen: &mut Seen) -> bool {
        loop {
            match lines.next(SILENT_LOG).await {
                Ok(Some(line)) => {
                    if let Some(text) = seen.unseen(&line.text) {
                        (self.tell)(Event::Line(index, text));
                    }
                }
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

/// The state of a container of a pod.
fn state<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    let statuses = ["initContainerStatuses", "containerStatuses"].into_iter().filter_map(|field| pod["status"][field].as_array());
    statuses.flatten().find(|status| status["name"] == container).map(|status| &status["state"])
}

fn has_ended(pod: &Value, container: &str) -> bool {
    state(pod, container).is_some_and(|state| state.get("terminated").is_some())
}

fn has_started(pod: &Value, container: &str) -> bool {
    has_ended(pod, container) || state(pod, container).is_some_and(|state| state.get("running").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_starts_and_ends() {
        let pod = |state: &str| serde_json::json!({"status": {"initContainerStatuses": [{"name": "a", "state": {state: {}}}]}});
        let is = |name: &str| (has_started(&pod(name), "a"), has_ended(&pod(name), "a"));
        assert_eq!([is("waiting"), is("running"), is("terminated")], [(false, false), (true, false), (true, true)]);
        assert!(!has_started(&pod("running"), "b"));
    }
}
