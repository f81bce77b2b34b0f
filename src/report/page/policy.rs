//! What a page may do: run its own script and style, and nothing else.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;

/// A Content-Security-Policy.
pub(super) struct Policy {
    script: String,
    style: String,
    live: bool,
}

impl Policy {
    /// Of a page that has this script and this style. One that is live asks its own server.
    pub(super) fn of(script: &str, style: &str, live: bool) -> Self {
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
        Policy { script: hash(script), style: hash(style), live }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connect = if self.live { "'self'" } else { "'none'" };
        write!(f, "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; ", self.script, self.style)?;
        // Texts can't become markup even by a mistake of the script: nothing may make a trusted type.
        write!(
            f,
            "img-src data:; connect-src {connect}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        )
    }
}
