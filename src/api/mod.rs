//! The Kubernetes API: the only place that talks to it.
//!
//! An agent needs `patch` of `nodes/status` and `create` of events: [`NodeWriter`]; and where a canary is silent, `list` of pods and
//! events in its own namespace: [`CanaryPods`].
//! [`Nodes`] and [`Pods`] are for an administrator: `cleanup`, `check --cluster`, `render builder --profile auto`.

mod canary_pods;
mod connect;
mod error;
mod node_writer;
mod nodes;
mod pods;

pub use canary_pods::CanaryPods;
pub use connect::{Access, connect};
pub use error::Error;
pub use node_writer::NodeWriter;
pub use nodes::{Nodes, Ours};
pub use pods::Pods;

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
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

/// A request by its method and path, for messages.
fn what(method: &http::Method, path: &str) -> String {
    format!("{method} {}", path.split('?').next().unwrap_or(path))
}

/// A request as it is sent, and what it is for messages.
fn prepare(path: &str, body: &Body) -> Result<(String, http::Request<Vec<u8>>), Error> {
    let (method, media, bytes) = match body {
        Body::Get => (http::Method::GET, "application/json", Vec::new()),
        Body::Post(value) => (http::Method::POST, "application/json", value.to_string().into_bytes()),
        Body::Patch(media, value) => (http::Method::PATCH, *media, value.to_string().into_bytes()),
    };
    let what = what(&method, path);
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, media)
        .header(http::header::USER_AGENT, concat!("buildkit-preflight/", env!("CARGO_PKG_VERSION")))
        .body(bytes);
    match request {
        Ok(request) => Ok((what, request)),
        Err(error) => Err(Error::Unsendable { what, why: error.to_string() }),
    }
}

/// Makes one request and reads what comes back as JSON.
async fn request<T: serde::de::DeserializeOwned>(client: &Client, path: &str, body: Body) -> Result<T, Error> {
    let (what, request) = prepare(path, &body)?;
    let Ok(answer) = tokio::time::timeout(PATIENCE, client.request_text(request)).await else {
        return Err(Error::Silent { what, seconds: PATIENCE.as_secs() });
    };
    let text = answer.map_err(|error| Error::of(what.clone(), error))?;
    serde_json::from_str(&text).map_err(|error| Error::Garbled { what, why: error.to_string() })
}

/// Makes one request whose refusal is an answer as well: status, headers, text.
async fn exchange(client: &Client, path: &str, body: &Body, patience: Duration) -> Result<(StatusCode, HeaderMap, String), Error> {
    let (what, request) = prepare(path, body)?;
    let exchanged = async {
        let (parts, body) = client.send(request.map(kube::client::Body::from)).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok((parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned()))
    };
    match tokio::time::timeout(patience, exchanged).await {
        Ok(answer) => answer.map_err(|error| Error::of(what, error)),
        Err(_) => Err(Error::Silent { what, seconds: patience.as_secs() }),
    }
}
