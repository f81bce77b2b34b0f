use super::proxy::{Kind, Proxy};
use super::user::Authorization;
use crate::api::url::Url;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

type Failure = Box<dyn Error + Send + Sync>;

/// A client, by whatever way it connects.
type Sender = Box<dyn Fn(Request<Body>) -> ResponseFuture + Send>;

/// Makes requests to one server, and shows it who asks.
pub(super) struct Service {
    server: Url,
    authorization: Authorization,
    headers: Vec<(HeaderName, HeaderValue)>,
    send: Sender,
}

impl Service {
    /// `config` says how TLS is made, and how long a connection may take.
    ///
    /// # Errors
    /// What is wrong with the certificates.
    pub(super) fn new(
        server: Url,
        proxy: Option<&Proxy>,
        config: &Config,
        authorization: Authorization,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Self, String> {
        let send = send(proxy, config).map_err(|error| error.to_string())?;
        Ok(Service { server, authorization, headers, send })
    }
}

fn send(proxy: Option<&Proxy>, config: &Config) -> Result<Sender, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let Some(proxy) = proxy else { return over(tcp, config) };
    let uri = proxy.uri.clone();
    match proxy.kind {
        Kind::Http => over(with_user(Tunnel::new(uri, tcp), proxy), config),
        // Its certificate is not the cluster's, but one that the system trusts.
        Kind::Https => over(with_user(Tunnel::new(uri.clone(), Config::new(uri).rustls_https_connector()?), proxy), config),
        Kind::Socks5 => {
            let socks = SocksV5::new(uri, tcp);
            over(
                match proxy.user.clone() {
                    Some((user, password)) => socks.with_auth(user, password),
                    None => socks,
                },
                config,
            )
        }
    }
}

fn with_user<C>(tunnel: Tunnel<C>, proxy: &Proxy) -> Tunnel<C> {
    match proxy.authorization() {
        Some(user) => tunnel.with_auth(user),
        None => tunnel,
    }
}

/// TLS over a connection, where the server's URL asks for it.
fn over<C>(connector: C, config: &Config) -> Result<Sender, kube::Error>
where
    C: tower_service::Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper::rt::Read + hyper::rt::Write + hyper_util::client::legacy::connect::Connection + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<Failure>,
    TimeoutConnector<hyper_rustls::HttpsConnector<C>>: Connect,
{
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
    Ok(Box::new(move |request| client.request(request)))
}

impl tower_service::Service<Request<Body>> for Service {
    type Response = Response<Incoming>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let authorization = match &mut self.authorization {
            Authorization::None => None,
            Authorization::Fixed(value) => Some(value.clone()),
            Authorization::File(file) => Some(file.value()),
        };
        let headers = request.headers_mut();
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let answer = self.server.join(request.uri()).map(|uri| {
            *request.uri_mut() = uri;
            (self.send)(request)
        });
        Box::pin(async move { Ok(answer?.await?) })
    }
}
