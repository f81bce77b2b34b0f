//! Certificates of a builder and its clients. This is the one place with chance and a clock; `render` has them as texts.

use crate::cli::Error;
use crate::render::{Pair, Tls};
use jiff::civil::Date;
use jiff::{ToSpan, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// How many days certificates are valid. Whoever renews them makes new pods; longer ones nobody would remember to renew.
const DAYS: i32 = 730;

/// Makes a CA, and certificates that it signs: of the daemon by all names that clients have for it, and of a client. The CA's key is
/// dropped.
pub(super) fn make(names: Vec<String>) -> Result<Tls, Error> {
    issued(names, Zoned::now().date()).map_err(|error| Error::Io(format!("could not make certificates: {error}")))
}

fn issued(names: Vec<String>, today: Date) -> Result<Tls, rcgen::Error> {
    // A clock elsewhere may be late.
    let (from, until) = (today.saturating_sub(1.day()), today.saturating_add(DAYS.days()));
    let mut ca = params("buildkit CA", Vec::new(), from, until)?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate()?)?;
    let signed = |name: &str, names: Vec<String>, usage| {
        let mut params = params(name, names, from, until)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &ca)?;
        Ok::<_, rcgen::Error>(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    };
    Ok(Tls {
        ca: ca.pem(),
        server: signed("buildkitd", names, ExtendedKeyUsagePurpose::ServerAuth)?,
        client: signed("buildkit client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?,
        until: until.to_string(),
    })
}

fn params(name: &str, names: Vec<String>, from: Date, until: Date) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    let at = |date: Date| date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
    (params.not_before, params.not_after) = (at(from), at(until));
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
    use std::sync::Arc;

    fn today() -> Date {
        Zoned::now().date()
    }

    fn chain(pem: &str) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")]
    }

    fn key(pem: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("a key")
    }

    fn roots(pem: &str) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(chain(pem).remove(0)).expect("a CA");
        Arc::new(roots)
    }

    /// Whether daemon and client trust each other, as buildkitd asks for it.
    fn shake(daemon: &Tls, client: &Pair, trusted: &str, name: &'static str) -> Result<(), rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots(&daemon.ca), Arc::clone(&provider)).build();
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().expect("versions");
        let server = server.with_client_cert_verifier(verifier.expect("a verifier"));
        let server = server.with_single_cert(chain(&daemon.server.certificate), key(&daemon.server.key)).expect("a pair");
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let config = config.with_root_certificates(roots(trusted));
        let config = config.with_client_auth_cert(chain(&client.certificate), key(&client.key)).expect("a pair");
        let mut client = ClientConnection::new(Arc::new(config), ServerName::try_from(name).expect("a name"))?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut sent = Vec::new();
            client.write_tls(&mut sent).expect("a vector");
            server.read_tls(&mut sent.as_slice()).expect("a slice");
            server.process_new_packets()?;
            let mut answered = Vec::new();
            server.write_tls(&mut answered).expect("a vector");
            client.read_tls(&mut answered.as_slice()).expect("a slice");
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn daemon_and_client_trust_each_other_and_nobody_else() {
        let names = || crate::render::server_names("buildkitd", Some("ci"));
        let (ours, others) = (issued(names(), today()).expect("certificates"), issued(names(), today()).expect("certificates"));
        for name in ["buildkitd", "buildkitd.ci", "buildkitd.ci.svc", "buildkitd.ci.svc.cluster.local", "localhost", "127.0.0.1"] {
            shake(&ours, &ours.client, &ours.ca, name).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        shake(&ours, &ours.client, &ours.ca, "buildkitd.other").expect_err("another name");
        shake(&ours, &others.client, &ours.ca, "buildkitd").expect_err("a client of another CA");
        shake(&ours, &ours.client, &others.ca, "buildkitd").expect_err("a daemon of another CA");
        shake(&ours, &ours.server, &ours.ca, "buildkitd").expect_err("the daemon's certificate is no client's");
    }

    #[test]
    fn they_are_valid_as_long_as_is_said() {
        let long_ago = issued(vec!["buildkitd".into()], today().saturating_sub((DAYS + 1).days())).expect("certificates");
        shake(&long_ago, &long_ago.client, &long_ago.ca, "buildkitd").expect_err("they have expired");
        let last_day = issued(vec!["buildkitd".into()], today().saturating_sub((DAYS - 1).days())).expect("certificates");
        shake(&last_day, &last_day.client, &last_day.ca, "buildkitd").expect("still valid");
        assert_eq!(last_day.until, today().saturating_add(1.day()).to_string());
    }
}
