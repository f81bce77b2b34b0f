//! A dashboard in Grafana's classic form, which all versions import.

use serde_json::{Value, json};

/// What a panel shows.
struct Panel {
    title: &'static str,
    kind: &'static str,
    /// Columns of 24, and rows.
    size: (u64, u64),
    unit: &'static str,
    /// An expression, and the name of its series.
    series: &'static [(&'static str, &'static str)],
}

const fn panel(
    title: &'static str,
    kind: &'static str,
    size: (u64, u64),
    unit: &'static str,
    series: &'static [(&'static str, &'static str)],
) -> Panel {
    Panel { title, kind, size, unit, series }
}

/// From left to right, from top to bottom.
const PANELS: &[Panel] = &[
    panel("Ready nodes", "stat", (4, 4), "short", &[(r#"sum(buildkit_preflight_verdict{profile="$profile", verdict="ready"})"#, "ready")]),
    panel(
        "Nodes that are not ready",
        "stat",
        (4, 4),
        "short",
        &[(r#"sum(buildkit_preflight_verdict{profile="$profile", verdict="not-ready"})"#, "not ready")],
    ),
    panel(
        "Nodes of which it is unknown",
        "stat",
        (4, 4),
        "short",
        &[(r#"sum(buildkit_preflight_verdict{profile="$profile", verdict="unknown"})"#, "unknown")],
    ),
    panel(
        "Longest time without a write",
        "stat",
        (4, 4),
        "s",
        &[("max(time() - buildkit_preflight_last_write_timestamp_seconds)", "oldest")],
    ),
    panel(
        "Agents by version",
        "table",
        (8, 4),
        "short",
        &[("count by (version, commit) (buildkit_preflight_build_info)", "{{version}} {{commit}}")],
    ),
    panel(
        "Nodes by verdict",
        "timeseries",
        (12, 8),
        "short",
        &[(r#"sum by (verdict) (buildkit_preflight_verdict{profile="$profile"})"#, "{{verdict}}")],
    ),
    panel(
        "Nodes that are not ready, by cause",
        "timeseries",
        (12, 8),
        "short",
        &[(r#"sum by (cause) (buildkit_preflight_cause{profile="$profile"})"#, "{{cause}}")],
    ),
    panel(
        "Causes, node by node",
        "table",
        (12, 8),
        "short",
        &[(r#"max by (node, cause) (buildkit_preflight_cause{profile="$profile"}) == 1"#, "{{node}} {{cause}}")],
    ),
    panel(
        "Age of each pool's newest node",
        "table",
        (12, 8),
        "s",
        &[("time() - max by (pool) (buildkit_preflight_node_created_timestamp_seconds)", "{{pool}}")],
    ),
    panel(
        "Canaries by state",
        "timeseries",
        (12, 8),
        "short",
        &[("sum by (profile, state) (buildkit_preflight_canary)", "{{profile}} {{state}}")],
    ),
    panel(
        "Duration of a check",
        "timeseries",
        (12, 8),
        "s",
        &[
            ("histogram_quantile(0.5, sum by (le) (rate(buildkit_preflight_probe_duration_seconds_bucket[6h])))", "median"),
            ("histogram_quantile(0.99, sum by (le) (rate(buildkit_preflight_probe_duration_seconds_bucket[6h])))", "99 %"),
        ],
    ),
    panel(
        "Writes of Nodes in an hour",
        "timeseries",
        (12, 8),
        "short",
        &[
            ("sum by (result) (increase(buildkit_preflight_writes_total[1h]))", "{{result}}"),
            ("sum(increase(buildkit_preflight_foreign_words_withdrawn_total[1h]))", "foreign labels taken off"),
            ("sum(increase(buildkit_preflight_events_failed_total[1h]))", "events that failed"),
        ],
    ),
    panel(
        "Requests to the API server in an hour",
        "timeseries",
        (12, 8),
        "short",
        &[("sum by (method, code) (increase(buildkit_preflight_api_requests_total[1h]))", "{{method}} {{code}}")],
    ),
    panel(
        "Nodes with sysctls that tune has set",
        "timeseries",
        (12, 8),
        "short",
        &[("count by (sysctl) (buildkit_preflight_sysctl_set)", "{{sysctl}}")],
    ),
    panel(
        "Nodes where tune has a problem",
        "timeseries",
        (12, 8),
        "short",
        &[("sum by (reason) (buildkit_preflight_tune_problem)", "{{reason}}")],
    ),
];

/// The dashboard, as the file that Grafana imports: it asks for the data source.
pub fn dashboard() -> String {
    let source = json!({"type": "prometheus", "uid": "${DS_PROMETHEUS}"});
    let (mut x, mut y) = (0, 0);
    let panels: Vec<_> = PANELS
        .iter()
        .zip(1..)
        .map(|(panel, id)| {
            let (width, height) = panel.size;
            let json = drawn(panel, id, (x, y), &source);
            x += width;
            if x == 24 {
                (x, y) = (0, y + height);
            }
            json
        })
        .collect();
    let requires = |kind: &str, id: &str, name: &str, version: &str| json!({"type": kind, "id": id, "name": name, "version": version});
    let dashboard = json!({
        "__inputs": [{
            "name": "DS_PROMETHEUS",
            "label": "Prometheus",
            "description": "",
            "type": "datasource",
            "pluginId": "prometheus",
            "pluginName": "Prometheus",
        }],
        "__requires": [
            requires("grafana", "grafana", "Grafana", "10.0.0"),
            requires("datasource", "prometheus", "Prometheus", "1.0.0"),
            requires("panel", "stat", "Stat", ""),
            requires("panel", "table", "Table", ""),
            requires("panel", "timeseries", "Time series", ""),
        ],
        "id": null,
        "uid": "buildkit-preflight",
        "title": "buildkit-preflight",
        "description": "Which nodes can run rootless BuildKit, which can't, and why",
        "tags": ["buildkit", "kubernetes"],
        "editable": true,
        "graphTooltip": 1,
        "refresh": "1m",
        "schemaVersion": 39,
        "version": 1,
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "",
        "templating": {"list": [{
            "name": "profile",
            "label": "Profile",
            "type": "query",
            "datasource": source,
            "definition": "label_values(buildkit_preflight_verdict, profile)",
            "query": {"query": "label_values(buildkit_preflight_verdict, profile)", "refId": "profile"},
            "current": {"text": "no-process-sandbox", "value": "no-process-sandbox"},
            "refresh": 2,
            "sort": 1,
        }]},
        "annotations": {"list": []},
        "panels": panels,
    });
    format!("{dashboard:#}\n")
}

/// A panel as Grafana has it.
fn drawn(panel: &Panel, id: u32, (x, y): (u64, u64), source: &Value) -> Value {
    let instant = panel.kind != "timeseries";
    let target = |(number, (expr, legend)): (usize, &(&str, &str))| {
        json!({
            "refId": char::from(b'A' + u8::try_from(number).unwrap_or(0)).to_string(),
            "datasource": source,
            "expr": expr,
            "legendFormat": legend,
            "instant": instant,
            "range": !instant,
            "format": if panel.kind == "table" { "table" } else { "time_series" },
        })
    };
    json!({
        "id": id,
        "type": panel.kind,
        "title": panel.title,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": panel.size.0, "h": panel.size.1},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": panel.series.iter().enumerate().map(target).collect::<Vec<_>>(),
    })
}
