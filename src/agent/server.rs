//! `/healthz`, `/readyz` and `/metrics`, over HTTP/1.1.

use super::health::Health;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How many may ask at once. Whoever comes then waits.
const CONNECTIONS: usize = 16;
/// How long a connection may last: kubelet and Prometheus ask one thing and go, or come back.
const LASTING: Duration = Duration::from_secs(30);

pub(super) async fn serve(listener: TcpListener, health: Arc<Health>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, say: the next one may fare better.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let health = health.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&health, request.method(), request.uri().path());
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).max_buf_size(8192).serve_connection(TokioIo::new(stream), service);
            let _ = tokio::time::timeout(LASTING, connection).await;
            drop(place);
        });
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
        (_, "/healthz" | "/readyz" | "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into()),
        _ => (StatusCode::NOT_FOUND, "here are /healthz, /readyz and /metrics\n".into()),
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
        let health = Health::new();
        let ask = |path: &str| answer(&health, &Method::GET, path).status().as_u16();
        assert_eq!((ask("/healthz"), ask("/readyz"), ask("/metrics"), ask("/")), (200, 503, 200, 404));
        health.published();
        assert_eq!(ask("/readyz"), 200);
        health.failed("unconfined", "no policy");
        assert_eq!(answer(&health, &Method::GET, "/readyz").into_body(), "no policy\n");
        assert_eq!(answer(&health, &Method::POST, "/metrics").status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
