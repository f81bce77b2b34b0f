use super::error::{chain, said};
use super::{Error, Requests};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long an answer may take. A patch takes milliseconds; an API server that is busy takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many bytes an answer about one object may have: etcd takes none above 1.5 MiB, unless it was told to.
pub(super) const OBJECT: usize = 8 * 1024 * 1024;
/// How many bytes of a refusal are read. Its message says why in its first line; a proxy's page has some KiB.
const REFUSAL: usize = 64 * 1024;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("buildkit-preflight/", env!("CARGO_PKG_VERSION")));

/// A request as [`kube::core::Request`] makes it.
pub(super) type Request = http::Request<Vec<u8>>;

/// An API server: a client of it, and what to call it in messages.
#[derive(Clone)]
pub struct Server {
    client: kube::Client,
    name: Arc<str>,
    #[cfg(feature = "cli")]
    cluster: Option<Arc<str>>,
    requests: Requests,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "for an administrator's requests"))]
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// A request that was refused, with all that was said to it, which may be long.
pub(super) struct Refusal {
    what: String,
    pub(super) code: u16,
    pub(super) message: String,
}

impl From<Refusal> for Error {
    fn from(Refusal { what, code, message }: Refusal) -> Self {
        Error::Refused { what, code, message: said(message) }
    }
}

#[derive(Deserialize)]
struct Status {
    message: String,
}

