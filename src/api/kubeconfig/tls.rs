//! Certificates: whom to trust, and what to show.

use crate::api::file::{CREDENTIAL, contents};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::client::ConfigExt;
use kube::config::{AuthInfo, Cluster, Config, ExecAuthCluster};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::Path;
use std::time::Duration;

/// The variable that names a file with the system's authorities, as OpenSSL and Go know it.
const SYSTEM_AUTHORITIES: &str = "SSL_CERT_FILE";
/// How large that file may be: Debian's has 0.2 MiB.
const LARGEST_BUNDLE: usize = 16 * 1024 * 1024;

/// Whom to trust.
pub(super) struct Authority {
    /// As it was found.
    pem: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    field: &'static str,
}

/// What to show.
pub(super) struct Identity {
    /// Certificates, in PEM, the own one first.
    pub(super) certificates: Vec<u8>,
    /// In PEM.
    pub(super) key: Vec<u8>,
    /// Where the certificates come from.
    pub(super) field: &'static str,
}

/// What is wrong.
pub(super) enum Wrong {
    /// A field of the cluster.
    Cluster(&'static str, String),
    /// The user's certificate, or its key.
    Identity(String),
}

/// A field, and what is wrong with it.
pub(super) type Refused = (&'static str, String);

/// A field that holds something in base64, or else names a file. An empty one is none.
///
/// # Errors
/// The field, and what is wrong with it.
pub(super) fn load(
    (data_field, data): (&'static str, Option<&str>),
    (file_field, file): (&'static str, Option<&str>),
) -> Result<Option<(&'static str, Vec<u8>)>, Refused> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let data: String = data.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(data).map_err(|error| (data_field, format!("this is no base64: {error}")))?;
        return Ok(Some((data_field, bytes)));
    }
    let Some(file) = file.filter(|file| !file.is_empty()) else { return Ok(None) };
    Ok(Some((file_field, contents(Path::new(file), CREDENTIAL).map_err(|why| (file_field, why))?)))
}

/// The authority of a cluster. Certificates that can't be read are left out, as Go does; one must be left.
///
/// # Errors
/// The field, and what is wrong with it.
pub(super) fn authority(cluster: &Cluster) -> Result<Option<Authority>, Refused> {
    let data = ("certificate-authority-data", cluster.certificate_authority_data.as_deref());
    let Some((field, pem)) = load(data, ("certificate-authority", cluster.certificate_authority.as_deref()))? else {
        return Ok(None);
    };
    if cluster.insecure_skip_tls_verify == Some(true) {
        return Err(("insecure-skip-tls-verify", format!("this is set beside {field}: leave one of them out")));
    }
    let is_of_use = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).filter(is_of_use).map(|der| der.to_vec()).collect();
    if certificates.is_empty() {
        return Err((field, "there is no certificate in PEM that can be read".to_owned()));
    }
    Ok(Some(Authority { pem, certificates, field }))
}

/// Whether a user has a certificate to show: then a server without a scheme is one of HTTPS.
pub(super) fn has_certificate(user: &AuthInfo) -> bool {
    [&user.client_certificate, &user.client_certificate_data].into_iter().flatten().any(|text| !text.is_empty())
}

/// What a plugin may ask to be told of the cluster.
pub(super) fn for_plugin(cluster: &Cluster, authority: Option<&Authority>) -> ExecAuthCluster {
    let extensions = cluster.extensions.iter().flatten();
    ExecAuthCluster {
        server: cluster.server.clone(),
        insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
        certificate_authority_data: authority.map(|authority| authority.pem.clone()),
        proxy_url: cluster.proxy_url.clone(),
        tls_server_name: cluster.tls_server_name.clone(),
        // The name that client-go reserves for this.
        config: extensions.into_iter().find(|named| named.name == "client.authentication.k8s.io/exec").map(|named| named.extension.clone()),
    }
}

/// What kube makes TLS of. It is made once here, to know that it can be.
///
/// # Errors
/// What is wrong with the certificates.
pub(super) fn config(
    cluster: &Cluster,
    is_https: bool,
    authority: Option<Authority>,
    identity: Option<&Identity>,
    connect: Duration,
) -> Result<Config, Wrong> {
    // The service joins URLs itself.
    let mut config = Config::new(http::Uri::from_static("https://localhost"));
    config.connect_timeout = Some(connect);
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify == Some(true);
    let field = authority.as_ref().map_or("certificate-authority", |authority| authority.field);
    // Where nothing is to be verified, the system's authorities are not asked for: there may be none.
    let needless = config.accept_invalid_certs || !is_https;
    config.root_cert = authority.map(|authority| authority.certificates).or_else(|| needless.then(Vec::new));
    if let (None, Some(file)) = (&config.root_cert, std::env::var_os(SYSTEM_AUTHORITIES)) {
        // It is read whole for the system's authorities, whatever it is.
        let read = contents(Path::new(&file), LARGEST_BUNDLE);
        read.map_err(|why| Wrong::Cluster("certificate-authority", format!("the environment's {SYSTEM_AUTHORITIES}: {why}")))?;
    }
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    if let Some(name) = config.tls_server_name.clone() {
        ServerName::try_from(name).map_err(|error| Wrong::Cluster("tls-server-name", error.to_string()))?;
    }
    config.rustls_client_config().map_err(|error| Wrong::Cluster(field, why(&error)))?;
    if let Some(identity) = identity {
        config.auth_info.client_certificate_data = Some(STANDARD.encode(&identity.certificates));
        // A line of its own begins with the next file's first line.
        let key = [identity.key.as_slice(), b"\n"].concat();
        config.auth_info.client_key_data = Some(STANDARD.encode(key).into());
        config.rustls_client_config().map_err(|error| Wrong::Identity(why(&error)))?;
    }
    Ok(config)
}

/// What is wrong, without kube's own words for where.
fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::RustlsTls(error) => error.to_string(),
        error => error.to_string(),
    }
}
