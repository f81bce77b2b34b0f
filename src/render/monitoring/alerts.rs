//! The alerts. tests/neighbours/alerts.yaml has a case for each.

use crate::fleet::IN_A_ROW;

/// An alert of Prometheus.
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) expr: String,
    /// How long it must be so.
    pub(super) lasts: &'static str,
    pub(super) severity: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
}

/// All of them.
pub(super) fn alerts() -> Vec<Alert> {
    vec![
        Alert {
            name: "BuildKitPoolIsBarren",
            expr: format!(
                "count by (pool) (\n  topk by (pool) ({IN_A_ROW}, buildkit_preflight_node_created_timestamp_seconds{{pool!=\"\"}})\n  \
                 and on (instance)\n  buildkit_preflight_verdict{{profile=\"no-process-sandbox\", verdict=\"not-ready\"}} == 1\n) == {IN_A_ROW}"
            ),
            lasts: "1m",
            severity: "warning",
            summary: "The newest nodes of the pool {{ $labels.pool }} can't run rootless builders",
            description: "All of the newest nodes of the pool are proven not ready. `kubectl describe node` says why. Stop the pool until \
                          that is fixed: an autoscaler may make more of them",
        },
        Alert {
            name: "BuildKitNoNodeIsReady",
            expr: "sum by (profile) (buildkit_preflight_verdict{profile=\"no-process-sandbox\", verdict=\"ready\"}) == 0".into(),
            lasts: "15m",
            severity: "critical",
            summary: "No node is ready for builders of the profile {{ $labels.profile }}",
            description: "Builders stay Pending. `kubectl describe node` says of each node why it is not ready",
        },
        Alert {
            name: "BuildKitNodeIsNotReady",
            expr: "buildkit_preflight_verdict{profile=\"no-process-sandbox\", verdict=\"not-ready\"} == 1".into(),
            lasts: "15m",
            severity: "info",
            summary: "The node {{ $labels.node }} can't run rootless builders",
            description: "`kubectl describe node` says why, and what to do",
        },
        Alert {
            name: "BuildKitPreflightIsStale",
            expr: "time() - buildkit_preflight_last_write_timestamp_seconds > 3 * 3600".into(),
            lasts: "10m",
            severity: "warning",
            summary: "The agent on the node {{ $labels.node }} has not published for three hours",
            description: "What stands on the Node may be untrue. The agent's log says why it can't publish",
        },
        Alert {
            name: "BuildKitPreflightWritesFail",
            expr: "sum by (node, result) (increase(buildkit_preflight_writes_total{result!=\"success\"}[1h])) > 5".into(),
            lasts: "5m",
            severity: "warning",
            summary: "The agent on the node {{ $labels.node }} fails to publish ({{ $labels.result }})",
            description: "The agent's log has the error. `unconfined` means that the admission policies are missing or of another version",
        },
        Alert {
            name: "BuildKitPreflightApiFails",
            expr: "sum by (node) (increase(buildkit_preflight_api_requests_total{code=~\"<error>|429|5..\"}[1h])) > 20".into(),
            lasts: "5m",
            severity: "warning",
            summary: "The API server does not answer the agent on the node {{ $labels.node }} as it should",
            description: "More than 20 requests in an hour had no answer, or one of 429 or 5xx. The agent makes some ten in an hour",
        },
        Alert {
            name: "BuildKitPreflightLabelsAreForeign",
            expr: "sum by (node) (increase(buildkit_preflight_foreign_words_withdrawn_total[1h])) > 3".into(),
            lasts: "5m",
            severity: "warning",
            summary: "Others keep writing the agent's labels on the node {{ $labels.node }}",
            description: "The agent takes them off each time. `kubectl get node -o yaml --show-managed-fields` names who writes them",
        },
        Alert {
            name: "BuildKitCanaryIsSilent",
            expr: "buildkit_preflight_canary{state=\"silent\"} == 1".into(),
            lasts: "15m",
            severity: "warning",
            summary: "The canary of {{ $labels.profile }} on the node {{ $labels.node }} does not answer",
            description: "The condition of that profile on the Node says the state of the canary's pod",
        },
        Alert {
            name: "BuildKitTuneHasAProblem",
            expr: "buildkit_preflight_tune_problem == 1".into(),
            lasts: "15m",
            severity: "warning",
            summary: "A sysctl stays too low on the node {{ $labels.node }} ({{ $labels.reason }})",
            description: "The log of the container `tune` says which one and why",
        },
    ]
}
