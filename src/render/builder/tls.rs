//! Mutual TLS between the builder and its clients.

use std::fmt;

/// The certificates of a builder and of its clients. Whoever makes them has a clock and chance; here they are texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate of the one who signed both, in PEM. Nobody keeps its key.
    pub ca: String,
    /// The daemon's.
    pub server: Pair,
    /// That of all clients.
    pub client: Pair,
    /// Until when they are valid, as a date.
    pub until: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key, which must not come into a log.
    pub key: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_no_log() {
        let pair = Pair { certificate: "seen".into(), key: "secret".into() };
        assert_eq!(format!("{pair:?}"), r#"Pair { certificate: "seen", .. }"#);
    }
}
