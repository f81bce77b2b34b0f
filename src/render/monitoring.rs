//! What watches the agents: a PodMonitor and a PrometheusRule for the Prometheus Operator, and a dashboard for Grafana.

mod alerts;
mod dashboard;

pub use dashboard::dashboard;

use super::Error;
use super::template::Templates;
use minijinja::context;

/// The list of their files, for kustomize.
pub const MONITORING_KUSTOMIZATION: &str = include_str!("monitoring/kustomization.yaml");

/// The objects for the Prometheus Operator, by file.
///
/// # Errors
/// Says which template is wrong.
pub fn monitoring(namespace: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let (templates, alerts) = (Templates::new()?, alerts::alerts());
    let alerts: Vec<_> = alerts
        .iter()
        .map(|alert| {
            context! {
                name => alert.name,
                expr => format!("{}\n", alert.expr),
                lasts => alert.lasts,
                severity => alert.severity,
                summary => alert.summary,
                description => alert.description,
            }
        })
        .collect();
    let values = context! { namespace, alerts };
    Ok(vec![
        ("pod-monitor.yaml", templates.manifest("monitoring/pod-monitor.yaml", &values)?),
        ("prometheus-rule.yaml", templates.manifest("monitoring/prometheus-rule.yaml", &values)?),
    ])
}
