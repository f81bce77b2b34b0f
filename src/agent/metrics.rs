use crate::api::Requests;
use crate::check::Ready;
use crate::fact::{Fact, Tuned};
use crate::node::View;
use crate::profile::Profile;
use crate::publish::{Canaries, Canary, Verdicts};
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PoolLabels {
    pool: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    commit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    profile: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CanaryLabels {
    profile: &'static str,
    state: &'static str,
}

/// What this program was built from. Whoever builds a release names the commit.
const BUILD: BuildLabels = BuildLabels {
    version: env!("CARGO_PKG_VERSION"),
    commit: match option_env!("BUILDKIT_PREFLIGHT_COMMIT") {
        Some(commit) => commit,
        None => "unknown",
    },
};

/// A metric.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(PartialEq, Eq, strum::VariantArray))]
enum Metric {
    BuildInfo,
    Verdict,
    Cause,
    Canary,
    Probe,
    Requests,
    Writes,
    Withdrawn,
    EventsFailed,
    LastWrite,
    NodeCreated,
    SysctlsSet,
    TuneProblem,
}

/// A row of the table of metrics.
#[derive(Clone, Copy, Debug)]
pub struct MetricRow {
    metric: Metric,
    /// The name that it is registered by: [`MetricRow::exposed`] is what Prometheus sees.
    name: &'static str,
    /// `gauge`, `counter` or `histogram`.
    pub kind: &'static str,
    /// The labels of its series.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

impl MetricRow {
    /// The name that Prometheus sees.
    pub fn exposed(&self) -> String {
        let suffix = if self.kind == "counter" { "_total" } else { "" };
        format!("{PREFIX}_{}{suffix}", self.name)
    }
}

/// Before all names.
const PREFIX: &str = "buildkit_preflight";

const fn row(metric: Metric, name: &'static str, kind: &'static str, labels: &'static [&'static str], help: &'static str) -> MetricRow {
    MetricRow { metric, name, kind, labels, help }
}

/// All metrics.
pub const METRICS: [MetricRow; 13] = [
    row(Metric::BuildInfo, "build_info", "gauge", &["version", "commit"], "1, with the version and the commit of the agent"),
    row(Metric::Verdict, "verdict", "gauge", &["profile", "verdict"], "1 for the verdict of a profile, 0 for the others"),
    row(Metric::Cause, "cause", "gauge", &["profile", "cause"], "1 for the decisive cause of a profile that is not ready"),
    row(Metric::Canary, "canary", "gauge", &["profile", "state"], "1 for how the canary of a profile stands, 0 for the other states"),
    row(Metric::Probe, "probe_duration_seconds", "histogram", &[], "How long a check took, probe included"),
    row(
        Metric::Requests,
        "api_requests",
        "counter",
        &["method", "code"],
        "Requests to the Kubernetes API, by HTTP method and status; `<error>` where no whole answer came",
    ),
    row(Metric::Writes, "writes", "counter", &["result"], "Attempts to write the Node, by result"),
    row(
        Metric::Withdrawn,
        "foreign_words_withdrawn",
        "counter",
        &[],
        "Times that others' labels or conditions under our names were removed",
    ),
    row(Metric::EventsFailed, "events_failed", "counter", &[], "Events that the API server did not accept"),
    row(Metric::LastWrite, "last_write_timestamp_seconds", "gauge", &[], "When the Node was last written"),
    row(
        Metric::NodeCreated,
        "node_created_timestamp_seconds",
        "gauge",
        &["pool"],
        "When the Node was made, and the label that names its pool",
    ),
    row(Metric::SysctlsSet, "sysctl_set", "gauge", &["sysctl"], "Sysctls that tune has set, with the value"),
    row(Metric::TuneProblem, "tune_problem", "gauge", &["reason"], "1 while tune leaves a sysctl too low, by reason"),
];

/// What Prometheus may ask.
pub(super) struct Metrics {
    registry: Registry,
    /// Counted where requests are made.
    pub(super) requests: Requests,
    build: Family<BuildLabels, Gauge>,
    verdict: Family<VerdictLabels, Gauge>,
    cause: Family<CauseLabels, Gauge>,
    canary: Family<CanaryLabels, Gauge>,
    probe: Histogram,
    writes: Family<ResultLabels, Counter>,
    withdrawn: Counter,
    events_failed: Counter,
    last_write: Gauge,
    node_created: Family<PoolLabels, Gauge>,
    sysctls_set: Family<SysctlLabels, Gauge>,
    tune_problem: Family<ReasonLabels, Gauge>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::with_prefix(PREFIX),
            requests: Requests::default(),
            build: Family::default(),
            verdict: Family::default(),
            cause: Family::default(),
            canary: Family::default(),
            probe: Histogram::new(SECONDS),
            writes: Family::default(),
            withdrawn: Counter::default(),
            events_failed: Counter::default(),
            last_write: Gauge::default(),
            node_created: Family::default(),
            sysctls_set: Family::default(),
            tune_problem: Family::default(),
        };
        metrics.build.get_or_create(&BUILD).set(1);
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        for row in &METRICS {
            let (name, help) = (row.name, row.help);
            match row.metric {
                Metric::BuildInfo => self.registry.register(name, help, self.build.clone()),
                Metric::Cause => self.registry.register(name, help, self.cause.clone()),
                Metric::Canary => self.registry.register(name, help, self.canary.clone()),
                Metric::Requests => self.registry.register(name, help, self.requests.counters()),
                Metric::Verdict => self.registry.register(name, help, self.verdict.clone()),
                Metric::Probe => self.registry.register(name, help, self.probe.clone()),
                Metric::Writes => self.registry.register(name, help, self.writes.clone()),
                Metric::Withdrawn => self.registry.register(name, help, self.withdrawn.clone()),
                Metric::EventsFailed => self.registry.register(name, help, self.events_failed.clone()),
                Metric::LastWrite => self.registry.register(name, help, self.last_write.clone()),
                Metric::NodeCreated => self.registry.register(name, help, self.node_created.clone()),
                Metric::SysctlsSet => self.registry.register(name, help, self.sysctls_set.clone()),
                Metric::TuneProblem => self.registry.register(name, help, self.tune_problem.clone()),
            }
        }
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

    /// The causes of what is published as not ready.
    pub(super) fn causes(&self, published: &BTreeMap<Profile, Ready>, judged: &Verdicts) {
        self.cause.clear();
        for verdict in [&judged.own].into_iter().chain(&judged.others) {
            let is_published = published.get(&verdict.profile) == Some(&Ready::NotReady);
            if let Some(cause) = verdict.decisive().filter(|_| is_published) {
                let labels = CauseLabels { profile: verdict.profile.id(), cause: cause.id() };
                self.cause.get_or_create(&labels).set(1);
            }
        }
    }

    /// How the canaries stand that are deployed here.
    pub(super) fn canaries(&self, canaries: &Canaries) {
        self.canary.clear();
        for (profile, canary) in canaries {
            for state in Canary::STATES {
                let labels = CanaryLabels { profile: profile.id(), state };
                self.canary.get_or_create(&labels).set((state == canary.state()).into());
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

    pub(super) fn withdrew(&self) {
        self.withdrawn.inc();
    }

    /// The age of the Node and its pool: with the verdicts they tell whether the newest nodes of a pool are of any use.
    pub(super) fn pool(&self, node: &View) {
        self.node_created.clear();
        let created = node.created.as_deref().and_then(|created| created.parse::<jiff::Timestamp>().ok());
        if let Some(created) = created {
            let pool = node.pool.as_ref().map(ToString::to_string).unwrap_or_default();
            self.node_created.get_or_create(&PoolLabels { pool }).set(created.as_second());
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

    /// What is judged of a node that allows nobody a user namespace.
    fn no_namespaces() -> Verdicts {
        use crate::check::testing::facts_of;
        use crate::fact::Sysctl;
        let facts = facts_of(&|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0)));
        Verdicts::of(&crate::node::Observation::new(facts, &View::default()), Profile::NoProcessSandbox)
    }

    #[test]
    fn a_cause_is_told_of_what_is_published_as_not_ready_alone() {
        let (metrics, judged) = (Metrics::new(), no_namespaces());
        let causes = |published: &[(Profile, Ready)]| {
            metrics.causes(&published.iter().copied().collect(), &judged);
            let text = metrics.text();
            text.lines().filter(|line| line.starts_with("buildkit_preflight_cause{")).map(str::to_owned).collect::<Vec<_>>()
        };
        let told = "buildkit_preflight_cause{profile=\"no-process-sandbox\",cause=\"userns-max0\"} 1";
        assert_eq!(causes(&[(Profile::NoProcessSandbox, Ready::NotReady)]), [told]);
        assert!(causes(&[(Profile::NoProcessSandbox, Ready::Unknown)]).is_empty());
        assert_eq!(causes(&[(Profile::NoProcessSandbox, Ready::NotReady), (Profile::Privileged, Ready::NotReady)]).len(), 2);
    }

    #[test]
    fn a_canary_has_one_state() {
        let metrics = Metrics::new();
        for canary in [Canary::Awaited, Canary::Answered] {
            metrics.canaries(&Canaries::from([(Profile::ProcMount, canary)]));
        }
        let text = metrics.text();
        for (state, is) in [("answered", 1), ("awaited", 0), ("silent", 0)] {
            let line = format!("buildkit_preflight_canary{{profile=\"procmount\",state=\"{state}\"}} {is}");
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_table_is_what_prometheus_reads() {
        use crate::fact::{Problem, Reason, SysctlChange, Tunable};
        use strum::VariantArray;
        assert_eq!(METRICS.map(|row| row.metric), Metric::VARIANTS);
        let metrics = Metrics::new();
        let published = BTreeMap::from([(Profile::NoProcessSandbox, Ready::NotReady), (Profile::ProcMount, Ready::Ready)]);
        metrics.verdicts(&published);
        metrics.causes(&published, &no_namespaces());
        metrics.canaries(&Canaries::from([(Profile::ProcMount, Canary::Awaited)]));
        metrics.requests.count(&http::Method::PATCH, Some(http::StatusCode::OK));
        metrics.wrote("success");
        metrics.event_failed();
        metrics.withdrew();
        metrics.pool(&View { created: Some("2026-01-01T00:00:00Z".into()), ..View::default() });
        metrics.probe_took(Duration::from_millis(20));
        let at = || "2026-01-01T00:00:00Z".to_owned();
        let change = SysctlChange { sysctl: Tunable::MAX_USER_NAMESPACES, from: 0, to: 1, at: at() };
        let problem = Some(Problem { reason: Reason::Policy, message: String::new(), at: at() });
        metrics.tuned(&Fact::Known(Tuned { changes: vec![change], problem, ..Tuned::new(String::new()) }));
        let text = metrics.text();
        for row in &METRICS {
            let (name, base) = (row.exposed(), format!("{PREFIX}_{}", row.name));
            assert!(text.contains(&format!("# TYPE {base} {}\n", row.kind)), "{base} in\n{text}");
            let line = text.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("{name} in\n{text}"));
            let series = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(series, _)| series);
            let labels = series.split(',').filter_map(|label| label.split_once('=')).map(|(label, _)| label);
            assert_eq!(labels.filter(|label| *label != "le").collect::<Vec<_>>(), row.labels, "{line}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE")).count(), METRICS.len());
    }
}
