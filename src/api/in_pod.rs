//! A pod's own way to the API server: by its service account's token and authority, both of which the kubelet renews.
//!
//! kube's own client takes kubeconfigs, with all that can stand in one (YAML, commands, paths in JSON by regular expressions):
//! a fifth of the program, which a node does not need.

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::Body;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower_service::Service;

/// How old what was read may be. The kubelet writes a new token long before the old one ends.
const FRESH: Duration = Duration::from_secs(60);

type Failure = Box<dyn Error + Send + Sync>;
type Http = Client<TimeoutConnector<HttpsConnector<HttpConnector>>, Body>;

/// Makes requests to one server, and shows it the token.
pub(super) struct InPod {
    config: Config,
    token_file: PathBuf,
    token: HeaderValue,
    /// The text of the authority's file that `http` trusts.
    authority: Vec<u8>,
    http: Http,
    read: Instant,
}

impl InPod {
    /// Reads token and authority where a configuration names them.
    pub(super) fn new(config: Config) -> Result<Self, Failure> {
        let token_file = PathBuf::from(config.auth_info.token_file.as_deref().ok_or("no token file is configured")?);
        let token = token(&token_file)?;
        let authority = authority(&config)?;
        let http = http(&config, &authority)?;
        Ok(InPod { config, token_file, token, authority, http, read: Instant::now() })
    }

    /// Reads both anew. What can't be read stays as it was: a file may be away for a moment.
    fn renew(&mut self) {
        self.read = Instant::now();
        if let Ok(token) = token(&self.token_file) {
            self.token = token;
        }
        if let Ok(authority) = authority(&self.config)
            && authority != self.authority
            && let Ok(http) = http(&self.config, &authority)
        {
            (self.http, self.authority) = (http, authority);
        }
    }
}

impl Service<Request<Body>> for InPod {
    type Response = Response<Incoming>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if self.read.elapsed() >= FRESH {
            self.renew();
        }
        request.headers_mut().insert(AUTHORIZATION, self.token.clone());
        let mut parts = self.config.cluster_url.clone().into_parts();
        parts.path_and_query = request.uri().path_and_query().cloned();
        let http = self.http.clone();
        Box::pin(async move {
            *request.uri_mut() = Uri::from_parts(parts)?;
            Ok(http.request(request).await?)
        })
    }
}

fn token(file: &Path) -> Result<HeaderValue, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut value = HeaderValue::try_from(format!("Bearer {}", text.trim()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn authority(config: &Config) -> Result<Vec<u8>, Failure> {
    let file = config.root_cert_file.as_deref().ok_or("no file with the cluster's certificate authority is configured")?;
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

/// A client that trusts this authority alone.
fn http(config: &Config, authority: &[u8]) -> Result<Http, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate?)?;
    }
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    let mut connector = TimeoutConnector::new(https);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_write_timeout(config.write_timeout);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Takes one request and gives its head.
    async fn heard(server: &TcpListener) -> String {
        let (mut stream, _) = server.accept().await.expect("a connection");
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).await.expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}").await.expect("an answer");
        String::from_utf8_lossy(&head[..length]).into_owned()
    }

    async fn ask(service: &mut InPod, server: &TcpListener) -> String {
        let request = Request::get("/api/v1/nodes?limit=1").body(Body::empty()).expect("a request");
        let (head, answer) = tokio::join!(heard(server), service.call(request));
        assert_eq!(answer.expect("an answer").status(), 200);
        head
    }

    #[tokio::test]
    async fn the_token_is_shown_and_renewed() {
        let server = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = server.local_addr().expect("an address");
        let dir = tempfile::tempdir().expect("temp dir");
        let (token, ca) = (dir.path().join("token"), dir.path().join("ca.crt"));
        std::fs::write(&token, "first\n").expect("write");
        std::fs::write(&ca, "").expect("write");
        let mut config = Config::new(format!("http://{address}/").parse().expect("a URI"));
        config.auth_info.token_file = Some(token.display().to_string());
        config.root_cert_file = Some(ca);
        let mut service = InPod::new(config).expect("a client");

        let head = ask(&mut service, &server).await;
        assert!(head.starts_with("GET /api/v1/nodes?limit=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer first\r\n") && head.contains(&format!("host: {address}")), "{head}");
        std::fs::write(&token, "second").expect("write");
        assert!(ask(&mut service, &server).await.contains("Bearer first\r\n"), "not at each request");
        service.read = Instant::now().checked_sub(FRESH).expect("a minute of uptime");
        assert!(ask(&mut service, &server).await.contains("Bearer second\r\n"));
        std::fs::remove_file(&token).expect("rm");
        service.read = Instant::now().checked_sub(FRESH).expect("a minute of uptime");
        assert!(ask(&mut service, &server).await.contains("Bearer second\r\n"), "the last one that could be read");
    }

    #[test]
    fn what_is_missing_is_named() {
        let config = Config::new("https://127.0.0.1/".parse().expect("a URI"));
        let why = InPod::new(config).err().map(|error| error.to_string());
        assert!(why.is_some_and(|why| why.contains("token")));
    }
}
