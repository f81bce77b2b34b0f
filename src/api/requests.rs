//! How many requests were made, by method and answer.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// What tells requests apart: the labels of client-go's own counter of requests, less the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The HTTP method.
    pub method: &'static str,
    /// The HTTP status, or `<error>` where no whole answer came.
    pub code: String,
}

/// Counts requests. Its clones count together.
#[derive(Clone, Debug, Default)]
pub struct Requests(Family<RequestLabels, Counter>);

impl Requests {
    /// The counters, for whoever shows them.
    pub fn counters(&self) -> Family<RequestLabels, Counter> {
        self.0.clone()
    }

    /// Counts one. A method that this program does not use, and a status that HTTP does not know, make no series of their own.
    pub(crate) fn count(&self, method: &http::Method, status: Option<http::StatusCode>) {
        let known = ["GET", "POST", "PATCH", "PUT", "DELETE"].into_iter().find(|known| method.as_str() == *known);
        let code = status.filter(|status| status.canonical_reason().is_some()).map(|status| status.as_u16().to_string());
        let labels = RequestLabels { method: known.unwrap_or("other"), code: code.unwrap_or_else(|| "<error>".into()) };
        self.0.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, StatusCode};

    #[test]
    fn what_no_table_knows_makes_no_series_of_its_own() {
        let requests = Requests::default();
        for status in 100..1000 {
            requests.count(&Method::PATCH, StatusCode::from_u16(status).ok());
        }
        let labels = |code: &str| RequestLabels { method: "PATCH", code: code.into() };
        let count = |code: &str| requests.counters().get(&labels(code)).map(|counter| counter.get());
        assert_eq!((count("200"), count("409"), count("799")), (Some(1), Some(1), None));
        assert!(count("<error>").is_some_and(|errors| errors > 800), "the others are one");
    }
}
