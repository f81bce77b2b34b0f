//! Shows a fleet to a browser, live: one address, two paths, nothing that changes anything.

use super::Source;
use super::fleet::report;
use super::format::page;
use crate::api::Agents;
use crate::cli::exit::READY;
use crate::cli::{Error, output};
use crate::fleet::status::FleetReport;
use crate::report::PageOptions;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How often a page asks again.
const EVERY: u64 = 5;
/// How long nodes are not listed again, however many pages ask: nine times as long as the list took, as with --watch.
const LEAST: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(300);
/// How many connections are open at once, and how long a request's head may take to come.
const CONNECTIONS: usize = 32;
const HEAD: Duration = Duration::from_secs(5);

/// Where to listen: a port alone means this machine alone.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "an address is a port, which means 127.0.0.1, or IP:PORT, such as 8080 or 127.0.0.1:8080".to_owned())
}

/// What is shown now.
struct Shown {
    html: Bytes,
    json: Bytes,
    /// Changes with what is shown.
    tag: String,
}

type Ask = mpsc::Sender<oneshot::Sender<Arc<Shown>>>;

/// Goes on until a signal.
pub(super) async fn serve(agents: &Agents, source: &Source, address: SocketAddr) -> Result<u8, Error> {
    let ends = |kind| signal(kind).map_err(|error| Error::Io(format!("could not wait for signals: {error}")));
    let (mut interrupt, mut terminate) = (ends(SignalKind::interrupt())?, ends(SignalKind::terminate())?);
    let work = async {
        let mut reader = Reader::new(agents, source).await?;
        let listener = TcpListener::bind(address).await.map_err(|error| Error::Io(format!("could not listen on {address}: {error}")))?;
        let at = listener.local_addr().map_err(|error| Error::Io(format!("could not listen on {address}: {error}")))?;
        if !at.ip().is_loopback() {
            output::say(
                "warning: ",
                &format!("{at} asks for no password: anybody who reaches it sees the names and messages of all nodes"),
            );
        }
        output::print_more(&format!("the page is at http://{at}/ and its data at http://{at}/fleet.json until Ctrl+C\n"))?;
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<Arc<Shown>>>(CONNECTIONS);
        // One after the other: so there is never more than one list.
        let answering = async {
            while let Some(answer) = asked.recv().await {
                let _ = answer.send(reader.now().await?);
            }
            Ok::<_, Error>(())
        };
        tokio::select! {
            done = answering => done,
            () = accept(&listener, &ask) => Ok(()),
        }
    };
    tokio::select! {
        done = work => done.map(|()| READY),
        _ = interrupt.recv() => Ok(READY),
        _ = terminate.recv() => Ok(READY),
    }
}

/// Reads the cluster when it is asked to, and not too often.
struct Reader<'a> {
    agents: &'a Agents,
    source: &'a Source,
    report: FleetReport,
    shown: Arc<Shown>,
    number: u64,
    next: Instant,
}

impl<'a> Reader<'a> {
    async fn new(agents: &'a Agents, source: &'a Source) -> Result<Self, Error> {
        let began = Instant::now();
        let report = report(agents, source).await?;
        let shown = Arc::new(shown(&report, None, 0)?);
        Ok(Reader { agents, source, report, shown, number: 0, next: next(began) })
    }

    /// What is known now. Where the cluster does not answer, that is what was known before, and says so.
    async fn now(&mut self) -> Result<Arc<Shown>, Error> {
        let began = Instant::now();
        if began < self.next {
            return Ok(self.shown.clone());
        }
        let notice = match report(self.agents, self.source).await {
            Ok(report) => {
                self.report = report;
                None
            }
            Err(error) => Some(format!("The cluster does not answer, so this is what was read at {}: {error}", self.report.head.time)),
        };
        self.number += 1;
        self.shown = Arc::new(shown(&self.report, notice, self.number)?);
        self.next = next(began);
        Ok(self.shown.clone())
    }
}

/// When nodes may be listed again.
fn next(began: Instant) -> Instant {
    Instant::now() + (began.elapsed() * 9).clamp(LEAST, MOST)
}

fn shown(report: &FleetReport, notice: Option<String>, number: u64) -> Result<Shown, Error> {
    let html = page(report, &PageOptions { live: Some(EVERY), notice })?;
    let json = serde_json::to_string(report).map_err(|error| Error::Io(format!("could not write the report: {error}")))?;
    // A server that starts anew begins to count anew.
    let tag = format!("\"{}-{number}\"", std::process::id());
    Ok(Shown { html: html.into(), json: crate::text::json(json).into(), tag })
}

async fn accept(listener: &TcpListener, ask: &Ask) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: the next one may fare better.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let ask = ask.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let ask = ask.clone();
                async move { Ok::<_, Infallible>(answer(&request, &ask).await) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false).max_buf_size(16 * 1024);
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

async fn answer(request: &Request<Incoming>, ask: &Ask) -> Response<Full<Bytes>> {
    let refused = |status, text: &'static str| response(status, "text/plain; charset=utf-8", text.into());
    if !is_called_by_address(request.headers()) {
        return refused(StatusCode::FORBIDDEN, "refused: use the IP address of this server, or localhost, instead of a name\n");
    }
    let path = request.uri().path();
    if !matches!(path, "/" | "/fleet.json") {
        return refused(StatusCode::NOT_FOUND, "not found; try / or /fleet.json\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = refused(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let (tell, told) = oneshot::channel();
    let shown = match ask.send(tell).await {
        Ok(()) => told.await.ok(),
        Err(_) => None,
    };
    let Some(shown) = shown else { return refused(StatusCode::SERVICE_UNAVAILABLE, "this server is ending\n") };
    let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == shown.tag.as_bytes());
    let mut response = match path {
        _ if is_known => response(StatusCode::NOT_MODIFIED, "text/html; charset=utf-8", Bytes::new()),
        "/" => response(StatusCode::OK, "text/html; charset=utf-8", shown.html.clone()),
        _ => response(StatusCode::OK, "application/json", shown.json.clone()),
    };
    if let Ok(tag) = HeaderValue::from_str(&shown.tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Whether a browser came here by an address or as localhost. A name that somebody else owns may be made to lead here, and his page
/// would read this one.
fn is_called_by_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    name.eq_ignore_ascii_case("localhost") || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

/// The page's own policy stands in it; what only a header can say stands here.
fn response(status: StatusCode, media: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let policy = if media.starts_with("text/html") { "frame-ancestors 'none'" } else { "default-src 'none'; frame-ancestors 'none'" };
    let headers = [
        (header::CONTENT_TYPE, media),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_means_this_machine() {
        assert_eq!(address("8080"), Ok(([127, 0, 0, 1], 8080).into()));
        assert_eq!(address("0.0.0.0:0"), Ok(([0, 0, 0, 0], 0).into()));
        assert!(address("[::1]:80").is_ok());
        for other in ["", ":8080", "localhost:8080", "70000", "10.0.0.1"] {
            assert!(address(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_name_of_somebody_else_is_refused() {
        let is_taken = |host: &'static str| is_called_by_address(&[(header::HOST, HeaderValue::from_static(host))].into_iter().collect());
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "10.0.0.7"] {
            assert!(is_taken(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example", "", "a b"] {
            assert!(!is_taken(host), "{host}");
        }
        assert!(!is_called_by_address(&HeaderMap::new()));
    }
}
