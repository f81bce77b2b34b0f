//! The Kubernetes API: the only place that talks to it.
//!
//! An agent needs `patch` of `nodes/status` and `create` of events and nothing else: [`NodeWriter`].
//! [`Nodes`] is for an administrator's `cleanup`.

mod connect;
mod error;
mod node_writer;
mod nodes;

pub use connect::{Access, connect};
pub use error::Error;
pub use node_writer::NodeWriter;
pub use nodes::{Nodes, Ours};

use kube::Client;
use std::time::Duration;

/// How long an answer may take. A patch takes milliseconds; an API server that is busy takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a request carries.
enum Body {
    Get,
    Post(serde_json::Value),
    Patch(&'static str, serde_json::Value),
}

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Makes one request and reads what comes back as JSON.
async fn request<T: serde::de::DeserializeOwned>(client: &Client, path: &str, body: Body) -> Result<T, Error> {
    let (method, media, bytes) = match &body {
        Body::Get => (http::Method::GET, "application/json", Vec::new()),
        Body::Post(value) => (http::Method::POST, "application/json", value.to_string().into_bytes()),
        Body::Patch(media, value) => (http::Method::PATCH, *media, value.to_string().into_bytes()),
    };
    let what = || format!("{method} {}", path.split('?').next().unwrap_or(path));
    let request = http::Request::builder()
        .method(method.clone())
        .uri(path)
        .header(http::header::CONTENT_TYPE, media)
        .header(http::header::USER_AGENT, concat!("buildkit-preflight/", env!("CARGO_PKG_VERSION")))
        .body(bytes);
    let request = request.map_err(|error| Error::Unsendable { what: what(), why: error.to_string() })?;
    let Ok(answer) = tokio::time::timeout(PATIENCE, client.request_text(request)).await else {
        return Err(Error::Silent { what: what(), seconds: PATIENCE.as_secs() });
    };
    let text = answer.map_err(|error| Error::of(what(), error))?;
    serde_json::from_str(&text).map_err(|error| Error::Garbled { what: what(), why: error.to_string() })
}
