//! Requests to the API server, and to the health endpoints of the cluster's other parts.

use crate::certificates::Certificates;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Request;
use ureq::http::request::Builder;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body};

const SERVER: &str = "https://127.0.0.1:6443";

pub(crate) struct Api {
    /// With the certificate of the cluster's administrator.
    admin: Agent,
    /// With a token, or as nobody.
    bearer: Agent,
    /// For servers whose certificates are their own.
    any: Agent,
}

impl Api {
    pub(crate) fn new(certificates: &Certificates) -> Self {
        let read = |file: &str| fs::read(certificates.path(file)).expect("a certificate");
        let root = RootCerts::Specific(Arc::new(vec![Certificate::from_pem(&read("ca.crt")).expect("a certificate")]));
        let certificate = Certificate::from_pem(&read("admin.crt")).expect("a certificate").to_owned();
        let key = PrivateKey::from_pem(&read("admin.key")).expect("a key");
        let admin = ClientCert::new_with_certs(&[certificate], key);
        let agent = |tls: TlsConfig| {
            let config = Agent::config_builder().tls_config(tls).proxy(None).http_status_as_error(false).allow_non_standard_methods(true);
            config.timeout_global(Some(Duration::from_secs(30))).build().into()
        };
        Api {
            admin: agent(TlsConfig::builder().root_certs(root.clone()).client_cert(Some(admin)).build()),
            bearer: agent(TlsConfig::builder().root_certs(root).build()),
            any: agent(TlsConfig::builder().disable_verification(true).build()),
        }
    }

    /// Sends a request: with a token, or as the administrator. Gives status and body.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        content_type: &str,
        body: &str,
    ) -> Result<(u16, String), String> {
        let mut request = Request::builder().method(method).uri(format!("{SERVER}{path}")).header("Content-Type", content_type);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        send(if token.is_some() { &self.bearer } else { &self.admin }, request, body)
    }

    /// Sends a request without saying who asks.
    pub(crate) fn request_as_nobody(&self, method: &str, url: &str, content_type: &str, body: &str) -> Result<(u16, String), String> {
        send(&self.any, Request::builder().method(method).uri(url).header("Content-Type", content_type), body)
    }

    /// A watch, read as it comes in.
    pub(crate) fn stream(&self, path: &str) -> Result<impl std::io::Read + use<>, String> {
        let sent = self.admin.get(format!("{SERVER}{path}")).call().map_err(|error| error.to_string())?;
        match sent.status().as_u16() {
            200 => Ok(sent.into_body().into_reader()),
            status => Err(format!("status {status}")),
        }
    }

    /// Gets anything, without saying who asks.
    pub(crate) fn fetch(&self, url: &str) -> Result<(u16, String), String> {
        self.fetch_as(url, None)
    }

    /// The same with a header that says who asks.
    pub(crate) fn fetch_as(&self, url: &str, authorization: Option<&str>) -> Result<(u16, String), String> {
        let request = self.any.get(url).header("Accept", "application/vnd.oci.image.manifest.v1+json, */*");
        answer(authorization.into_iter().fold(request, |request, value| request.header("Authorization", value)).call())
    }
}

fn send(agent: &Agent, request: Builder, body: &str) -> Result<(u16, String), String> {
    answer(if body.is_empty() {
        agent.run(request.body(()).map_err(|error| error.to_string())?)
    } else {
        agent.run(request.body(body).map_err(|error| error.to_string())?)
    })
}

fn answer(sent: Result<ureq::http::Response<Body>, ureq::Error>) -> Result<(u16, String), String> {
    let mut response = sent.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok((status, text))
}
