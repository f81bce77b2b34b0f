//! The files that buildkitd is told in: read within bounds, and refused where buildkitd would not start with them.

use crate::cli::Error;
use crate::read::{self, Named, PATIENCE};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;

/// A ConfigMap holds a MiB, both files together; a bundle of all public CAs takes a fifth of it.
const LARGEST: u64 = 500_000;

/// Keys of buildkitd.toml that the manifest decides, and how to decide them.
const DECIDED: &[(&[&str], &str)] = &[
    (&["root"], "the state is where the volume is mounted"),
    (&["grpc", "address"], "the Service and the probes need the addresses of the manifest"),
    (&["grpc", "tls"], "use --tls: the probes and the Secrets hang on it"),
    (&["grpc", "uid"], "the socket belongs to the image's user"),
    (&["grpc", "gid"], "the socket belongs to the image's user"),
    (&["worker", "oci", "enabled"], "a builder without it has no worker"),
    (&["worker", "oci", "rootless"], "choose by --profile"),
    (&["worker", "oci", "noProcessSandbox"], "choose by --profile"),
    (&["worker", "oci", "snapshotter"], "use --snapshotter: the guard has to know it"),
];

/// Reads buildkitd.toml.
pub(super) fn toml(path: &Path) -> Result<String, Error> {
    let text = text(Named::BuildkitConfig, path)?;
    toml_fault(&text).map_or(Ok(text), |why| Err(bad(Named::BuildkitConfig, path, &why)))
}

/// Reads a bundle of certificates.
pub(super) fn certificates(path: &Path) -> Result<String, Error> {
    let text = text(Named::RegistryCa, path)?;
    certificates_fault(&text).map_or(Ok(text), |why| Err(bad(Named::RegistryCa, path, &why)))
}

fn bad(named: Named, path: &Path, why: &str) -> Error {
    Error::BadInput { message: format!("{}: {why}", path.display()), hint: Some(named.hint().into()) }
}

fn text(named: Named, path: &Path) -> Result<String, Error> {
    let bytes = read::file(named, path, LARGEST, PATIENCE)?;
    let text = String::from_utf8(bytes).map_err(|_| bad(named, path, "it is not text in UTF-8"))?;
    if text.trim().is_empty() { Err(bad(named, path, "it is empty")) } else { Ok(text) }
}

fn toml_fault(text: &str) -> Option<String> {
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            return Some(format!("it is not TOML: line {}, column {column}: {}", before.matches('\n').count() + 1, error.message()));
        }
    };
    DECIDED
        .iter()
        .find(|(keys, _)| has(&table, keys))
        .map(|(keys, why)| format!("the manifest decides `{}`, so leave it out: {why}", keys.join(".")))
}

/// Whether a table has a value by this path. buildkitd takes keys in any case, as its reader of TOML does.
fn has(table: &toml::Table, keys: &[&str]) -> bool {
    let Some((key, below)) = keys.split_first() else { return true };
    let found = table.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
    found.into_iter().any(|(_, value)| below.is_empty() || value.as_table().is_some_and(|table| has(table, below)))
}

fn certificates_fault(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") {
        return Some("it has a private key, which everybody could read in a ConfigMap".into());
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Err(error) => Some(format!("it is not PEM: {error}")),
        Ok(found) if found.is_empty() => Some("it has no certificate in PEM (BEGIN CERTIFICATE)".into()),
        Ok(found) => {
            let mut roots = rustls::RootCertStore::empty();
            let broken = found.into_iter().enumerate().find_map(|(at, one)| roots.add(one).err().map(|error| (at + 1, error)));
            broken.map(|(number, error)| format!("certificate {number} in it can't be read: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_taken_or_refused_with_its_place() {
        for good in [
            "debug = true\n",
            "[registry.\"docker.io\"]\n  mirrors = [\"m.example\"]\n",
            "[worker.oci]\n  gc = true\n",
            "# nothing\n",
            "[grpc]\n",
        ] {
            assert_eq!(toml_fault(good), None, "{good}");
        }
        for (bad, why) in [
            ("debug = \n", "line 1, column 9"),
            ("a = 1\na = 2\n", "line 2, column 1"),
            ("{\"debug\": true}\n", "line 1, column 1"),
            ("[worker\n", "line 1"),
            ("root = \"/x\"\n", "`root`"),
            ("[grpc]\naddress = []\n", "`grpc.address`"),
            ("grpc.tls.cert = \"x\"\n", "use --tls"),
            ("[worker.oci]\nsnapshotter = \"native\"\n", "use --snapshotter"),
            ("[worker.oci]\nnoProcessSandbox = true\n", "choose by --profile"),
            ("[Worker.OCI]\nNOPROCESSSANDBOX = true\n", "choose by --profile"),
        ] {
            let said = toml_fault(bad).unwrap_or_else(|| panic!("{bad} is taken"));
            assert!(said.contains(why), "{bad}: {said}");
        }
    }

    #[test]
    fn a_bundle_is_of_certificates_alone() {
        let tls = super::super::certificates::make(vec!["a.example".into()]).expect("certificates");
        let bundle = format!("# ours\n{}\n{}", tls.ca, tls.server.certificate);
        assert_eq!(certificates_fault(&bundle), None);
        let cut = tls.ca.replacen("END CERTIFICATE", "END", 1);
        let broken = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        for (bad, why) in [
            ("hello", "no certificate in PEM"),
            (&tls.client.key, "private key"),
            (&format!("{bundle}{}", tls.server.key), "private key"),
            (&cut, "not PEM"),
            (&format!("{}{broken}", tls.ca), "certificate 2"),
        ] {
            let said = certificates_fault(bad).unwrap_or_else(|| panic!("{bad} is taken"));
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}
