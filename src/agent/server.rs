//! `/healthz`, `/readyz` and `/metrics`, over HTTP/1.1.

use super::health::Health;
use super::{Error, PORT};
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How many may ask at once. Whoever comes then takes the place of the one that has been there longest: one that
/// asks slowly, or nothing, must not keep the kubelet out.
const CONNECTIONS: usize = 64;
/// How long a request's head may take to come, and a connection to last.
const HEAD: Duration = Duration::from_secs(2);
const LASTING: Duration = Duration::from_secs(10);

/// Listens on an address, or on all of them: of both families where the kernel has IPv6, else of IPv4.
pub(super) async fn bind(address: Option<SocketAddr>) -> Result<TcpListener, Error> {
    let all = |ip: IpAddr| SocketAddr::new(ip, PORT);
    let addresses = address.map_or_else(|| vec![all(Ipv6Addr::UNSPECIFIED.into()), all(Ipv4Addr::UNSPECIFIED.into())], |one| vec![one]);
    let mut failed = None;
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(source) => failed = Some(Error::Listen { address, source }),
        }
    }
    Err(failed.unwrap_or_else(|| std::io::Error::other("no address to listen on").into()))
}

pub(super) async fn serve(listener: TcpListener, health: Arc<Health>) {
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: the next one may fare better.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let health = health.clone();
        open.push_back(tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&health, request.method(), request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false).max_buf_size(8192);
            let _ = tokio::time::timeout(LASTING, http.serve_connection(TokioIo::new(stream), service)).await;
        }));
    }
}

fn answer(health: &Health, method: &Method, path: &str) -> Response<String> {
    let said = |result: Result<(), String>| match result {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    };
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/healthz") => said(health.live()),
        (&Method::GET | &Method::HEAD, "/readyz") => said(health.ready()),
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, health.metrics.text()),
        (_, "/healthz" | "/readyz" | "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed\n".into()),
        _ => (StatusCode::NOT_FOUND, "not found; try /healthz, /readyz or /metrics\n".into()),
    };
    let media = if path == "/metrics" { "application/openmetrics-text; version=1.0.0; charset=utf-8" } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_has_not_published_is_alive_and_not_ready() {
        let health = Health::new(Duration::ZERO);
        let ask = |path: &str| answer(&health, &Method::GET, path).status().as_u16();
        assert_eq!((ask("/healthz"), ask("/readyz"), ask("/metrics"), ask("/")), (200, 503, 200, 404));
        health.published();
        assert_eq!(ask("/readyz"), 200);
        health.failed("unconfined", "no policy");
        assert_eq!(answer(&health, &Method::GET, "/readyz").into_body(), "no policy\n");
        assert_eq!(answer(&health, &Method::POST, "/metrics").status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
