use crate::check::Ready;
use crate::fact::{Fact, Tuned};
use crate::profile::Profile;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::time::Duration;

/// From a probe of 10 ms to the deadline.
const SECONDS: [f64; 8] = [0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    profile: &'static str,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SysctlLabels {
    sysctl: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: String,
}

/// What Prometheus may ask.
pub(super) struct Metrics {
    registry: Registry,
    verdict: Family<VerdictLabels, Gauge>,
    probe: Histogram,
    writes: Family<ResultLabels, Counter>,
    events_failed: Counter,
    last_write: Gauge,
    sysctls_set: Family<SysctlLabels, Gauge>,
    tune_problem: Family<ReasonLabels, Gauge>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::with_prefix("buildkit_preflight"),
            verdict: Family::default(),
            probe: Histogram::new(SECONDS),
            writes: Family::default(),
            events_failed: Counter::default(),
            last_write: Gauge::default(),
            sysctls_set: Family::default(),
            tune_problem: Family::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        self.registry.register("verdict", "1 for the verdict of a profile, 0 for the others", self.verdict.clone());
        self.registry.register("probe_duration_seconds", "How long the last check took, probe included", self.probe.clone());
        self.registry.register("writes", "Attempts to write the Node, by result", self.writes.clone());
        self.registry.register("events_failed", "Events that the API server did not accept", self.events_failed.clone());
        self.registry.register("last_write_timestamp_seconds", "When the Node was last written", self.last_write.clone());
        self.registry.register("sysctl_set", "Sysctls that tune has set, with the value", self.sysctls_set.clone());
        self.registry.register("tune_problem", "1 while tune leaves a sysctl too low, by reason", self.tune_problem.clone());
        self
    }

    /// What `tune` says that it did.
    pub(super) fn tuned(&self, tuned: &Fact<Tuned>) {
        self.sysctls_set.clear();
        self.tune_problem.clear();
        let Some(tuned) = tuned.known() else { return };
        for change in &tuned.changes {
            let labels = SysctlLabels { sysctl: change.sysctl.name() };
            self.sysctls_set.get_or_create(&labels).set(i64::try_from(change.to).unwrap_or(i64::MAX));
        }
        if let Some(problem) = &tuned.problem {
            self.tune_problem.get_or_create(&ReasonLabels { reason: format!("{:?}", problem.reason) }).set(1);
        }
    }

    /// What is published of profiles: the labels are made of the same values, so the two can't disagree.
    pub(super) fn verdicts(&self, published: &BTreeMap<Profile, Ready>) {
        // Of a profile that a canary speaks of again, this agent says nothing any more.
        self.verdict.clear();
        for (profile, published) in published {
            for verdict in Ready::ALL {
                let labels = VerdictLabels { profile: profile.id(), verdict: verdict.id() };
                self.verdict.get_or_create(&labels).set((verdict == published).into());
            }
        }
    }

    pub(super) fn probe_took(&self, time: Duration) {
        self.probe.observe(time.as_secs_f64());
    }

    pub(super) fn wrote(&self, result: &'static str) {
        self.writes.get_or_create(&ResultLabels { result }).inc();
        if result == "success" {
            self.last_write.set(jiff::Timestamp::now().as_second());
        }
    }

    pub(super) fn event_failed(&self) {
        self.events_failed.inc();
    }

    /// The text that Prometheus reads.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_of_three() {
        let metrics = Metrics::new();
        for says in [Ready::Ready, Ready::NotReady] {
            metrics.verdicts(&BTreeMap::from([(Profile::NoProcessSandbox, says)]));
        }
        metrics.wrote("success");
        metrics.probe_took(Duration::from_millis(20));
        let text = metrics.text();
        for line in [
            "buildkit_preflight_verdict{profile=\"no-process-sandbox\",verdict=\"ready\"} 0",
            "buildkit_preflight_verdict{profile=\"no-process-sandbox\",verdict=\"not-ready\"} 1",
            "buildkit_preflight_writes_total{result=\"success\"} 1",
            "buildkit_preflight_probe_duration_seconds_count 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