/// A request by its method and path, for messages.
fn what(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

impl Server {
    /// With a name for messages: the URL, and who said so.
    pub fn new(client: kube::Client, name: impl Into<Arc<str>>) -> Self {
        Server {
            client,
            name: name.into(),
            #[cfg(feature = "cli")]
            cluster: None,
            requests: Requests::default(),
        }
    }

    /// With what a kubeconfig calls the cluster.
    #[cfg(feature = "cli")]
    pub(super) fn of_cluster(self, cluster: &str) -> Self {
        Server { cluster: Some(cluster.into()), ..self }
    }

    /// What a kubeconfig calls the cluster.
    #[cfg(feature = "cli")]
    pub(super) fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// The same, with its requests counted there.
    #[must_use]
    pub fn counted(self, requests: Requests) -> Self {
        Server { requests, ..self }
    }

    /// The client itself, for what is no request and answer.
    #[cfg(feature = "cli")]
    pub(super) fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// The namespace of a pod, or of a kubeconfig's context.
    pub fn namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// The URL, and who said so.
    pub(super) fn name(&self) -> String {
        self.name.to_string()
    }

    /// Makes one request about one object, or a few, and reads what comes back as JSON.
    pub(super) async fn request<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let what = what(&request);
        let text = self.text(request, OBJECT).await?;
        self.parse(what, &text)
    }

    /// Reads an answer as JSON.
    pub(super) fn parse<T: DeserializeOwned>(&self, what: String, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|error| Error::Garbled { what, server: self.name(), why: said(error.to_string()) })
    }

    /// Makes one request, whose answer may have so many bytes.
    pub(super) async fn text(&self, request: Request, most: usize) -> Result<String, Error> {
        Ok(self.answered(request, most).await??)
    }

    /// Makes one request about one object that should be refused: how it was, if it was.
    pub(super) async fn refusal(&self, request: Request) -> Result<Option<Refusal>, Error> {
        let what = what(&request);
        match self.answered(request, OBJECT).await? {
            Ok(text) => self.parse(what, &text).map(|IgnoredAny| None),
            Err(refusal) => Ok(Some(refusal)),
        }
    }

    async fn answered(&self, request: Request, most: usize) -> Result<Result<String, Refusal>, Error> {
        let what = what(&request);
        let Answer { status, text, .. } = self.exchange(request, PATIENCE, most).await?;
        if status.is_success() {
            return Ok(Ok(text));
        }
        Ok(Err(Refusal { what, code: status.as_u16(), message: reason(text) }))
    }

    /// Makes one request whose answer goes on for as long as it likes: what it was, and the answer's body. What begins it is bounded
    /// as all answers are.
    #[cfg(feature = "cli")]
    pub(super) async fn begun(&self, mut request: Request) -> Result<(String, Body), Error> {
        let what = what(&request);
        request.headers_mut().insert(USER_AGENT, AGENT);
        debug!("{what} of {}, whose answer is followed", self.name);
        let sent = tokio::time::timeout(PATIENCE, self.client.send(request.map(Body::from))).await;
        let answer = sent.map_err(|_| Error::Silent { what: what.clone(), server: self.name(), seconds: PATIENCE.as_secs() })?;
        let (parts, body) = answer.map_err(|error| self.unreachable(&what, error))?.into_parts();
        if parts.status.is_success() {
            return Ok((what, body));
        }
        let text = self.read(&what, body, REFUSAL);
        let text = tokio::time::timeout(PATIENCE, text).await;
        let (bytes, _) = text.map_err(|_| Error::Silent { what: what.clone(), server: self.name(), seconds: PATIENCE.as_secs() })??;
        let message = reason(String::from_utf8_lossy(&bytes).into_owned());
        Err(Refusal { what, code: parts.status.as_u16(), message }.into())
    }

    /// Makes one request whose refusal is an answer as well. Of a refusal no more than its beginning is read.
    pub(super) async fn exchange(&self, mut request: Request, patience: Duration, most: usize) -> Result<Answer, Error> {
        let (what, method) = (what(&request), request.method().clone());
        request.headers_mut().insert(USER_AGENT, AGENT);
        let exchanged = async {
            let sent = self.client.send(request.map(Body::from)).await;
            let (parts, body) = sent.map_err(|error| self.unreachable(&what, error))?.into_parts();
            let (bytes, is_all) = self.read(&what, body, if parts.status.is_success() { most } else { REFUSAL }).await?;
            if !is_all && parts.status.is_success() {
                let bound = format!("it has more than {} MiB", most / (1024 * 1024));
                return Err(Error::Endless { what: what.clone(), server: self.name(), bound });
            }
            // Not copied, as long as it is text.
            let text = String::from_utf8(bytes).unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned());
            Ok(Answer { status: parts.status, headers: parts.headers, text })
        };
        let begun = Instant::now();
        let answer = tokio::time::timeout(patience, exchanged).await;
        let elapsed = begun.elapsed().as_millis();
        match &answer {
            Ok(Ok(answer)) => debug!("{what} of {}: {} in {elapsed} ms", self.name, answer.status.as_u16()),
            _ => debug!("{what} of {}: no answer in {elapsed} ms", self.name),
        }
        let answer = answer.unwrap_or_else(|_| Err(Error::Silent { what: what.clone(), server: self.name(), seconds: patience.as_secs() }));
        self.requests.count(&method, answer.as_ref().ok().map(|answer| answer.status));
        answer
    }

    /// Reads the beginning of an answer, of so many bytes; and whether that is all of it.
    async fn read(&self, what: &str, mut body: Body, most: usize) -> Result<(Vec<u8>, bool), Error> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| self.unreachable(what, error))?.into_data() else { continue };
            bytes.extend_from_slice(&data[..data.len().min(most + 1 - bytes.len())]);
            if bytes.len() > most {
                return Ok((bytes, false));
            }
        }
        Ok((bytes, true))
    }

    /// An error of the connection, with all its reasons.
    pub(super) fn unreachable(&self, what: &str, error: kube::Error) -> Error {
        let why = match &error {
            // kube's own words for it say nothing.
            kube::Error::Service(error) => chain(error.as_ref()),
            error => chain(error),
        };
        Error::Unreachable { what: what.to_owned(), server: self.name(), why: said(why) }
    }
}

/// What a refusal says: the message of a Status, else all of it.
pub(super) fn reason(text: String) -> String {
    serde_json::from_str(&text).map_or(text, |status: Status| status.message)
}
