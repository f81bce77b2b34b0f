//! From the words of an error to causes, in order: one table of messages, read by whoever has words of rootlesskit, BuildKit, runc,
//! the runtime, the kubelet or the API server.
//!
//! [`Scan`] reads a log of any size and keeps what it spoke of. [`explain`] weighs that with the facts, by the judge's own rows.

mod scan;
mod signature;
#[cfg(test)]
mod tests;
mod weigh;

pub use scan::{Hit, Log, Scan, step_of};
pub use signature::{SIGNATURES, Signature, Weight};
pub use weigh::{Explained, Weighed, explain};
