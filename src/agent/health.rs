use super::metrics::Metrics;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How the agent is, for kubelet and Prometheus.
pub(super) struct Health {
    pub(super) metrics: Metrics,
    state: Mutex<State>,
    /// From this on an agent that has not come round hangs.
    stuck: Duration,
}

struct State {
    seen: Instant,
    ready: Result<(), String>,
}

impl Health {
    /// `looking`: how long one look at the node may take; requests that hang come on top.
    pub(super) fn new(looking: Duration) -> Self {
        let state = State { seen: Instant::now(), ready: Err("nothing is published yet".into()) };
        Health { metrics: Metrics::new(), state: Mutex::new(state), stuck: looking + Duration::from_secs(120) }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        // Nothing panics while it holds the lock, and if it did the state would be whole all the same.
        f(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The loop has come round.
    pub(super) fn alive(&self) {
        self.with(|state| state.seen = Instant::now());
    }

    /// What is true stands on the Node.
    pub(super) fn published(&self) {
        self.metrics.wrote("success");
        self.with(|state| state.ready = Ok(()));
    }

    /// It could not be written.
    pub(super) fn failed(&self, kind: &'static str, why: &str) {
        self.metrics.wrote(kind);
        self.with(|state| state.ready = Err(why.to_owned()));
    }

    /// Why the agent should be started anew, if it should.
    pub(super) fn live(&self) -> Result<(), String> {
        let silent = self.with(|state| state.seen.elapsed());
        if silent > self.stuck { Err(format!("the agent has been stuck for {} s", silent.as_secs())) } else { Ok(()) }
    }

    /// Why the agent does not do its work, if it does not.
    pub(super) fn ready(&self) -> Result<(), String> {
        self.with(|state| state.ready.clone())
    }
}
