//! What goes on, by what a pod's status and buildctl's lines say.

mod digest;
mod failure;
mod pod;

pub use digest::{Digests, Pushed, reported_digest};
pub use failure::{Failure, job_failure};
pub use pod::{Phase, phase};
