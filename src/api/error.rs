use crate::node::Rule;
use crate::text::{plain, shortened};

/// The longest message that is passed on, in bytes: a proxy's answer may be a page of HTML.
const LONGEST: usize = 500;

/// What somebody else says, as one line that fits into a message.
pub(super) fn said(text: impl Into<String>) -> String {
    plain(&shortened(text, LONGEST), LONGEST)
}

/// A request that was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No way to the API server is known.
    #[error("no access to the API server: {0}")]
    NoAccess(String),
    /// The API server could not be reached.
    #[error("{what}: the API server {server} could not be reached: {why}")]
    Unreachable {
        /// Method and path.
        what: String,
        /// Its URL, and who said so.
        server: String,
        /// The whole chain of reasons.
        why: String,
    },
    /// It did not answer in time.
    #[error("{what}: no complete answer from the API server {server} within {seconds} s")]
    Silent {
        /// Method and path.
        what: String,
        /// Its URL, and who said so.
        server: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The answer goes on and on.
    #[error("{what}: the answer of the API server {server} does not end: {bound}")]
    Endless {
        /// Method and path.
        what: String,
        /// Its URL, and who said so.
        server: String,
        /// What was enough.
        bound: String,
    },
    /// It refused.
    #[error("{what}: refused with {code}: {message}")]
    Refused {
        /// Method and path.
        what: String,
        /// The HTTP status.
        code: u16,
        /// What the API server says.
        message: String,
    },
    /// The answer makes no sense.
    #[error("{what}: the answer of the API server {server} could not be read: {why}")]
    Garbled {
        /// Method and path.
        what: String,
        /// Its URL, and who said so.
        server: String,
        /// Where it stops making sense.
        why: String,
    },
    /// The request could not even be written.
    #[error("no request could be made: {0}")]
    Unsendable(#[from] kube::core::request::Error),
    /// Nothing keeps this account from writing what is not ours.
    #[error(
        "no admission policy confines this account: {what} was not refused by its rule (tried as a dry run). The policy {policy} or its binding is missing, of another version, or for another account. Apply manifests/agent as it is, or `buildkit-preflight render agent` for another namespace or label prefix. (kustomize's own namespace and namePrefix do not change the policy.)"
    )]
    Unconfined {
        /// What was tried.
        what: &'static str,
        /// The policy that should have refused it.
        policy: &'static str,
    },
    /// Whether something keeps this account from that can't be seen, since somebody else refuses it first.
    #[error(
        "it is unknown whether the admission policy {policy} confines this account: {what} (tried as a dry run) was refused, but not by that policy: {message}"
    )]
    Undecided {
        /// What was tried.
        what: &'static str,
        /// The policy that should have refused it.
        policy: &'static str,
        /// Who refused it, and why.
        message: String,
    },
}

impl Error {
    /// The HTTP status of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Error::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether a rule of the admission policies refused an event, whose name is short: its text is not cut off.
    pub fn is_refusal_of(&self, rule: Rule) -> bool {
        matches!(self, Error::Refused { code: 403 | 422, message, .. } if message.contains(rule.refusal()))
    }

    /// Whether what was asked for may have been done all the same: the request was sent, and what was answered is not known.
    pub fn may_be_done(&self) -> bool {
        matches!(self, Error::Unreachable { .. } | Error::Silent { .. } | Error::Garbled { .. } | Error::Endless { .. })
    }

    /// A word for a metric: never the text, which has no bounds.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::NoAccess(_) | Error::Unreachable { .. } => "unreachable",
            Error::Silent { .. } => "timeout",
            Error::Refused { code: 409, .. } => "conflict",
            Error::Refused { code: 429 | 500.., .. } => "server",
            Error::Refused { .. } => "refused",
            Error::Garbled { .. } | Error::Endless { .. } | Error::Unsendable(_) => "garbled",
            Error::Unconfined { .. } | Error::Undecided { .. } => "unconfined",
        }
    }
}

/// An error with all its reasons, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text += &format!(": {reason}");
        }
        source = error.source();
    }
    text
}
