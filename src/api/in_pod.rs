//! A pod's own way to the API server: by its service account's token and authority, both of which the kubelet renews.
//!
//! kube's own client takes kubeconfigs, with all that can stand in one (YAML, commands, paths in JSON by regular expressions):
//! a fifth of the program, which a node does not need. Nor does it need a proxy: the API server's address in a pod is the
//! cluster's own, so `HTTPS_PROXY` is not heeded here.

use super::file::{CREDENTIAL, contents};
use super::token::{FRESH, TokenFile};
use super::url::Url;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
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

/// Where the kubelet puts what proves who a pod is.
pub(super) const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

type Failure = Box<dyn Error + Send + Sync>;
type Http = Client<TimeoutConnector<HttpsConnector<HttpConnector>>, Body>;

/// Makes requests to one server, and shows it the token.
pub(super) struct InPod {
    server: Url,
    token: TokenFile,
    authority_file: PathBuf,
    /// The text of the authority's file that `http` trusts.
    authority: Vec<u8>,
    http: Http,
    connect: Duration,
    read: Instant,
}

impl InPod {
    /// Reads token and authority from a directory as the kubelet makes one. `connect` is how long a connection may take to be made.
    ///
    /// # Errors
    /// What can't be read, with the file's name.
    pub(super) fn new(server: Url, directory: &Path, connect: Duration) -> Result<Self, String> {
        let token = TokenFile::new(directory.join("token"))?;
        let authority_file = directory.join("ca.crt");
        let authority = contents(&authority_file, CREDENTIAL)?;
        let http = http(&authority, connect).map_err(|why| format!("{}: {why}", authority_file.display()))?;
        Ok(InPod { server, token, authority_file, authority, http, connect, read: Instant::now() })
    }

    /// Reads the authority anew. What can't be read stays as it was: a file may be away for a moment.
    fn renew(&mut self) {
        self.read = Instant::now();
        if let Ok(authority) = contents(&self.authority_file, CREDENTIAL)
            && authority != self.authority
            && let Ok(http) = http(&authority, self.connect)
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
        request.headers_mut().insert(AUTHORIZATION, self.token.value());
        let uri = self.server.join(request.uri());
        let http = self.http.clone();
        Box::pin(async move {
            *request.uri_mut() = uri?;
            Ok(http.request(request).await?)
        })
    }
}

/// Where the kubelet says that the API server is.
///
/// # Errors
/// The variable that is missing, or says nothing of use.
pub(super) fn server(variable: impl Fn(&str) -> Option<String>) -> Result<Url, String> {
    let of = |name: &str| variable(name).filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is not set"));
    let (host, port) = (of(HOST)?, of(PORT)?);
    let port: u16 = port.parse().map_err(|_| format!("{PORT} is {port:?}, which is no port"))?;
    let address = host.parse().map_or_else(|_| format!("{host}:{port}"), |ip| std::net::SocketAddr::new(ip, port).to_string());
    if host.contains(['/', '?', '#', '@']) {
        return Err(format!("{HOST} is {host:?}, which is no host"));
    }
    Url::with_scheme(&format!("https://{address}")).map_err(|why| format!("{HOST} is {host:?}: {why}"))
}

/// A client that trusts this authority alone.
fn http(authority: &[u8], connect: Duration) -> Result<Http, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    }
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    let mut connector = TimeoutConnector::new(https);
    connector.set_connect_timeout(Some(connect));
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
        let token = dir.path().join("token");
        std::fs::write(&token, "first\n").expect("write");
        std::fs::write(dir.path().join("ca.crt"), "").expect("write");
        let url = Url::with_scheme(&format!("http://{address}/")).expect("a URL");
        let mut service = InPod::new(url, dir.path(), Duration::from_secs(5)).expect("a client");

        let head = ask(&mut service, &server).await;
        assert!(head.starts_with("GET /api/v1/nodes?limit=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Bearer first\r\n") && head.contains(&format!("host: {address}")), "{head}");
        std::fs::write(&token, "second").expect("write");
        assert!(ask(&mut service, &server).await.contains("Bearer first\r\n"), "not at each request");
        service.token.read = Instant::now().checked_sub(FRESH).expect("a minute of uptime");
        assert!(ask(&mut service, &server).await.contains("Bearer second\r\n"));
        std::fs::remove_file(&token).expect("rm");
        service.token.read = Instant::now().checked_sub(FRESH).expect("a minute of uptime");
        assert!(ask(&mut service, &server).await.contains("Bearer second\r\n"), "the last one that could be read");
    }

    #[test]
    fn what_is_missing_or_of_no_use_is_named() {
        let url = || Url::with_scheme("https://127.0.0.1").expect("a URL");
        let make = |token: &str, authority: &str| {
            let dir = tempfile::tempdir().expect("temp dir");
            std::fs::write(dir.path().join("token"), token).expect("write");
            std::fs::write(dir.path().join("ca.crt"), authority).expect("write");
            InPod::new(url(), dir.path(), Duration::from_secs(5)).err().unwrap_or_default()
        };
        assert_eq!(make("t\n", ""), "");
        for (token, authority, file) in [
            ("", "", "token"),
            ("t\nu", "", "token"),
            ("t\u{1b}", "", "token"),
            (&"t".repeat(CREDENTIAL + 1), "", "token"),
            ("t", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", "ca.crt"),
            ("t", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ca.crt"),
            ("t", &"x".repeat(CREDENTIAL + 1), "ca.crt"),
        ] {
            let why = make(token, authority);
            assert!(why.contains(&format!("/{file}: ")), "{file}: {why}");
        }
        let why = InPod::new(url(), Path::new("/nowhere"), Duration::from_secs(5)).err();
        assert!(why.is_some_and(|why| why.contains("/nowhere/token")));
    }

    #[test]
    fn the_server_is_where_the_kubelet_says() {
        let of = |host: Option<&str>, port: Option<&str>| {
            server(|name| if name == HOST { host.map(str::to_owned) } else { port.map(str::to_owned) }).map(|url| url.to_string())
        };
        for (host, port, url) in [
            ("10.96.0.1", "443", "https://10.96.0.1:443"),
            ("fd00::1", "6443", "https://[fd00::1]:6443"),
            ("kubernetes.default.svc", "443", "https://kubernetes.default.svc:443"),
        ] {
            assert_eq!(of(Some(host), Some(port)).as_deref(), Ok(url));
        }
        for (host, port, named) in [
            (None, Some("443"), HOST),
            (Some(""), Some("443"), HOST),
            (Some("10.0.0.1"), None, PORT),
            (Some("10.0.0.1"), Some("99999"), PORT),
            (Some("10.0.0.1"), Some("tcp://10.0.0.1:443"), PORT),
            (Some("a b"), Some("443"), HOST),
            (Some("a\n"), Some("443"), HOST),
            (Some("[::1"), Some("443"), HOST),
            (Some("a/b"), Some("443"), HOST),
        ] {
            let why = of(host, port).expect_err("refused");
            assert!(why.contains(named), "{host:?} {port:?}: {why}");
        }
    }
}
