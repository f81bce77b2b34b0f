//! The Kubernetes API: the only place that talks to it.
//!
//! An agent needs `patch` of `nodes/status`, and `create` and `patch` of events: [`NodeWriter`]; and where a canary is silent, `list`
//! of pods and events in its own namespace: [`CanaryPods`].
//! [`Nodes`] and [`Pods`] are for an administrator: `cleanup`, `check --cluster`, `render builder --profile auto`.

mod canary_pods;
mod confinement;
mod connect;
mod error;
mod in_pod;
mod node_writer;
#[cfg(feature = "cli")]
mod nodes;
mod ours;
#[cfg(feature = "cli")]
mod pods;

pub use canary_pods::CanaryPods;
pub use confinement::Tried;
pub use connect::{Access, connect};
pub use error::Error;
pub use node_writer::NodeWriter;
#[cfg(feature = "cli")]
pub use nodes::Nodes;
pub use ours::Ours;
#[cfg(feature = "cli")]
pub use pods::Pods;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use std::time::Duration;

/// How long an answer may take. A patch takes milliseconds; an API server that is busy takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

const AGENT: HeaderValue = HeaderValue::from_static(concat!("buildkit-preflight/", env!("CARGO_PKG_VERSION")));

/// A request as [`kube::core::Request`] makes it.
type Request = http::Request<Vec<u8>>;

/// A request by its method and path, for messages.
fn what(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

/// Makes one request and reads what comes back as JSON.
async fn request<T: serde::de::DeserializeOwned>(client: &Client, mut request: Request) -> Result<T, Error> {
    let what = what(&request);
    request.headers_mut().insert(USER_AGENT, AGENT);
    let Ok(answer) = tokio::time::timeout(PATIENCE, client.request_text(request)).await else {
        return Err(Error::Silent { what, seconds: PATIENCE.as_secs() });
    };
    let text = answer.map_err(|error| Error::of(what.clone(), error))?;
    serde_json::from_str(&text).map_err(|error| Error::Garbled { what, why: error.to_string() })
}

/// Makes one request whose refusal is an answer as well: status, headers, text.
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "for an administrator's requests"))]
async fn exchange(client: &Client, mut request: Request, patience: Duration) -> Result<(StatusCode, HeaderMap, String), Error> {
    let what = what(&request);
    request.headers_mut().insert(USER_AGENT, AGENT);
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

/// Requests about a resource of Kubernetes' own, in a namespace if it lies in one: `of::<Pod>(Some("builds"))`.
fn of<K: kube::Resource<DynamicType = ()>>(namespace: Option<&str>) -> kube::core::Request {
    kube::core::Request::new(K::url_path(&(), namespace))
}
